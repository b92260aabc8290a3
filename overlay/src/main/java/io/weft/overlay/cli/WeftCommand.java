/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.options.Version;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command line of weft; each subcommand is a class of its own. */
@Command(
        name = "weft",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        description = "Shows and checks what weftd on this node does.",
        subcommands = {CountersCommand.class, ExplainCommand.class, InstallCniCommand.class})
public final class WeftCommand implements Runnable {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    /** For picocli. */
    WeftCommand() {}

    /** A command line that is ready to execute; a failure is one line on standard error and exit code 1. */
    public static CommandLine commandLine() {
        final CommandLine commandLine = new CommandLine(new WeftCommand());
        commandLine.setExecutionExceptionHandler((failure, line, result) -> {
            line.getErr().println("weft: " + failure.getMessage());
            return 1;
        });
        return commandLine;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a subcommand is needed");
    }
}
