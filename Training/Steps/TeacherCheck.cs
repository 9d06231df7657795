using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Training.Steps;

/// <summary>Checks that a teacher is given exactly if the objective needs one, and that it fits the student.</summary>
internal static class TeacherCheck
{
    /// <exception cref="ArgumentException">There is a guide that the objective does not use, or that does not fit the teacher; the message says why.</exception>
    public static void RequireGuide(Objective objective, string name, TrigFlowModel? teacher, TrigFlowModel? guide)
    {
        if (guide is null)
            return;
        if (teacher is null || !objective.TakesGuide)
            throw new ArgumentException($"the objective {name} takes no guide{(objective.NeedsTeacher ? " unless max_guidance is above 1" : "")}");
        DiffusionSampler.RequireGuide(teacher, guide);
    }

    /// <exception cref="ArgumentException">The teacher is missing, superfluous or does not fit; the message says why.</exception>
    public static void Require(Objective objective, string name, INetwork student, float sigmaData, TrigFlowModel? teacher)
    {
        if (objective.NeedsTeacher != teacher is not null)
            throw new ArgumentException(teacher is null ? $"the objective {name} needs a teacher" : $"the objective {name} takes no teacher");
        if (teacher is null)
            return;
        (NetworkConfig config, NetworkConfig own) = (teacher.Network.Config, student.Config);
        if (config.Image != own.Image || config.LabelCount != own.LabelCount)
            throw new ArgumentException($"the teacher's images or classes are not the student's: {config.ToJson()}");
        if (teacher.Kind != ModelKind.Diffusion)
            throw new ArgumentException($"the teacher is a {teacher.Kind.ToString().ToLowerInvariant()} model by its metadata; a student learns from a diffusion model");
        if (!config.Conditions.IsEmpty)
            throw new ArgumentException($"the teacher takes further conditions ({string.Join(", ", config.Conditions)}); a student learns from a diffusion model of time and class");
        if (Math.Abs(teacher.SigmaData - sigmaData) > 1e-6f * sigmaData)
            throw new ArgumentException($"the teacher was trained with sigma_data {teacher.SigmaData}, not {sigmaData}: the same time would mean different noise");
    }
}
