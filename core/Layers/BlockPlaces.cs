namespace Equivariant.Core.Layers;

/// <summary>The edges of a layer's blocks as positions of ports, checked.</summary>
internal sealed class BlockPlaces
{
    private readonly Dictionary<Block, (int Input, int Output)[]> _edges = [];

    /// <summary>Finds the ports that blocks name.</summary>
    /// <exception cref="EquivariantException">A block names no port, joins what it can't join, or shares weights between ports that are not alike.</exception>
    public BlockPlaces(IReadOnlyList<Port> inputs, IReadOnlyList<Port> outputs, IReadOnlyList<Block> blocks)
    {
        Inputs = inputs;
        Outputs = outputs;
        Blocks = blocks;
        foreach (Block block in blocks)
        {
            (int, int)[] edges = [.. block.Edges.Select(edge => (block.Kind == BlockKind.Bias ? -1 : Find(block, inputs, edge.Input, "input"), Find(block, outputs, edge.Output, "output")))];
            foreach ((int input, int output) in edges)
            {
                RequireAlike(block, block.Kind == BlockKind.Bias ? null : (inputs[edges[0].Item1], inputs[input]));
                RequireAlike(block, (outputs[edges[0].Item2], outputs[output]));
                if (block.Kind == BlockKind.Equivariant)
                {
                    RequireJoined(block, inputs[input], outputs[output]);
                }
            }

            _edges.Add(block, edges);
        }
    }

    /// <summary>The inputs.</summary>
    public IReadOnlyList<Port> Inputs { get; }

    /// <summary>The outputs.</summary>
    public IReadOnlyList<Port> Outputs { get; }

    /// <summary>The blocks.</summary>
    public IReadOnlyList<Block> Blocks { get; }

    /// <summary>The edges of a block; the input is −1 for a bias.</summary>
    public IReadOnlyList<(int Input, int Output)> EdgesOf(Block block) => _edges[block];

    /// <summary>The input and output that a block's map is made for: those of its first edge.</summary>
    public (Port Input, Port Output) EndsOf(Block block) => (Inputs[_edges[block][0].Input], Outputs[_edges[block][0].Output]);

    /// <summary>The linear blocks, other than biases, that lead to an output, once for each edge, with their inputs.</summary>
    public IEnumerable<(Block Block, Port Input)> LinearInto(int output) =>
        from block in Blocks
        where block.IsLinear && block.Kind != BlockKind.Bias
        from edge in _edges[block]
        where edge.Output == output
        select (block, Inputs[edge.Input]);

    private static int Find(Block block, IReadOnlyList<Port> ports, string name, string what)
    {
        for (int i = 0; i < ports.Count; i++)
        {
            if (ports[i].Name == name)
            {
                return i;
            }
        }

        throw new EquivariantException(
            $"The block '{block.Name}' names the {what} '{name}', but the {what}s are {string.Join(", ", ports.Select(port => $"'{port.Name}'"))}.");
    }

    private static void RequireAlike(Block block, (Port First, Port Other)? ports)
    {
        if (ports is { } pair && !pair.First.IsLike(pair.Other))
        {
            throw new EquivariantException($"The block '{block.Name}' shares its weights between {pair.First} and {pair.Other}, which differ.");
        }
    }

    private static void RequireJoined(Block block, Port input, Port output)
    {
        if (input.Factor != output.Factor)
        {
            throw new EquivariantException(
                $"An equivariant block can't lead from '{input.Name}' (factor '{input.Factor}') to '{output.Name}' (factor '{output.Factor}'): " +
                "the two are moved independently, so only an invariant-symmetric block is equivariant there.");
        }

        if (block.IsSkip && !input.IsLike(output))
        {
            throw new EquivariantException($"The block '{block.Name}' adds {input} to {output}, which differ.");
        }
    }
}
