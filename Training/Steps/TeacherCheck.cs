using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Training.Steps;

/// <summary>Whether a teacher is there exactly where an objective has one, and fits the student.</summary>
internal static class TeacherCheck
{
    /// <exception cref="ArgumentException">It does not; the message says why.</exception>
    public static void Require(Objective objective, string name, INetwork student, float sigmaData, TrigFlowModel? teacher)
    {
        if (objective.NeedsTeacher != teacher is not null)
            throw new ArgumentException(teacher is null ? $"the objective {name} needs a teacher" : $"the objective {name} has no teacher");
        if (teacher is null)
            return;
        (NetworkConfig config, NetworkConfig own) = (teacher.Network.Config, student.Config);
        if (config.Image != own.Image || config.LabelCount != own.LabelCount)
            throw new ArgumentException($"the teacher is for other images or classes: {config.ToJson()}");
        if (!config.Conditions.IsEmpty || teacher.Kind != ModelKind.Diffusion)
            throw new ArgumentException($"the teacher is no diffusion model of time and class alone: {teacher.Kind}, {config.ToJson()}");
        if (Math.Abs(teacher.SigmaData - sigmaData) > 1e-6f * sigmaData)
            throw new ArgumentException($"the teacher was trained with sigma_data {teacher.SigmaData}, not {sigmaData}: their times mean different noise");
    }
}
