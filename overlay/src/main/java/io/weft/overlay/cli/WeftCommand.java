/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.lifecycle.PlainText;
import io.weft.overlay.options.Version;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** The command line of weft; each subcommand is a class of its own. */
@Command(
        name = "weft",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        description =
                "Shows and checks what weftd on this node does; without a subcommand as \"weft status\". Options may stand in"
                        + " front of the subcommand or behind it.",
        subcommands = {
            StatusCommand.class,
            ShowCommand.class,
            ClearCommand.class,
            TopCommand.class,
            PingCommand.class,
            ReportCommand.class,
            ExplainCommand.class,
            CaptureCommand.class,
            TraceCommand.class,
            CountersCommand.class,
            InstallCniCommand.class
        })
public final class WeftCommand implements Callable<Integer> {
    @Mixin
    private DaemonsOrArchive daemons = new DaemonsOrArchive();

    @Mixin
    private Output output = new Output();

    /** For picocli. */
    WeftCommand() {}

    /**
     * A command line that is ready to execute. A failure is one line on standard error and exit code 1; wrong arguments are a line there,
     * what may have been meant and the usage, and exit code 2.
     */
    public static CommandLine commandLine() {
        final CommandLine commandLine = new CommandLine(new WeftCommand());
        commandLine.setExecutionExceptionHandler((failure, line, result) -> {
            line.getErr().println("weft: " + PlainText.of(String.valueOf(failure.getMessage())));
            return 1;
        });
        commandLine.setParameterExceptionHandler((failure, arguments) -> {
            final CommandLine line = failure.getCommandLine();
            line.getErr().println(failure.getMessage());
            CommandLine.UnmatchedArgumentException.printSuggestions(failure, line.getErr());
            line.usage(line.getErr());
            return line.getCommandSpec().exitCodeOnInvalidInput();
        });
        commandLine.setExpandAtFiles(false);
        commandLine
                .getSubcommands()
                .values()
                .forEach(subcommand -> subcommand.getCommandSpec().versionProvider(new Version()));
        commandLine.setExecutionStrategy(parsed -> {
            requireValues(parsed);
            return parsed.hasSubcommand() && !parsed.matchedOptions().isEmpty()
                    ? parsed.commandSpec().commandLine().execute(withSubcommandInFront(parsed))
                    : new CommandLine.RunLast().execute(parsed);
        });
        return commandLine;
    }

    /** No option means anything by an empty text, which may come from a variable of a script that is not set. */
    private static void requireValues(final CommandLine.ParseResult parsed) {
        for (final CommandLine.Model.OptionSpec option : parsed.matchedOptions()) {
            if (option.originalStringValues().contains("")) {
                throw new CommandLine.ParameterException(
                        parsed.commandSpec().commandLine(), option.longestName() + "=: must not be empty");
            }
        }
        if (parsed.hasSubcommand()) {
            requireValues(parsed.subcommand());
        }
    }

    /** The same arguments: an option in front of the subcommand means what it means behind it. The name is no option's value then. */
    private static String[] withSubcommandInFront(final CommandLine.ParseResult parsed) {
        final List<String> arguments = new ArrayList<>(parsed.originalArgs());
        final String name = parsed.subcommand().commandSpec().name();
        arguments.remove(name);
        arguments.add(0, name);
        return arguments.toArray(String[]::new);
    }

    @Override
    public Integer call() {
        return StatusCommand.show(daemons, output);
    }
}
