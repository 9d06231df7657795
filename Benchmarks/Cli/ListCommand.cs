using System.CommandLine;
using TrigFlowNative.Benchmarks.Suite;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>list: the rows that run would measure, as CSV: a file for --shapes, and what peers' scripts read.</summary>
internal static class ListCommand
{
    private static readonly Selection Selection = new();

    public static Command Create()
    {
        var command = new Command("list", "Prints op, direction and shape of the rows that run would measure, as CSV.");
        Selection.AddTo(command);
        command.SetAction(parsed =>
        {
            SuiteCase[] cases = Selection.Choose(parsed);
            Console.WriteLine("op,direction,shape");
            foreach (SuiteCase each in cases)
                Console.WriteLine($"{each.Family},{each.Direction},{each.Shape}");
            return 0;
        });
        return command;
    }
}
