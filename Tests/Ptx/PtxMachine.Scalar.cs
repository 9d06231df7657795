namespace TrigFlowNative.Tests.Ptx;

/// <summary>Instructions on a thread's registers.</summary>
internal sealed partial class PtxMachine
{
    private Func<Warp, bool>? DecodeScalar(Instruction i)
    {
        if (i.Operands.Length == 0)
            return null;
        bool wide = i.Type.EndsWith("64", StringComparison.Ordinal);
        return i.Name[0] switch
        {
            "mov" when i.Operands[0][0] == '{' => Halves(i),
            "mov" => Unary(i, x => x),
            "rem" when i.Type == "s32" => Binary(i, (x, y) => (uint)((int)(uint)x % (int)(uint)y)),
            "shr" when i.Type == "s32" => Binary(i, (x, y) => (uint)((int)(uint)x >> (int)y)),
            "neg" when i.Type == "s32" => Unary(i, x => (uint)-(int)(uint)x),
            "not" when i.Type == "pred" => Unary(i, x => x == 0 ? 1u : 0u),
            "not" when i.Type == "b32" => Unary(i, x => ~(uint)x),
            "cvt" => Convert(i),
            "setp" => Compare(i),
            "selp" => Select(i),
            _ when i.Type == "f32" => DecodeReal(i),
            "lop3" when i.Operands[4] == "0x96" => Ternary(i, (x, y, z) => x ^ y ^ z),
            "and" => Binary(i, (x, y) => x & y),
            "or" => Binary(i, (x, y) => x | y),
            "xor" => Binary(i, (x, y) => x ^ y),
            "add" => Binary(i, (x, y) => Narrow(x + y)),
            "sub" => Binary(i, (x, y) => Narrow(x - y)),
            "mul" when i.Name[1] == "wide" && i.Type == "u32" => Binary(i, (x, y) => (ulong)(uint)x * (uint)y),
            "mul" when i.Name[1] == "lo" => Binary(i, (x, y) => Narrow(x * y)),
            "mad" when i.Name[1] == "wide" && i.Type == "s32" => Ternary(i, (x, y, z) => (ulong)((long)(int)(uint)x * (int)(uint)y) + z),
            "mad" when i.Name[1] == "lo" => Ternary(i, (x, y, z) => Narrow(x * y + z)),
            "shl" => Binary(i, (x, y) => Narrow(x << (int)y)),
            "shr" when i.Type == "u32" => Binary(i, (x, y) => (uint)x >> (int)y),
            "min" when i.Type == "s32" => Binary(i, (x, y) => (uint)Math.Min((int)(uint)x, (int)(uint)y)),
            "max" when i.Type == "s32" => Binary(i, (x, y) => (uint)Math.Max((int)(uint)x, (int)(uint)y)),
            "div" when i.Type == "u32" => Binary(i, (x, y) => (uint)x / (uint)y),
            "div" when i.Type == "s32" => Binary(i, (x, y) => (uint)((int)(uint)x / (int)(uint)y)),
            _ => null,
        };

        ulong Narrow(ulong value) => wide ? value : (uint)value;
    }

    private Func<Warp, bool>? DecodeReal(Instruction i) => i.Name[0] switch
    {
        "add" => Binary(i, (x, y) => Bits(Real(x) + Real(y))),
        "sub" => Binary(i, (x, y) => Bits(Real(x) - Real(y))),
        "mul" => Binary(i, (x, y) => Bits(Real(x) * Real(y))),
        "div" => Binary(i, (x, y) => Bits(Real(x) / Real(y))),
        "max" => Binary(i, (x, y) => Bits(Math.Max(Real(x), Real(y)))),
        "neg" => Unary(i, x => Bits(-Real(x))),
        "fma" => Ternary(i, (x, y, z) => Bits(MathF.FusedMultiplyAdd(Real(x), Real(y), Real(z)))),
        "rcp" => Unary(i, x => Bits(1f / Real(x))),
        "sqrt" => Unary(i, x => Bits(MathF.Sqrt(Real(x)))),
        "tanh" => Unary(i, x => Bits(MathF.Tanh(Real(x)))),
        "ex2" => Unary(i, x => Bits((float)Math.Pow(2, Real(x)))),
        "lg2" => Unary(i, x => Bits((float)Math.Log2(Real(x)))),
        _ => null,
    };

