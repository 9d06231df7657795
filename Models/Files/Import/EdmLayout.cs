namespace TrigFlowNative.Models;

/// <summary>
/// The layout of EDM's network pickles: an <c>EDMPrecond</c> that holds the U-Net as <c>model</c>. Those of the class <c>SongUNet</c> with DDPM++'s settings are this program's DDPM++
/// in EDM's own variant; NCSN++ and ADM networks have other layers. Arguments that name our architecture mean its TrigFlow form in the same layout.
/// </summary>
internal static class EdmLayout
{
    private const string Prefix = "model.", Unet = "SongUNet";

    /// <summary>Whether a module is such a network.</summary>
    public static bool Recognises(PersistentModule module) => module.ClassName is "EDMPrecond" && module.MapOf("_modules").Find("model") is not null;

    /// <summary>Reads the arguments.</summary>
    public static NetworkLayout Read(PersistentModule module)
    {
        ConstructorArguments arguments = new(module, "img_resolution", "img_channels", "label_dim", "use_fp16", "sigma_min", "sigma_max", "sigma_data", "model_type");
        bool own = arguments.Word("architecture", "") == DdpmppConfig.Word;
        arguments.Require("model_type", arguments.Word("model_type", own ? Unet : "DhariwalUNet"), Unet);
        float sigmaData = arguments.Real("sigma_data", WeightFile.DefaultSigmaData);
        DdpmppConfig config = new()
        {
            Resolution = arguments.Int("img_resolution"),
            ImageChannels = arguments.Int("img_channels"),
            LabelCount = arguments.Int("label_dim", 0),
            ModelChannels = arguments.Int("model_channels", 128),
            ChannelMult = arguments.Ints("channel_mult", 1, 2, 2, 2),
            ChannelMultEmb = arguments.Int("channel_mult_emb", 4),
            BlocksPerLevel = arguments.Int("num_blocks", 4),
            AttentionResolutions = arguments.Ints("attn_resolutions", 16),
            Variant = own ? DdpmppVariant.TrigFlow : DdpmppVariant.Edm,
            SigmaData = sigmaData,
        };
        arguments.Require("embedding_type", arguments.Word("embedding_type", "positional"), "positional");
        arguments.Require("encoder_type", arguments.Word("encoder_type", "standard"), "standard");
        arguments.Require("decoder_type", arguments.Word("decoder_type", "standard"), "standard");
        arguments.Require("channel_mult_noise", arguments.Int("channel_mult_noise", 1), 1);
        arguments.Require("resample_filter", string.Join(", ", arguments.Ints("resample_filter", 1, 1)), "1, 1");
        arguments.Ignore("use_fp16", "sigma_min", "sigma_max", "dropout", "label_dropout", "augment_dim");
        arguments.RequireAllKnown();
        return new NetworkLayout("network of EDM's layout", Prefix, arguments.Fault is null ? config : null, arguments.Fault)
        {
            SigmaData = sigmaData is > 0 and < float.PositiveInfinity ? sigmaData : WeightFile.DefaultSigmaData,
        };
    }
}
