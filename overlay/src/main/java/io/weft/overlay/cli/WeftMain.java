/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import picocli.CommandLine;

/** Entry of the command that shows and checks what weftd on this node does. */
public final class WeftMain {
    private WeftMain() {}

    /**
     * Runs one subcommand.
     *
     * @param arguments the subcommand and its options; exit code 0 when it did its work, 1 when it could not, or what it printed
     *     was not taken, 2 for a wrong command line.
     */
    public static void main(final String[] arguments) {
        final StandardOutput output = new StandardOutput();
        final CommandLine line = WeftCommand.commandLine().setOut(output.writer());
        System.exit(output.conclude(line.execute(arguments), line.getErr()));
    }
}
