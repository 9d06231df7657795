using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class ProjectionShortcutTests
{
    /// <summary>One source and two; channels of all kinds that tensor cores take; fewer pixels than a tile and more.</summary>
    private static readonly OpCase[] Shapes =
    [
        Case(new Shape(2, 3, 5), 16, [8], 24, biases: true), Case(new Shape(2, 3, 5), 8, [8], 16, biases: false), Case(new Shape(1, 9, 6), 8, [64, 8], 40, biases: true),
        Case(new Shape(3, 8, 8), 8, [128, 72], 72, biases: true), Case(new Shape(3, 8, 8), 72, [64, 8], 136, biases: false),
    ];

    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases =>
        TestDevices.Cross(["cuda"], Shapes.Select(each => each.InBFloat16())).Concat(TestDevices.Cross(["cpu"], Shapes[..3]));

    /// <summary>
    /// Forward, tangent, all gradients (of both biases too, or without any), and bits: within the convolution's kernel where the device knows how; elsewhere
    /// as a layer of its own, which is how the float64 loop is known to be right.
    /// </summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void A_convolution_with_a_shortcut_agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Fact]
    public void A_device_that_does_not_add_shortcuts_says_so()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using var program = new ComputeProgram(cpu);
        Tensor Create(params int[] extents) => cpu.CreateTensor(new Shape(extents));
        Tensor x = Create(1, 4, 4, 8), weight = Create(16, 3, 3, 8), bias = Create(16);
        Refused("does not add", new ProjectionShortcut(Create(1, 4, 4, 24), null, Create(16, 1, 1, 24), Create(16)));
        Refused("do not fit", new ProjectionShortcut(Create(1, 4, 2, 24), null, Create(16, 1, 1, 24), Create(16)));
        Refused("do not fit", new ProjectionShortcut(Create(1, 4, 4, 24), null, Create(16, 1, 1, 16), Create(16)));
        Refused("one bias only", new ProjectionShortcut(Create(1, 4, 4, 24), null, Create(16, 1, 1, 24), null));

        void Refused(string reason, ProjectionShortcut shortcut)
        {
            Assert.False(Conv2d.TakesShortcut(cpu, x, 16, shortcut));
            Assert.Contains(reason, Assert.Throws<ArgumentException>(() => Conv2d.Apply(program, x, weight, bias, shortcut: shortcut)).Message, StringComparison.Ordinal);
        }
    }

    /// <param name="images">(N, H, W).</param>
    /// <param name="channels">Channels of the convolution's input.</param>
    /// <param name="sources">Channels of the shortcut's sources, one or two.</param>
    /// <param name="outputs">Output channels.</param>
    /// <param name="biases">Whether convolution and shortcut have a bias.</param>
    private static OpCase Case(Shape images, int channels, int[] sources, int outputs, bool biases)
    {
        Shape Images(int c) => new([.. images.ToArray(), c]);
        bool two = sources.Length > 1;
        int far = sources.Sum(), activations = 1 + sources.Length;
        return new OpCase(
            $"conv2d of {Images(channels)} with a shortcut of {string.Join('+', sources)} channels to {outputs}{(biases ? "" : ", no biases")}",
            [
                Images(channels), .. sources.Select(Images), new Shape(outputs, 3, 3, channels), new Shape(outputs, 1, 1, far),
                .. biases ? (Shape[])[new Shape(outputs), new Shape(outputs)] : [],
            ],
            (p, v) =>
            {
                (Tensor weight, Tensor? bias) = (v[activations], biases ? v[activations + 2] : null);
                var shortcut = new ProjectionShortcut(v[1], two ? v[2] : null, v[activations + 1], biases ? v[activations + 3] : null);
                return Conv2d.TakesShortcut(p.Device, v[0], outputs, shortcut)
                    ? Conv2d.Apply(p, v[0], weight, bias, scale: 0.75f, shortcut: shortcut)
                    : Conv2d.Apply(p, v[0], weight, bias, Linear.Apply(p, v[1], shortcut.Weight.Reshape(outputs, far), shortcut.Bias, xSkip: shortcut.XSkip), 0.75f);
            },
            v => Reference(images.ToArray(), channels, sources, outputs, v))
        { ActivationInputs = activations, WeightInputs = 2, TangentInputs = activations };
    }

    private static double[] Reference(int[] images, int channels, int[] sources, int outputs, double[][] v)
    {
        (int h, int w, int far, int weights) = (images[1], images[2], sources.Sum(), 1 + sources.Length);
        double[] y = new double[images[0] * h * w * outputs];
        for (int i = 0; i < y.Length; i++)
        {
            int pixel = i / outputs, k = i % outputs, row = pixel / w % h, column = pixel % w;
            double sum = v.Length > weights + 2 ? v[weights + 2][k] + v[weights + 3][k] : 0;
            for (int tap = 0; tap < 9; tap++)
            {
                (int r, int s) = (tap / 3 - 1, tap % 3 - 1);
                for (int c = 0; c < channels && row + r >= 0 && row + r < h && column + s >= 0 && column + s < w; c++)
                    sum += v[weights][(k * 9 + tap) * channels + c] * v[0][(pixel + r * w + s) * channels + c];
            }

            for (int source = 0, first = 0; source < sources.Length; first += sources[source++])
                for (int c = 0; c < sources[source]; c++)
                    sum += v[weights + 1][k * far + first + c] * v[1 + source][pixel * sources[source] + c];
            y[i] = 0.75 * sum;
        }

        return y;
    }
}
