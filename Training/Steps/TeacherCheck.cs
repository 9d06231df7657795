using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Training.Steps;

/// <summary>Checks that a teacher is given exactly if the objective needs one, and that it fits the student.</summary>
internal static class TeacherCheck
{
    /// <summary>Requires that an objective, a student's network and the files that it learns from fit together.</summary>
    /// <param name="options">The objective's options.</param>
    /// <param name="student">The student's network.</param>
    /// <param name="sigmaData">Standard deviation of the data.</param>
    /// <param name="teacher">The teacher; null without one.</param>
    /// <param name="guide">The teacher's guide; null without one.</param>
    /// <exception cref="ArgumentException">They do not fit; the message says why.</exception>
    public static void Require(ObjectiveOptions options, INetwork student, float sigmaData, ModelFacts? teacher, ModelFacts? guide)
    {
        Objective objective = options.Create();
        Require(objective, options.Name, student, sigmaData, teacher);
        RequireGuide(objective, options.Name, teacher, guide);
        PlayersCheck.Require(objective, options.Name);
        objective.Check(student);
    }

    /// <exception cref="ArgumentException">There is a guide that the objective does not use, or that does not fit the teacher; the message says why.</exception>
    private static void RequireGuide(Objective objective, string name, ModelFacts? teacher, ModelFacts? guide)
    {
        if (guide is null)
            return;
        if (teacher is null || !objective.TakesGuide)
            throw new ArgumentException($"the objective {name} takes no guide{(objective.NeedsTeacher ? " unless max_guidance is above 1" : "")}");
        DiffusionSampler.RequireGuideFit((teacher.Network, teacher.Description), (guide.Network, guide.Description));
    }

    /// <exception cref="ArgumentException">The teacher is missing, superfluous or does not fit; the message says why.</exception>
    private static void Require(Objective objective, string name, INetwork student, float sigmaData, ModelFacts? teacher)
    {
        if (objective.NeedsTeacher != teacher is not null)
            throw new ArgumentException(teacher is null ? $"the objective {name} needs a teacher" : $"the objective {name} takes no teacher");
        if (teacher is null)
            return;
        (NetworkConfig config, NetworkConfig own) = (teacher.Network, student.Config);
        if (config.Image != own.Image || config.LabelCount != own.LabelCount)
            throw new ArgumentException($"the teacher is of {Describe(config)}, but the student of {Describe(own)}");
        if (teacher.Description.Kind != ModelKind.Diffusion)
            throw new ArgumentException($"the teacher is a {teacher.Description.Kind.ToString().ToLowerInvariant()} model by its metadata; a student learns from a diffusion model");
        if (!config.Conditions.IsEmpty)
            throw new ArgumentException($"the teacher takes further conditions ({string.Join(", ", config.Conditions)}); a student learns from a diffusion model of time and class");
        if (Math.Abs(teacher.Description.SigmaData - sigmaData) > 1e-6f * sigmaData)
            throw new ArgumentException($"the teacher was trained with sigma_data {teacher.Description.SigmaData}, not {sigmaData}: the same time would mean different noise");
    }

    private static string Describe(NetworkConfig network) => $"images {network.Image.H}x{network.Image.W}x{network.Image.C} with {(network.LabelCount == 0 ? "no" : network.LabelCount)} classes";
}

/// <summary>What a weight file or a model says of itself, without weights.</summary>
/// <param name="Network">Configuration of the network.</param>
/// <param name="Description">The rest.</param>
internal sealed record ModelFacts(NetworkConfig Network, WeightDescription Description)
{
    /// <summary>What a model says; null for null.</summary>
    public static ModelFacts? Of(TrigFlowModel? model) => model is null ? null : new ModelFacts(model.Network.Config, model.Description);

    /// <summary>Reads what a file says; null for null.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="fallback">Network of a file without a configuration; null if there must be one.</param>
    /// <exception cref="Engine.InvalidFileException">See <see cref="WeightFile.ReadDescription"/>.</exception>
    public static ModelFacts? Read(string? path, NetworkConfig? fallback) =>
        path is null ? null : WeightFile.ReadDescription(path, fallback) is var (network, description) ? new ModelFacts(network, description) : null;
}
