/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Runs a command to its end. */
public final class Command {

    private Command() {}

    /**
     * How a command ended.
     *
     * @param exitCode 0 is success.
     * @param output what it wrote to its standard output.
     * @param errors what it wrote to its standard error.
     */
    public record Result(int exitCode, String output, String errors) {}

    /**
     * Runs a command that must succeed.
     *
     * @param command and its arguments.
     * @return what it wrote to its standard output.
     * @throws IllegalStateException with the command and all its output if it exits with another code than 0.
     */
    public static String run(final List<String> command) {
        final Result result = tryRun(command);
        if (0 != result.exitCode) {
            throw new IllegalStateException(
                    String.join(" ", command) + ": exit " + result.exitCode + "\n" + result.errors + result.output);
        }
        return result.output;
    }

    /**
     * Runs a command, however it ends.
     *
     * @param command and its arguments.
     * @return its exit code and output.
     * @throws IllegalStateException if it has not ended after {@link Await#TIMEOUT_MS}; it is killed then.
     */
    public static Result tryRun(final List<String> command) {
        try {
            final Process process = new ProcessBuilder(command).start();
            process.getOutputStream().close();
            final CompletableFuture<String> output = readAll(process.getInputStream());
            final CompletableFuture<String> errors = readAll(process.getErrorStream());
            if (!process.waitFor(Await.TIMEOUT_MS, TimeUnit.MILLISECONDS)) {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly();
                throw new IllegalStateException(
                        String.join(" ", command) + ": no end after " + Await.TIMEOUT_MS + " ms, killed");
            }
            return new Result(process.exitValue(), output.join(), errors.join());
        } catch (final IOException e) {
            throw new UncheckedIOException("run " + String.join(" ", command), e);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while running " + String.join(" ", command), e);
        }
    }

    private static CompletableFuture<String> readAll(final InputStream stream) {
        final CompletableFuture<String> text = new CompletableFuture<>();
        final Thread reader = new Thread(
                () -> {
                    try {
                        text.complete(new String(stream.readAllBytes(), StandardCharsets.UTF_8));
                    } catch (final IOException e) {
                        text.completeExceptionally(e);
                    }
                },
                "command-output");
        reader.setDaemon(true);
        reader.start();
        return text;
    }
}
