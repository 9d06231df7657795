using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary><see cref="Resample2d"/> of images (n, size, size, channels): up doubles height and width, down halves them.</summary>
internal sealed class ResampleCase : MapCase
{
    private readonly bool up;

    public static readonly CaseFamily Kind = new(
        "resample", "up or down, n IMAGES c CHANNELS SIZExSIZE of the input: down n256 c256 32x32", @"(?<way>up|down) n(?<n>\d+) c(?<c>\d+) (?<size>\d+)x\k<size>", Directions,
        (s, direction, type) => new ResampleCase(s.Word("way") == "up", s["n"], s["size"], s["c"], type, direction))
    {
        Shapes = scope => scope.Shapes(["up n2 c12 2x2", "down n2 c12 4x4"], ["up n32 c64 8x8", "down n32 c64 16x16"], layers => layers.Resamplings),
    };

    public ResampleCase(bool up, int n, int size, int channels, DType type, string direction)
        : base("resample", direction, $"{(up ? "up" : "down")} n{n} c{channels} {size}x{size}", type)
    {
        if (!up && size % 2 != 0)
            throw new ArgumentException("an odd size cannot be halved");
        this.up = up;
        Input = new Shape(n, size, size, channels);
    }

    /// <summary>x and y, or dy and dx, are moved; one has four pixels for each pixel of the other.</summary>
    public override double Bytes => Stored(Input.Count * (up ? 5 : 1.25) * (IsDual ? 2 : 1));

    protected override Shape Input { get; }

    protected override Tensor Apply(ComputeProgram program, Tensor x) => up ? Resample2d.Up(program, x) : Resample2d.Down(program, x);

    protected override double Value(Operand x, long i) => up ? x[Coarse(i, 2 * Input.H)] : Fine(i, Input.H).Average(j => x[j]);

    protected override double Tangent(Operand x, long count, long i) => up ? x[count + Coarse(i, 2 * Input.H)] : Fine(i, Input.H).Average(j => x[count + j]);

    protected override double Gradient(Operand x, Operand dy, long i) => up ? Fine(i, 2 * Input.H).Sum(j => dy[j]) : dy[Coarse(i, Input.H)] / 4;

    /// <summary>Returns the element of the small image that covers element i of the large one, whose images are <paramref name="size"/> pixels high.</summary>
    private long Coarse(long i, int size)
    {
        (long pixel, long c) = (i / Input.C, i % Input.C);
        (long n, long h, long w) = (pixel / size / size, pixel / size % size, pixel % size);
        return ((n * (size / 2) + h / 2) * (size / 2) + w / 2) * Input.C + c;
    }

    /// <summary>Returns the four elements of the large image, <paramref name="size"/> pixels high, that element i of the small one covers.</summary>
    private IEnumerable<long> Fine(long i, int size)
    {
        (long pixel, long c) = (i / Input.C, i % Input.C);
        int half = size / 2;
        (long n, long h, long w) = (pixel / half / half, pixel / half % half, pixel % half);
        for (int tap = 0; tap < 4; tap++)
            yield return ((n * size + 2 * h + tap / 2) * size + 2 * w + tap % 2) * Input.C + c;
    }
}
