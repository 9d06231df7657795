using TrigFlowNative.Engine;

namespace TrigFlowNative.Tests.Ptx;

/// <summary>
/// Products of a warpgroup whose right and perhaps left operands lie in shared memory (wgmma, PTX ISA 8.0, section 9.7.14): a warp makes its
/// own 16 rows. They read registers and shared memory no sooner than somebody waits for their group.
/// </summary>
internal sealed partial class PtxMachine
{
    private const int Depth = 16;

    private Func<Warp, bool> MultiplyOfWarpgroup(Instruction i)
    {
        string form = i.Name.Single(part => part.StartsWith("m64n", StringComparison.Ordinal));
        int columns = int.Parse(form.AsSpan(4, form.IndexOf('k', StringComparison.Ordinal) - 4), System.Globalization.CultureInfo.InvariantCulture);
        ulong[][] sums = Registers(i.Operands[0]);
        ulong[][] fragments = i.Operands[1][0] == '{' ? Registers(i.Operands[1]) : [];
        Func<int, ulong> left = fragments.Length > 0 ? _ => 0 : Value(i.Operands[1]), right = Value(i.Operands[2]), keep = Value(i.Operands[3]);
        bool leftTransposed = fragments.Length == 0 && i.Operands[6] == "1", rightTransposed = i.Operands[^1] == "1";
        Assert(sums.Length == columns / 2, $"{sums.Length} sums: {i.Text}");
        return warp =>
        {
            warp.Whole(i.Text);
            (ulong leftAt, ulong rightAt, bool added) = (left(warp.First), right(warp.First), keep(warp.First) != 0);
            int shift = Rank(warp.First) * BlockStride;
            warp.Products.Add(() =>
            {
                float[,] a = fragments.Length > 0 ? Fragments(warp, fragments) : Operand(shift, leftAt, leftTransposed, InBlock(warp.First) / Lanes % 4 * 16, 16);
                float[,] b = Operand(shift, rightAt, rightTransposed, 0, columns);
                for (int lane = 0; lane < Lanes; lane++)
                {
                    int thread = warp.First + lane;
                    for (int sum = 0; sum < sums.Length; sum++)
                    {
                        int row = lane / 4 + sum % 4 / 2 * 8, column = sum / 4 * 8 + 2 * (lane % 4) + sum % 2;
                        float total = added ? Real(sums[sum][thread]) : 0;
                        for (int k = 0; k < Depth; k++)
                            total += a[row, k] * b[column, k];
                        sums[sum][thread] = Bits(total);
                    }
                }
            });
            return true;
        };
    }

    private static bool CommitProducts(Warp warp)
    {
        warp.Groups.Enqueue([.. warp.Products]);
        warp.Products.Clear();
        warp.Committed++;
        return true;
    }

    /// <summary>Lets products happen until as many groups are under way as the operand says, once all warps of the warpgroup have issued the others.</summary>
    private Func<Warp, bool> FinishProducts(Instruction i)
    {
        Func<int, ulong> left = Value(i.Operands[0]);
        return warp =>
        {
            int wanted = warp.Committed - (int)left(warp.First);
            if (Warpgroup(warp).Any(other => other.Committed < wanted))
                return false;
            FinishProducts(warp, wanted);
            return true;
        };
    }

    /// <summary>When one warp has waited for its products, those of all four warps of its warpgroup are done.</summary>
    private void FinishProductsAlike(Warp warp)
    {
        foreach (Warp other in Warpgroup(warp))
            FinishProducts(other, warp.Committed - warp.Groups.Count);
    }

    private static void FinishProducts(Warp warp, int wanted)
    {
        while (warp.Committed - warp.Groups.Count < wanted)
            warp.Groups.Dequeue().ForEach(product => product());
    }

    private IEnumerable<Warp> Warpgroup(Warp warp) => warps.Where(other => Rank(other.First) == Rank(warp.First) && InBlock(other.First) / WarpgroupThreads == InBlock(warp.First) / WarpgroupThreads);

    /// <summary>The 16 x 16 left operand that a warp's registers hold, as that of mma.m16n8k16.</summary>
    private static float[,] Fragments(Warp warp, ulong[][] registers)
    {
        float[,] values = new float[16, Depth];
        for (int lane = 0; lane < Lanes; lane++)
            for (int register = 0; register < 4; register++)
                for (int side = 0; side < 2; side++)
                    values[lane / 4 + register % 2 * 8, 2 * (lane % 4) + register / 2 * 8 + side] = Element(registers[register][warp.First + lane], side);
        return values;
    }

    /// <summary>Rows of an operand by 16 inner indices, through its descriptor with the 128-byte swizzle, which knows but the address within the block.</summary>
    private float[,] Operand(int shift, ulong descriptor, bool transposed, int first, int count)
    {
        Assert(descriptor >> 62 == 1, "an operand without the 128-byte swizzle");
        int start = shift + ((int)(descriptor & 0x3FFF) << 4), leading = (int)(descriptor >> 16 & 0x3FFF) << 4, stride = (int)(descriptor >> 32 & 0x3FFF) << 4;
        float[,] values = new float[count, Depth];
        for (int i = 0; i < count; i++)
        {
            for (int k = 0; k < Depth; k++)
            {
                int row = first + i;
                int at = transposed
                    ? start + row / 64 * leading + k / 8 * stride + k % 8 * 128 + row % 64 * 2
                    : start + row / 8 * stride + row % 8 * 128 + 2 * k;
                values[i, k] = BFloat16.Lower(BitConverter.ToUInt16(shared, Swizzled(at)));
            }
        }

        return values;
    }
}
