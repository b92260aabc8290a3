/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

/** Entry of the command that shows and checks what weftd on this node does. */
public final class WeftMain {
    private WeftMain() {}

    /**
     * Runs one subcommand.
     *
     * @param arguments the subcommand and its options; exit code 0 when it did its work, 1 when it could not, 2 for a wrong
     *     command line.
     */
    public static void main(final String[] arguments) {
        System.exit(WeftCommand.commandLine().execute(arguments));
    }
}
