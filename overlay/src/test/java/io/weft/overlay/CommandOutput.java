/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import io.weft.overlay.cli.WeftCommand;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What the command weft prints of the daemons of a test, run by this process. */
final class CommandOutput {
    private CommandOutput() {}

    /**
     * That of one call, whatever its exit code.
     *
     * @param directory of the daemon, as {@link WeftdProcess} has it.
     */
    static String of(final Path directory, final String... words) {
        final StringWriter output = new StringWriter();
        WeftCommand.commandLine()
                .setOut(new PrintWriter(output, true))
                .execute(Stream.concat(Stream.of(words), Stream.of("--run-dir=" + directory.resolve("run")))
                        .toArray(String[]::new));
        return output.toString();
    }
}
