using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class ImageResizeTests
{
    private const double Tolerance = 5e-7;

    private static readonly Dictionary<string, (Func<int, int, ResizeTaps> Taps, Func<int, int, double[,]> Reference)> Ways = new(StringComparer.Ordinal)
    {
        ["tf1"] = (ResizeTaps.Tf1Bilinear, (input, output) => ResizeReference.Bilinear(input, output, halfPixel: false)),
        ["half pixel"] = (ResizeTaps.HalfPixelBilinear, (input, output) => ResizeReference.Bilinear(input, output, halfPixel: true)),
        ["antialiased"] = (ResizeTaps.AntialiasedBicubic, (input, output) => ResizeReference.Antialiased(input, output)),
        ["plain"] = ((input, output) => ResizeTaps.PlainBicubic(input, output, (double)input / output), (input, output) => ResizeReference.Plain(input, output, (double)input / output)),
    };

    public static IEnumerable<TheoryDataRow<string, string>> Rows => TestDevices.Cross(["cpu", "simulator", "cuda"], Ways.Keys);

    [Theory]
    [MemberData(nameof(Rows))]
    public void Agrees_with_float64(string device, string way)
    {
        foreach ((Shape images, int height, int width) in ((Shape, int, int)[])[(new(2, 5, 4, 3), 9, 11), (new(1, 13, 17, 3), 5, 7), (new(1, 3, 7, 1), 7, 3), (new(1, 1, 2, 3), 3, 1)])
        {
            (byte[] bytes, float[] actual) = Resize(TestDevices.Get(device), images, Ways[way].Taps(images.H, height), Ways[way].Taps(images.W, width), [0.5f, 2f, -1f], [1f, 2f, 3f]);
            double[] expected = Expected(bytes, images, Ways[way].Reference(images.H, height), Ways[way].Reference(images.W, width), [0.5, 2, -1], [1, 2, 3]);
            Assert.InRange(OpBattery.RelativeError(expected, actual), 0, Tolerance);
        }
    }

    [Theory]
    [InlineData("tf1", "half pixel")]
    [InlineData("antialiased", "plain")]
    public void A_neighbouring_convention_is_seen(string way, string other)
    {
        var images = new Shape(1, 13, 17, 3);
        (byte[] bytes, float[] actual) = Resize(TestDevices.Get("cpu"), images, Ways[way].Taps(13, 5), Ways[way].Taps(17, 7), [1, 1, 1], [0, 0, 0]);
        double[] broken = Expected(bytes, images, Ways[other].Reference(13, 5), Ways[other].Reference(17, 7), [1, 1, 1], [0, 0, 0]);
        Assert.InRange(OpBattery.RelativeError(broken, actual), 1e-2, 10);
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void A_shift_may_be_an_image(string device)
    {
        float[] shift = [.. Enumerable.Range(0, 2 * 3 * 3).Select(i => (float)i)];
        var images = new Shape(2, 2, 3, 3);
        (byte[] bytes, float[] actual) = Resize(TestDevices.Get(device), images, ResizeTaps.Tf1Bilinear(2, 2), ResizeTaps.Tf1Bilinear(3, 3), [1, 1, 1], shift);
        Assert.Equal(bytes.Select((value, i) => value + shift[i % shift.Length]), actual);
    }

    /// <summary>32 to 299: the first pixel is the first, and the last nine positions repeat the last pixel.</summary>
    [Fact]
    public void TensorFlow_s_resizing_moves_the_picture_to_the_upper_left()
    {
        double[] ramp = [.. Enumerable.Range(0, 32).Select(i => (double)i)];
        double[] wide = ResizeTaps.Apply(ramp, ResizeTaps.Tf1Bilinear(1, 1), ResizeTaps.Tf1Bilinear(32, 299), 1);
        Assert.Equal(0, wide[0]);
        Assert.All(wide[290..], value => Assert.Equal(31, value));
        Assert.InRange(wide[289], 30.9, 31 - 1e-9);
        double[] centred = ResizeTaps.Apply(ramp, ResizeTaps.HalfPixelBilinear(1, 1), ResizeTaps.HalfPixelBilinear(32, 299), 1);
        Assert.Equal(0.446, wide[150] - centred[150], 1e-3);
    }

    /// <summary>A step that is not the quotient of the extents, as DINOv2 takes for its positions.</summary>
    [Theory]
    [InlineData(37 / 16.1, 0, 1e-12)]
    [InlineData(37 / 16.0, 1e-3, 10)]
    public void A_step_of_its_own_counts(double step, double least, double most)
    {
        double[] values = [.. Enumerable.Range(0, 37 * 2).Select(i => Math.Sin(i * 0.7))];
        double[] expected = ResizeReference.Apply(values, 1, ResizeReference.Plain(37, 16, 37 / 16.1), ResizeReference.Plain(1, 1, 1), 2);
        double[] actual = ResizeTaps.Apply(values, ResizeTaps.PlainBicubic(37, 16, step), ResizeTaps.PlainBicubic(1, 1, 1), 2);
        Assert.InRange(expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max(), least, most);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using Tensor bytes = cpu.CreateTensor(new Shape(3), DType.Int32), floats = cpu.CreateTensor(new Shape(3)), three = cpu.CreateTensor(new Shape(3)), two = cpu.CreateTensor(new Shape(2));
        using var program = new ComputeProgram(cpu);
        ResizeTaps taps = ResizeTaps.Tf1Bilinear(2, 2);
        foreach (Action record in (Action[])
        [
            () => ImageResize.Apply(program, floats, new Shape(1, 2, 2, 3), taps, taps, three, three),
            () => ImageResize.Apply(program, bytes, new Shape(1, 2, 3, 3), taps, taps, three, three),
            () => ImageResize.Apply(program, bytes, new Shape(1, 2, 2, 2), taps, taps, three, three),
            () => ImageResize.Apply(program, bytes, new Shape(1, 4, 1, 3), taps, taps, three, three),
            () => ImageResize.Apply(program, bytes, new Shape(1, 2, 2, 3), taps, taps, two, three),
            () => ImageResize.Apply(program, bytes, new Shape(1, 2, 2, 3), taps, taps, three, two),
        ])
            Assert.Contains("image-resize", Assert.Throws<ArgumentException>(record).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => ResizeTaps.Tf1Bilinear(0, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => ResizeTaps.AntialiasedBicubic(3, 0));
        Assert.Throws<ArgumentException>(() => ResizeTaps.Apply(new double[3], taps, taps, 1));
    }

    private static double[] Expected(byte[] bytes, Shape images, double[,] rows, double[,] columns, double[] scale, double[] shift)
    {
        double[] values = [.. bytes.SelectMany(value => Enumerable.Repeat((double)value, 3 / images.C))];
        return [.. ResizeReference.Apply(values, images.N, rows, columns, 3).Select((value, i) => scale[i % 3] * value + shift[i % 3])];
    }

    private static (byte[] Bytes, float[] Values) Resize(ComputeDevice device, Shape images, ResizeTaps rows, ResizeTaps columns, float[] scale, float[] shift)
    {
        byte[] bytes = new byte[images.Count];
        new Random(3).NextBytes(bytes);
        int[] words = new int[ImageResize.Words(bytes.Length)];
        Buffer.BlockCopy(bytes, 0, words, 0, bytes.Length);
        using Tensor source = device.CreateTensor(new Shape(words.Length), DType.Int32), scales = device.CreateTensor(new Shape(3), scale);
        using Tensor shifts = device.CreateTensor(shift.Length == 3 ? new Shape(3) : new Shape(rows.Output, columns.Output, 3), shift);
        using Tensor result = device.CreateTensor(new Shape(images.N, rows.Output, columns.Output, 3));
        source.Upload<int>(words);
        using var program = new ComputeProgram(device) { Checked = true };
        Copy.Into(program, ImageResize.Apply(program, source, images, rows, columns, scales, shifts), result);
        program.Run();
        return (bytes, result.ToArray());
    }
}
