namespace Equivariant.Core;

/// <namespacedoc><summary>What the whole core shares: its exception.</summary></namespacedoc>
/// <summary>An error for people: its message names the value, the rule it breaks and what to do.</summary>
/// <param name="message">One or two sentences, complete in themselves.</param>
public class EquivariantException(string message) : Exception(message);
