/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** One run of another plugin. */
final class DelegateProcess {
    /** For the kernel to take down what has been killed, which it does at once unless a device or disk hangs. */
    private static final long KILL_TIMEOUT_MS = 2_000;

    private final Path executable;
    private final Command command;
    private final Process process;

    private DelegateProcess(final Path executable, final Command command, final Process process) {
        this.executable = executable;
        this.command = command;
        this.process = process;
    }

    /**
     * Starts the plugin. Its standard error is this process's.
     *
     * @param executable of the plugin.
     * @param command the operation.
     * @param environment that the runtime has set.
     * @param variables to set instead; an empty value removes one.
     * @throws CniException code 5 if it cannot be started.
     */
    static DelegateProcess start(
            final Path executable,
            final Command command,
            final Map<String, String> environment,
            final Map<String, String> variables)
            throws CniException {
        final ProcessBuilder builder =
                new ProcessBuilder(List.of(executable.toString())).redirectError(ProcessBuilder.Redirect.INHERIT);
        final Map<String, String> target = builder.environment();
        // What is the same stays as it is: a variable that is no text in this locale would not survive being put again.
        for (final Map.Entry<String, String> variable : environment.entrySet()) {
            if (!variable.getValue().equals(target.get(variable.getKey()))) {
                target.put(variable.getKey(), variable.getValue());
            }
        }
        for (final Map.Entry<String, String> variable : variables.entrySet()) {
            if (variable.getValue().isEmpty()) {
                target.remove(variable.getKey());
            } else {
                target.put(variable.getKey(), variable.getValue());
            }
        }
        target.put(Invocation.COMMAND, command.name());
        try {
            return new DelegateProcess(executable, command, builder.start());
        } catch (final IOException e) {
            throw failure(executable, command, e);
        }
    }

    /**
     * Writes the standard input, reads the standard output, and waits for the end.
     *
     * @param input for standard input.
     * @param deadline by which it must have ended; it is killed then, with what it has started.
     * @return standard output.
     * @throws CniException code 101 if it has not ended, 5 if its output cannot be read.
     */
    byte[] exchange(final byte[] input, final Deadline deadline) throws CniException {
        final Exchange exchange = new Exchange(process, input);
        exchange.start();
        try {
            if (exchange.awaitEnd(deadline)) {
                final byte[] output = exchange.output();
                if (process.waitFor(deadline.remainingMs(), TimeUnit.MILLISECONDS)) {
                    return output;
                }
            }
            throw new CniException(
                    CniException.TIMED_OUT,
                    "delegate " + executable + " has not ended " + command + " after " + deadline.allowedMs()
                            + " ms, which all of the operation may take, and has been killed",
                    "it waited for: " + kill());
        } catch (final IOException e) {
            kill();
            throw failure(executable, command, e);
        } catch (final InterruptedException e) {
            kill();
            Thread.currentThread().interrupt();
            throw new CniException(
                    CniException.INTERNAL, "interrupted while delegate " + executable + " did " + command, "");
        }
    }

    /** The exit code, after {@link #exchange} has returned. */
    int exitCode() {
        return process.exitValue();
    }

    /**
     * Kills the process and what it has started.
     *
     * @return what it had started, for a message.
     */
    private String kill() {
        final ProcessHandle[] children = process.descendants().toArray(ProcessHandle[]::new);
        final StringBuilder names = new StringBuilder();
        // Before its children, and these before theirs: one that lives on when they end may start what is not among
        // them.
        process.destroyForcibly();
        for (final ProcessHandle child : children) {
            names.append(names.length() == 0 ? "" : ", ")
                    .append(child.info().command().orElse("?"))
                    .append(" (process ")
                    .append(child.pid())
                    .append(')');
            child.destroyForcibly();
        }
        try {
            process.waitFor(KILL_TIMEOUT_MS, TimeUnit.MILLISECONDS);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return names.length() == 0 ? "no other process" : names.toString();
    }

    private static CniException failure(final Path executable, final Command command, final IOException e) {
        return new CniException(
                CniException.IO_FAILURE,
                "cannot run delegate " + executable + " for " + command + ": " + e.getMessage(),
                "");
    }
}
