namespace Equivariant.Core;

/// <summary>An error for people: its message names the value, the rule it breaks and what to do.</summary>
/// <param name="message">One or two sentences, complete in themselves.</param>
public class EquivariantException(string message) : Exception(message);
