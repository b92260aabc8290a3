/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine;

/** What the programs of this module have in common when they start. */
final class Entry {
    private Entry() {}

    /** Runs a command; what goes wrong is said in one line on standard error, and the exit code is not 0. */
    static int execute(final Callable<Integer> command, final String... args) {
        return new CommandLine(command)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((ex, line, parsed) -> {
                    line.getErr().println(line.getCommandName() + ": " + ex.getMessage());
                    return line.getCommandSpec().exitCodeOnExecutionException();
                })
                .execute(args);
    }

    /**
     * @throws IllegalStateException if the process may not create network namespaces.
     */
    static void requireRoot() throws IOException {
        if (!Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0)) {
            throw new IllegalStateException("network namespaces need root: run it with sudo");
        }
    }

    /** A prefix for namespaces that no other process on the machine has. */
    static String labPrefix(final String what) {
        return "weft-" + what + "-" + ProcessHandle.current().pid();
    }
}
