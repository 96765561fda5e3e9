using System.Buffers;

namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// Room for one packed element: on the stack when it is short, from a pool when it is long, so that inner loops allocate nothing.
/// </summary>
internal ref struct Scratch
{
    private const int StackLimit = 256;
    private int[]? _rented;

    public Scratch(int length, Span<int> stack)
    {
        if (length <= stack.Length)
        {
            Span = stack[..length];
        }
        else
        {
            _rented = ArrayPool<int>.Shared.Rent(length);
            Span = _rented.AsSpan(0, length);
        }
    }

    public Span<int> Span { get; }

    public static int StackSize(int length) => length <= StackLimit ? length : 0;

    public void Dispose()
    {
        if (_rented is not null)
        {
            ArrayPool<int>.Shared.Return(_rented);
            _rented = null;
        }
    }
}
