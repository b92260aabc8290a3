/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs a firewall tool to its end. */
final class Tool {
    private static final long TIMEOUT_S = 10;

    /**
     * What came of it.
     *
     * @param exitCode of the process.
     * @param output standard output and error together.
     */
    record Result(int exitCode, String output) {}

    private Tool() {}

    /** Runs the tool, with a text on its standard input. */
    static Result run(final List<String> command, final String input) {
        try {
            final Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            try (OutputStream stdin = process.getOutputStream()) {
                stdin.write(input.getBytes(StandardCharsets.UTF_8));
            }
            final String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(TIMEOUT_S, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new RulesException(String.join(" ", command) + ": did not end within " + TIMEOUT_S + " s");
            }
            return new Result(process.exitValue(), output);
        } catch (final IOException failure) {
            throw new RulesException(
                    String.join(" ", command) + ": " + failure.getMessage() + ". Install " + command.get(0));
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
            throw new RulesException(String.join(" ", command) + ": interrupted");
        }
    }

    /** Runs the tool and requires that it succeeds. */
    static String require(final List<String> command, final String input) {
        final Result result = run(command, input);
        if (0 != result.exitCode()) {
            throw new RulesException(String.join(" ", command) + ": exit code " + result.exitCode() + ": "
                    + result.output().strip());
        }
        return result.output();
    }
}
