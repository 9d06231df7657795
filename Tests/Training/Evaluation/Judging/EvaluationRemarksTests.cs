using TrigFlowNative.Training.Evaluation;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class EvaluationRemarksTests
{
    [Theory]
    [InlineData("inception-2015", 50_000L, null, 3, "")]
    [InlineData("dinov2-vitl14", 50_000L, null, null, "")]
    [InlineData("resnet18-cntk", 50_000L, null, 3, "between the features 'resnet18-cntk'")]
    [InlineData("inception-2015-random", 50_000L, null, 3, "between the features 'inception-2015-random'")]
    [InlineData("pixels", 50_000L, null, 3, "between pixels")]
    [InlineData("inception-2015", 49_999L, null, 3, "the reference has only 49,999 images")]
    [InlineData("inception-2015", null, null, 3, "images that the reference's moments are of is unknown")]
    [InlineData("inception-2015", 50_000L, 10_000, 3, "features themselves are of only 10,000 images")]
    [InlineData("inception-2015", 50_000L, null, 1, "papers print the least of three draws, this is a single one")]
    public void What_is_unlike_published_numbers_is_remarked_and_nothing_else(string features, long? reference, int? samples, int? seeds, string remark)
    {
        List<string> remarks = EvaluationRemarks.Of(features, 50_000, heldOut: false, reference, samples, seeds);
        if (remark.Length == 0)
            Assert.Empty(remarks);
        else
            Assert.Contains(remark, Assert.Single(remarks), StringComparison.Ordinal);
    }

    [Fact]
    public void Fewer_images_and_held_out_ones_are_remarked() => Assert.Collection(
        EvaluationRemarks.Of("inception-2015", 1_000, heldOut: true, 1_000, null, null),
        remark => Assert.Contains("these of 1,000", remark, StringComparison.Ordinal),
        remark => Assert.Contains("held out of training", remark, StringComparison.Ordinal));
}
