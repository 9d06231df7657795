using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public class TapeTests
{
    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    private static readonly Shape Two = new(2);

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Gradients_of_an_input_used_several_times_add_up(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        using Tensor x = device.CreateTensor(Two, [3f, 4]), dx = device.CreateTensor(Two), dy = device.CreateTensor(Two, [1f, 10]);
        var tape = new Tape();
        tape.Watch(x, dx);
        using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        Tensor y = Copy.Join(program, x, null); // transient, so that its gradient is first written and then added to
        Tensor sum = ScaledAdd.Apply(program, ScaledAdd.Apply(program, y, y, 1), ScaledAdd.Apply(program, x, y, 2), 1);
        tape.Seed(sum, dy);
        tape.Backward();
        program.Run();
        Assert.Equal([6f, 60], dx.ToArray()); // (y + y) + 2 (x + y) with y = x
    }

    [Fact]
    public void A_watched_gradient_is_added_to_until_it_is_zeroed()
    {
        using Tensor x = Cpu.CreateTensor(Two, [3f, 4]), dx = Cpu.CreateTensor(Two, [100f, 200]), dy = Cpu.CreateTensor(Two, [1f, 2]);
        var tape = new Tape();
        tape.Watch(x, dx);
        using var program = new ComputeProgram(Cpu) { Tape = tape, Checked = true };
        tape.Seed(ScaledAdd.Apply(program, x, x, 0.5f), dy);
        tape.Backward();
        program.Run();
        Assert.Equal([101f, 202], dx.ToArray());
        program.Run();
        Assert.Equal([102f, 204], dx.ToArray());
    }

    [Fact]
    public void Gradients_pass_through_other_shapes_of_the_same_data()
    {
        using Tensor x = Cpu.CreateTensor(new Shape(2, 3), [1f, 2, 3, 4, 5, 6]), dx = Cpu.CreateTensor(x.Shape), dy = Cpu.CreateTensor(new Shape(6), [1f, 2, 3, 4, 5, 6]);
        var tape = new Tape();
        tape.Watch(x, dx);
        using var program = new ComputeProgram(Cpu) { Tape = tape, Checked = true };
        Tensor y = ScaledAdd.Apply(program, x.Reshape(3, 2), x.Reshape(3, 2), 1);
        tape.Seed(ScaledAdd.Apply(program, y.Reshape(6), y.Reshape(6), 1), dy);
        tape.Backward();
        program.Run();
        Assert.Equal([4f, 8, 12, 16, 20, 24], dx.ToArray());
    }

    [Fact]
    public void What_depends_on_nothing_watched_or_leads_nowhere_costs_no_step()
    {
        using Tensor x = Cpu.CreateTensor(Two), dx = Cpu.CreateTensor(Two), constant = Cpu.CreateTensor(Two), dy = Cpu.CreateTensor(Two);
        var tape = new Tape();
        tape.Watch(x, dx);
        using var program = new ComputeProgram(Cpu) { Tape = tape };
        Tensor unwatched = Silu.Apply(program, constant);
        Silu.Apply(program, x); // no cotangent reaches this one
        Tensor y = ScaledAdd.Apply(program, unwatched, x, 1);
        tape.Seed(y, dy);
        Assert.False(tape.NeedsGradient(unwatched));
        Assert.True(tape.NeedsGradient(y));
        tape.Backward();
        Assert.Equal(["silu.forward", "silu.forward", "scaled-add.forward", "scaled-add.backward"], program.Steps.Select(step => step.Op));
        Assert.Equal([dx], program.Steps[^1].Writes); // nothing for the constant
    }

    [Fact]
    public void A_tangent_is_a_constant()
    {
        using Tensor x = Cpu.CreateTensor(Two, [1f, 2]), tx = Cpu.CreateTensor(Two, [5f, 7]), dx = Cpu.CreateTensor(Two), dtx = Cpu.CreateTensor(Two);
        using Tensor dy = Cpu.CreateTensor(Two, [1f, 1]);
        var tape = new Tape();
        tape.Watch(x, dx);
        tape.Watch(tx, dtx);
        using var program = new ComputeProgram(Cpu) { Tape = tape, Checked = true };
        Tensor y = ScaledAdd.Apply(program, Copy.Join(program, x, tx), Copy.Join(program, x, tx), 1);
        Assert.False(tape.NeedsGradient(y.Tangent));
        Assert.Throws<ArgumentException>(() => tape.Seed(y.Tangent, dy));
        tape.Seed(y, dy);
        tape.Backward();
        program.Run();
        Assert.Equal([2f, 2], dx.ToArray());
        Assert.Equal([0f, 0], dtx.ToArray());
    }

    [Fact]
    public void Refuses_seeds_and_gradients_that_do_not_fit()
    {
        using Tensor x = Cpu.CreateTensor(Two), dx = Cpu.CreateTensor(Two), wide = Cpu.CreateTensor(new Shape(3));
        var tape = new Tape();
        Assert.Throws<ArgumentException>(() => tape.Watch(x, wide));
        using var program = new ComputeProgram(Cpu) { Tape = tape };
        Tensor before = Silu.Apply(program, x);
        tape.Watch(x, dx);
        Tensor y = Silu.Apply(program, x);
        Assert.Contains("(3)", Assert.Throws<ArgumentException>(() => tape.Seed(y, wide)).Message, StringComparison.Ordinal);
        Assert.Contains("depends on no watched tensor", Assert.Throws<ArgumentException>(() => tape.Seed(before, dx)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => tape.Cotangent(y));
    }

    [Fact]
    public void Refuses_to_add_to_a_cotangent_that_was_given()
    {
        using Tensor x = Cpu.CreateTensor(Two), dx = Cpu.CreateTensor(Two), dy = Cpu.CreateTensor(Two);
        var tape = new Tape();
        tape.Watch(x, dx);
        using var program = new ComputeProgram(Cpu) { Tape = tape };
        Tensor y = Silu.Apply(program, x);
        Tensor z = Silu.Apply(program, y);
        tape.Seed(y, dy);
        tape.Seed(z, dy);
        Assert.Contains("sum the two outputs first", Assert.Throws<InvalidOperationException>(tape.Backward).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_deferred_contribution_is_written_once_by_whoever_writes_next_or_at_the_end()
    {
        using Tensor x = Cpu.CreateTensor(Two, [1f, 2]), dx = Cpu.CreateTensor(Two), dy = Cpu.CreateTensor(Two, [10f, 20]);
        int written = 0;
        foreach (bool reader in new[] { false, true })
        {
            dx.Upload<float>([0, 0]);
            var tape = new Tape();
            tape.Watch(x, dx);
            using var program = new ComputeProgram(Cpu) { Tape = tape, Checked = true };
            Tensor h = Copy.Join(program, x, null), y = Copy.Join(program, h, null);
            tape.Record(y, [h], () => Defer(tape, program, h));
            if (reader)
                y = ScaledAdd.Apply(program, y, h, 1);
            tape.Seed(y, dy);
            tape.Backward();
            program.Run();
            Assert.Equal(reader ? [10f + 20 + 10, 20 + 40 + 20] : [10f + 20, 20 + 40], dx.ToArray()); // y's copy, 2 dy deferred, and the residual's part
        }

        Assert.Equal(2, written);

        void Defer(Tape tape, ComputeProgram program, Tensor h) => tape.Defer(program, h, dy, 2, slot =>
        {
            written++;
            ScaledAdd.EmitBackward(program, dy, slot, null, 2);
        });
    }

    [Fact]
    public void An_op_of_several_outputs_goes_backwards_once_with_the_gradients_where_it_wants_them()
    {
        using Tensor x = Cpu.CreateTensor(Two, [1f, 2]), dx = Cpu.CreateTensor(Two), given = Cpu.CreateTensor(Two, [10f, 20]);
        var tape = new Tape();
        tape.Watch(x, dx);
        using var program = new ComputeProgram(Cpu) { Tape = tape, Checked = true };
        Tensor first = program.AllocateLike(x), second = program.AllocateLike(x), third = program.AllocateLike(x), place = program.AllocateLike(x);
        Copy.Into(program, x, first);
        Copy.Into(program, x, second);
        Copy.Into(program, x, third);
        int calls = 0;
        tape.Reserve(second, place);
        tape.Record([first, second, third], [x], () =>
        {
            calls++;
            Assert.Equal([true, true, false], new[] { first, second, third }.Select(tape.HasCotangent));
            Assert.Equal([true, false, false], new[] { first, second, third }.Select(tape.IsSeeded));
            Assert.Same(given, tape.Cotangent(first));
            Assert.Same(place, tape.Cotangent(second));
            ScaledAdd.EmitBackward(program, tape.Cotangent(first), tape.Slot(program, x), null, 1);
            ScaledAdd.EmitBackward(program, tape.Cotangent(second), tape.Slot(program, x), null, 1);
        });
        tape.Seed(first, given);
        tape.Seed(ScaledAdd.Apply(program, second, second, 1), given);
        tape.Backward();
        program.Run();
        Assert.Equal(1, calls);
        Assert.Equal([30f, 60], dx.ToArray());
    }

    [Fact]
    public void A_deferred_contribution_can_be_taken_over_or_read_with_its_factor()
    {
        using Tensor x = Cpu.CreateTensor(Two, [1f, 2]), dx = Cpu.CreateTensor(Two), dy = Cpu.CreateTensor(Two, [10f, 20]);
        var tape = new Tape();
        tape.Watch(x, dx);
        using var program = new ComputeProgram(Cpu) { Tape = tape };
        Tensor h = Silu.Apply(program, x);
        tape.Defer(program, h, dy, 3, _ => Assert.Fail("nobody needs it written"));
        Assert.Equal((dy, 3f), tape.ScaledCotangent(h));
        tape.Defer(program, h, dy, 3, _ => Assert.Fail("nobody needs it written"));
        Assert.Equal(3, tape.TakeDeferred(h)!.Factor);
        Assert.Null(tape.TakeDeferred(h));
        Assert.Throws<InvalidOperationException>(() => tape.Cotangent(h));
        tape.Defer(program, h, dy, 3, slot => ScaledAdd.EmitBackward(program, dy, slot, null, 3));
        Assert.NotSame(dy, tape.Cotangent(h));
        using Tensor stranger = Cpu.CreateTensor(Two);
        tape.Defer(program, stranger, dy, 3, _ => Assert.Fail("it needs no gradient"));
        Assert.Null(tape.TakeDeferred(stranger));
    }
}
