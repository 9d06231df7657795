using System.CommandLine;
using TrigFlowNative.Benchmarks.Suite;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>list: prints the cases that "run" would measure, as a CSV file for --shapes and for the peers' scripts.</summary>
internal static class ListCommand
{
    private static readonly Selection Selection = new();

    public static Command Create()
    {
        var command = new Command("list", "Prints op, direction and shape of the cases that run would measure, as CSV.");
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
