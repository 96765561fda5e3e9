using Equivariant.Pretrained.Weights;

namespace Equivariant.Pretrained;

/// <summary>Which tensor of a file is which of <see cref="Clip"/>, whose names are OpenAI's.</summary>
internal static class ClipNames
{
    /// <summary>OpenAI's names and Hugging Face's in one map: no name means two things.</summary>
    public static WeightMap Map { get; } = new(["state_dict.", "module.", "model."], [.. OpenAi(), .. HuggingFace()]);

    private static IEnumerable<WeightRule> OpenAi()
    {
        foreach (string name in (string[])
        [
            "positional_embedding", "text_projection", "logit_scale", "token_embedding.weight", "ln_final.*",
            "visual.class_embedding", "visual.positional_embedding", "visual.proj", "visual.conv1.weight", "visual.ln_pre.*", "visual.ln_post.*",
            "visual.conv2.weight", "visual.conv3.weight", "visual.bn1.*", "visual.bn2.*", "visual.bn3.*",
            "visual.attnpool.positional_embedding", "visual.attnpool.q_proj.*", "visual.attnpool.k_proj.*", "visual.attnpool.v_proj.*", "visual.attnpool.c_proj.*",
            .. Enumerable.Range(1, 4).SelectMany(layer => ((string[])
                ["conv1.*", "conv2.*", "conv3.*", "bn1.*", "bn2.*", "bn3.*", "downsample.*.*"]).Select(part => $"visual.layer{layer}.*.{part}")),
            .. new[] { "transformer", "visual.transformer" }.SelectMany(transformer => ((string[])
            [
                "ln_1.*", "ln_2.*", "attn.in_proj_weight", "attn.in_proj_bias", "attn.out_proj.*", "mlp.c_fc.*", "mlp.c_proj.*",
            ]).Select(part => $"{transformer}.resblocks.*.{part}")),
        ])
        {
            yield return new(name, name);
        }

        // Numbers beside the weights of OpenAI's archives.
        foreach (string name in (string[])["input_resolution", "context_length", "vocab_size"])
        {
            yield return new(name, null);
        }
    }

    private static IEnumerable<WeightRule> HuggingFace()
    {
        yield return new("text_projection.weight", "text_projection", WeightPart.Transposed);
        yield return new("visual_projection.weight", "visual.proj", WeightPart.Transposed);
        yield return new("text_model.embeddings.token_embedding.weight", "token_embedding.weight");
        yield return new("text_model.embeddings.position_embedding.weight", "positional_embedding");
        yield return new("text_model.embeddings.position_ids", null);
        yield return new("text_model.final_layer_norm.*", "ln_final.*");
        yield return new("vision_model.embeddings.class_embedding", "visual.class_embedding");
        yield return new("vision_model.embeddings.patch_embedding.weight", "visual.conv1.weight");
        yield return new("vision_model.embeddings.position_embedding.weight", "visual.positional_embedding");
        yield return new("vision_model.embeddings.position_ids", null);
        // The first is what real files have.
        yield return new("vision_model.pre_layrnorm.*", "visual.ln_pre.*");
        yield return new("vision_model.pre_layernorm.*", "visual.ln_pre.*");
        yield return new("vision_model.post_layernorm.*", "visual.ln_post.*");
        foreach ((string from, string to) in new[]
        {
            ("text_model.encoder.layers.*", "transformer.resblocks.*"),
            ("vision_model.encoder.layers.*", "visual.transformer.resblocks.*"),
        })
        {
            yield return new($"{from}.layer_norm1.*", $"{to}.ln_1.*");
            yield return new($"{from}.layer_norm2.*", $"{to}.ln_2.*");
            yield return new($"{from}.self_attn.out_proj.*", $"{to}.attn.out_proj.*");
            yield return new($"{from}.mlp.fc1.*", $"{to}.mlp.c_fc.*");
            yield return new($"{from}.mlp.fc2.*", $"{to}.mlp.c_proj.*");
            foreach ((string projection, WeightPart part) in new[]
            {
                ("q_proj", WeightPart.FirstThird), ("k_proj", WeightPart.SecondThird), ("v_proj", WeightPart.LastThird),
            })
            {
                yield return new($"{from}.self_attn.{projection}.weight", $"{to}.attn.in_proj_weight", part);
                yield return new($"{from}.self_attn.{projection}.bias", $"{to}.attn.in_proj_bias", part);
            }
        }
    }
}
