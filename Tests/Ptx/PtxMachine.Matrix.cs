using TrigFlowNative.Engine;

namespace TrigFlowNative.Tests.Ptx;

/// <summary>Instructions of a whole warp: shuffles, loads of matrices and their products (PTX ISA, section on mma.m16n8k16).</summary>
internal sealed partial class PtxMachine
{
    private Func<Warp, bool>? DecodeMatrix(Instruction i) => i.Name[0] switch
    {
        "shfl" => Shuffle(i),
        "ldmatrix" => LoadMatrices(i),
        "stmatrix" => StoreMatrices(i),
        "mma" => Multiply(i),
        "wgmma" => i.Name[1] switch
        {
            "commit_group" => CommitProducts,
            "wait_group" => FinishProducts(i),
            _ => MultiplyOfWarpgroup(i),
        },
        "vote" => Vote(i),
        _ => null,
    };

    private Func<Warp, bool> Shuffle(Instruction i)
    {
        ulong[] target = Register(i.Operands[0]), source = Register(i.Operands[1]);
        Func<int, ulong> distance = Value(i.Operands[2]);
        bool of = i.Name[2] == "idx";
        return warp =>
        {
            ulong[] values = source[warp.First..(warp.First + Lanes)];
            for (int lane = 0; lane < Lanes; lane++)
                target[warp.First + lane] = values[(int)distance(warp.First + lane) ^ (of ? 0 : lane)];
            return true;
        };
    }

    /// <summary>Whether any lane's predicate holds.</summary>
    private Func<Warp, bool> Vote(Instruction i)
    {
        ulong[] target = Register(i.Operands[0]), source = Register(i.Operands[1]);
        return warp =>
        {
            ulong any = source[warp.First..(warp.First + Lanes)].Any(value => value != 0) ? 1u : 0;
            Array.Fill(target, any, warp.First, Lanes);
            return true;
        };
    }

    /// <summary>Four matrices of 8 x 8, whose rows the lanes point at, eight lanes each.</summary>
    private Func<Warp, bool> LoadMatrices(Instruction i)
    {
        bool transposed = i.Name.Contains("trans");
        ulong[][] target = Registers(i.Operands[0]);
        Func<int, int> address = Address(i.Operands[1]);
        return warp =>
        {
            races.ReadTogether(warp.First, [.. warp.Threads.Select(address)], 16, i.Text);
            for (int matrix = 0; matrix < 4; matrix++)
            {
                int[] rows = [.. Enumerable.Range(warp.First + 8 * matrix, 8).Select(address)];
                Assert(rows.Select(row => row / 16 % 8).Distinct().Count() == 8, $"rows in the same banks: {i.Text}");
                for (int lane = 0; lane < Lanes; lane++)
                {
                    int a = lane / 4, b = 2 * (lane % 4);
                    target[matrix][warp.First + lane] = transposed
                        ? Half(rows[b], a) | (ulong)Half(rows[b + 1], a) << 16
                        : Half(rows[a], b) | (ulong)Half(rows[a], b + 1) << 16;
                }
            }

            return true;
        };

        uint Half(int row, int column) => BitConverter.ToUInt16(shared, row + 2 * column);
    }

    /// <summary>The other way round; whole rows of four matrices.</summary>
    private Func<Warp, bool> StoreMatrices(Instruction i)
    {
        Func<int, int> address = Address(i.Operands[0]);
        ulong[][] source = Registers(i.Operands[1]);
        return warp =>
        {
            for (int matrix = 0; matrix < 4; matrix++)
            {
                int[] rows = [.. Enumerable.Range(warp.First + 8 * matrix, 8).Select(address)];
                Assert(rows.All(row => row % 16 == 0) && rows.Select(row => row / 16 % 8).Distinct().Count() == 8, $"rows in the same banks: {i.Text}");
                for (int lane = 0; lane < Lanes; lane++)
                {
                    int at = rows[lane / 4] + 4 * (lane % 4);
                    races.Write(warp.First + lane, at, 4, i.Text);
                    BitConverter.TryWriteBytes(shared.AsSpan(at, 4), (uint)source[matrix][warp.First + lane]);
                }
            }

            return true;
        };
    }

    private Func<Warp, bool> Multiply(Instruction i)
    {
        ulong[][] target = Registers(i.Operands[0]), left = Registers(i.Operands[1]), right = Registers(i.Operands[2]), sum = Registers(i.Operands[3]);
        float[,] a = new float[16, 16], b = new float[16, 8];
        return warp =>
        {
            for (int lane = 0; lane < Lanes; lane++)
            {
                int thread = warp.First + lane, g = lane / 4, c = 2 * (lane % 4);
                for (int side = 0; side < 2; side++)
                {
                    a[g, c + side] = Element(left[0][thread], side);
                    a[g + 8, c + side] = Element(left[1][thread], side);
                    a[g, c + 8 + side] = Element(left[2][thread], side);
                    a[g + 8, c + 8 + side] = Element(left[3][thread], side);
                    b[c + side, g] = Element(right[0][thread], side);
                    b[c + 8 + side, g] = Element(right[1][thread], side);
                }
            }

            for (int lane = 0; lane < Lanes; lane++)
            {
                for (int element = 0; element < 4; element++)
                {
                    int row = lane / 4 + element / 2 * 8, column = 2 * (lane % 4) + element % 2;
                    float total = Real(sum[element][warp.First + lane]);
                    for (int k = 0; k < 16; k++)
                        total += a[row, k] * b[k, column];
                    target[element][warp.First + lane] = Bits(total);
                }
            }

            return true;
        };
    }

    private static float Element(ulong word, int side) => side == 0 ? BFloat16.Lower((uint)word) : BFloat16.Upper((uint)word);

    private static ulong RoundedBits(float value) => BFloat16.FromSingle(value).Bits;
}