    private Func<Warp, bool>? Convert(Instruction i) => string.Join('.', i.Name) switch
    {
        "cvt.rn.bf16x2.f32" => Binary(i, (upper, lower) => RoundedBits(Real(upper)) << 16 | RoundedBits(Real(lower))),
        "cvt.u64.u32" => Unary(i, x => (uint)x),
        "cvt.s64.s32" => Unary(i, x => (ulong)(long)(int)(uint)x),
        "cvt.rn.f32.s32" => Unary(i, x => Bits((int)(uint)x)),
        _ => null,
    };

    private Func<Warp, bool> Compare(Instruction i)
    {
        ulong[] target = Register(i.Operands[0]);
        Func<int, ulong> x = Value(i.Operands[1]), y = Value(i.Operands[2]);
        Func<int, ulong> also = i.Operands.Length > 3 ? Value(i.Operands[3]) : _ => 1;
        if (i.Type == "f32")
            return i.Each(thread => target[thread] = Ordered(Real(x(thread)), Real(y(thread))) ? 1u : 0u);
        bool signed = i.Type[0] == 's', wide = i.Type.EndsWith("64", StringComparison.Ordinal);
        return i.Each(thread => target[thread] = also(thread) != 0 && Holds(Wide(x(thread)), Wide(y(thread))) ? 1u : 0u);

        long Wide(ulong value) => wide ? (long)value : signed ? (int)(uint)value : (uint)value;

        bool Holds(long a, long b) => i.Name[1] switch
        {
            "lt" or "lo" => a < b,
            "le" => a <= b,
            "gt" or "hi" => a > b,
            "ge" => a >= b,
            "eq" => a == b,
            "ne" => a != b,
            _ => throw new NotSupportedException(i.Text),
        };

        bool Ordered(float a, float b) => i.Name[1] switch
        {
            "lt" => a < b,
            "gt" => a > b,
            "eq" => a == b,
            "neu" => a != b,
            _ => throw new NotSupportedException(i.Text),
        };
    }

    /// <summary>The lower and the upper 32 bits.</summary>
    private Func<Warp, bool> Halves(Instruction i)
    {
        ulong[][] target = Registers(i.Operands[0]);
        Func<int, ulong> x = Value(i.Operands[1]);
        return i.Each(thread => (target[0][thread], target[1][thread]) = ((uint)x(thread), x(thread) >> 32));
    }

    private Func<Warp, bool> Select(Instruction i)
    {
        ulong[] target = Register(i.Operands[0]);
        Func<int, ulong> x = Value(i.Operands[1]), y = Value(i.Operands[2]), predicate = Value(i.Operands[3]);
        return i.Each(thread => target[thread] = predicate(thread) != 0 ? x(thread) : y(thread));
    }

    private Func<Warp, bool> Unary(Instruction i, Func<ulong, ulong> function)
    {
        ulong[] target = Register(i.Operands[0]);
        Func<int, ulong> x = Value(i.Operands[1]);
        return i.Each(thread => target[thread] = function(x(thread)));
    }

    private Func<Warp, bool> Binary(Instruction i, Func<ulong, ulong, ulong> function)
    {
        ulong[] target = Register(i.Operands[0]);
        Func<int, ulong> x = Value(i.Operands[1]), y = Value(i.Operands[2]);
        return i.Each(thread => target[thread] = function(x(thread), y(thread)));
    }

    private Func<Warp, bool> Ternary(Instruction i, Func<ulong, ulong, ulong, ulong> function)
    {
        ulong[] target = Register(i.Operands[0]);
        Func<int, ulong> x = Value(i.Operands[1]), y = Value(i.Operands[2]), z = Value(i.Operands[3]);
        return i.Each(thread => target[thread] = function(x(thread), y(thread), z(thread)));
    }
}
