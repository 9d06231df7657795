namespace TrigFlowNative.Models;

/// <summary>
/// The layout of EDM2's network pickles: a <c>Precond</c> that holds the U-Net as <c>unet</c>. What the arguments leave open, the names of the parameters say: Fourier features,
/// and gains of the embedding in each block, are those of the networks that NVIDIA published; without them a network is in TrigFlow form.
/// </summary>
internal static class Edm2Layout
{
    private const string Prefix = "unet.";

    /// <summary>Whether a module is such a network.</summary>
    public static bool Recognises(PersistentModule module) => module.ClassName == "Precond" && module.MapOf("_modules").Find("unet") is not null;

    /// <summary>Reads the arguments.</summary>
    public static NetworkLayout Read(PersistentModule module, PickleMap? around, IReadOnlyList<ImportedTensor> tensors)
    {
        ConstructorArguments arguments = new(module, "img_resolution", "img_channels", "label_dim", "use_fp16", "sigma_data", "logvar_channels");
        bool fourier = tensors.Any(each => each.Name == $"{Prefix}emb_fourier.freqs"), gains = tensors.Any(each => each.Name.EndsWith(".emb_gain", StringComparison.Ordinal));
        float sigmaData = arguments.Real("sigma_data", WeightFile.DefaultSigmaData);
        Edm2Config config = new()
        {
            Resolution = arguments.Int("img_resolution"),
            ImageChannels = arguments.Int("img_channels"),
            LabelCount = arguments.Int("label_dim", 0),
            ModelChannels = arguments.Int("model_channels", 192),
            ChannelMult = arguments.Ints("channel_mult", 1, 2, 3, 4),
            BlocksPerLevel = arguments.Int("num_blocks", 3),
            AttentionResolutions = arguments.Ints("attn_resolutions", 16, 8),
            ChannelsPerHead = arguments.Int("channels_per_head", 64),
            ClipAct = arguments.Real("clip_act", 256),
            LogvarChannels = arguments.Int("logvar_channels", 128),
            Modulation = !gains ? Edm2Modulation.Double : fourier ? Edm2Modulation.Edm2 : Edm2Modulation.Scale,
            Embedding = fourier ? Edm2Embedding.Fourier : Edm2Embedding.Positional,
            SigmaData = sigmaData,
        };
        if (arguments.Has("channel_mult_noise"))
            arguments.Require("channel_mult_noise", arguments.Int("channel_mult_noise"), config.ChannelMult.FirstOrDefault());
        if (arguments.Has("channel_mult_emb"))
            arguments.Require("channel_mult_emb", arguments.Int("channel_mult_emb"), config.ChannelMult.DefaultIfEmpty().Max());
        foreach ((string name, float value) in new[] { ("label_balance", 0.5f), ("concat_balance", 0.5f), ("res_balance", 0.3f), ("attn_balance", 0.3f) })
            arguments.Require(name, arguments.Real(name, value), value);
        arguments.Require("architecture", arguments.Word("architecture", Edm2Config.Word), Edm2Config.Word);
        arguments.Require("resample_filter", string.Join(", ", arguments.Ints("resample_filter", 1, 1)), "1, 1");
        arguments.Ignore("use_fp16", "dropout", "modulation", "embedding", "channel_mult_noise", "channel_mult_emb");
        arguments.RequireAllKnown();
        bool latents = config.ImageChannels == 4 && PersistentModuleName(around?.Find("encoder")) == "StabilityVAEEncoder";
        return new NetworkLayout("network of EDM2's layout", Prefix, arguments.Fault is null ? config : null, arguments.Fault)
        {
            SigmaData = sigmaData is > 0 and < float.PositiveInfinity ? sigmaData : WeightFile.DefaultSigmaData,
            Latents = latents ? LatentConventions.Get(LatentConventions.Default) : null,
        };
    }

    /// <summary>The class of the encoder, if it was made without arguments that would change the space of its latents.</summary>
    private static string? PersistentModuleName(PickleValue? value) =>
        PersistentModule.Of(value) is { } encoder && !encoder.NamedArguments.Texts.Any(each => each.Name is "raw_mean" or "raw_std" or "final_mean" or "final_std") && encoder.Arguments.Count <= 1
            ? encoder.ClassName
            : null;
}
