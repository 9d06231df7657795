namespace TrigFlowNative.Tests.Kernels;

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
            "mov" => Unary(i, x => x),
            "mapa" => Unary(i, x => x), // only clusters use what it gives
            "rem" when i.Type == "s32" => Binary(i, (x, y) => (uint)((int)(uint)x % (int)(uint)y)),
            "shr" when i.Type == "s32" => Binary(i, (x, y) => (uint)((int)(uint)x >> (int)y)),
            "neg" when i.Type == "s32" => Unary(i, x => (uint)-(int)(uint)x),
            "not" when i.Type == "pred" => Unary(i, x => x == 0 ? 1u : 0u),
            "cvt" => Convert(i),
            "setp" => Compare(i),
            "selp" => Select(i),
            _ when i.Type == "f32" => DecodeReal(i),
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
        bool signed = i.Type[0] == 's';
        if (i.Type == "f32")
            return i.Each(thread => target[thread] = (i.Name[1] == "gt" ? Real(x(thread)) > Real(y(thread)) : Real(x(thread)) != Real(y(thread)) == (i.Name[1] == "neu")) ? 1u : 0u);
        return i.Each(thread => target[thread] = also(thread) != 0 && Holds(Wide(x(thread)), Wide(y(thread))) ? 1u : 0u);

        long Wide(ulong value) => i.Type.EndsWith("64", StringComparison.Ordinal) ? (long)value : signed ? (int)(uint)value : (uint)value;

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
