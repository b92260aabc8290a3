/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The plugin as a process: the CNI_ variables and standard input in, a result or an error on standard output. */
public final class WeftCni {
    /** A runtime writes it at once. */
    private static final long STDIN_TIMEOUT_MS = 20_000;

    /** Twice what a GC of 10 000 attachments needs; more would not fit into the heap. */
    private static final int STDIN_LENGTH_MAX = 1 << 22;

    /** For the error of an operation that took too long to be written by the operation itself. */
    private static final long REPORT_TIMEOUT_MS = 5_000;

    /**
     * An error that is there already: the JVM starts a thread of its own for what writes JSON, and does not link that without
     * (java.lang.ref.Cleaner of a call site, JDK 17).
     */
    private static final String NO_THREAD_LEFT = "{\"cniVersion\":\"1.1.0\",\"code\":" + CniException.INTERNAL
            + ",\"msg\":\"no further thread can be started, or no memory is left\",\"details\":\"raise the limits that this process"
            + " has from the container runtime (systemd: TasksMax=, LimitNPROC=, LimitAS=, MemoryMax=), or free memory; stack trace on"
            + " standard error\"}";

    private WeftCni() {}

    /**
     * Carries out one operation and exits with 0, or with 1 after an error.
     *
     * @param arguments none.
     */
    public static void main(final String[] arguments) {
        final Watchdog watchdog = new Watchdog("the end of standard input", STDIN_TIMEOUT_MS);
        int exitCode = 1;
        try (OutputStream stdout = new FileOutputStream(FileDescriptor.out)) {
            final ByteArrayOutputStream answer = new ByteArrayOutputStream();
            try {
                watchdog.start();
                exitCode = run(System.getenv(), System.in.readNBytes(STDIN_LENGTH_MAX + 1), watchdog, answer);
            } catch (final OutOfMemoryError | LinkageError e) {
                e.printStackTrace();
                answer.reset();
                answer.writeBytes(NO_THREAD_LEFT.getBytes(StandardCharsets.UTF_8));
            }
            watchdog.answering();
            answer.writeTo(stdout);
        } catch (final IOException e) {
            System.err.println("weft-cni: cannot read standard input or write standard output: " + e.getMessage());
            exitCode = 1;
        }
        // Not System.exit: there are no shutdown hooks to wait for, and no threads.
        Runtime.getRuntime().halt(exitCode);
    }

    /**
     * Carries out one operation.
     *
     * @param environment the process's variables.
     * @param stdin the whole of standard input.
     * @param watchdog that watches the operation.
     * @param stdout for the result or error.
     * @return the exit code.
     */
    static int run(
            final Map<String, String> environment,
            final byte[] stdin,
            final Watchdog watchdog,
            final ByteArrayOutputStream stdout) {
        try {
            if (stdin.length > STDIN_LENGTH_MAX) {
                throw new CniException(
                        CniException.DECODING_FAILURE,
                        "the network configuration on standard input is longer than " + STDIN_LENGTH_MAX + " bytes",
                        "");
            }
            final Invocation invocation = Invocation.of(environment);
            if (Command.VERSION == invocation.command()) {
                stdout.writeBytes(versions(stdin));
                return 0;
            }
            final NetworkConfig config = NetworkConfig.parse(stdin, invocation.command());
            watchdog.answerIn(config.version());
            watchdog.expect(
                    "the end of " + invocation.command(),
                    (long) config.timeoutMs() + NetworkConfig.UNDO_TIMEOUT_MS + REPORT_TIMEOUT_MS);
            stdout.writeBytes(new Plugin(invocation, config, environment, Deadline.in(config.timeoutMs())).run());
            return 0;
        } catch (final CniException e) {
            stdout.writeBytes(error(askedVersion(stdin), e.code(), e.message(), e.details()));
        } catch (final RuntimeException | OutOfMemoryError e) {
            e.printStackTrace();
            stdout.writeBytes(
                    error(askedVersion(stdin), CniException.INTERNAL, e.toString(), "stack trace on standard error"));
        }
        return 1;
    }

    private static byte[] versions(final byte[] stdin) {
        final List<Object> supported = new ArrayList<>();
        for (final SpecVersion version : SpecVersion.values()) {
            supported.add(version.text());
        }
        final Map<String, @Nullable Object> answer = new TreeMap<>();
        answer.put(NetworkConfig.CNI_VERSION, askedVersion(stdin).text());
        answer.put("supportedVersions", supported);
        return Json.write(answer);
    }

    /** The version to answer in: the one asked in, or the newest for those who send none. */
    private static SpecVersion askedVersion(final byte[] stdin) {
        try {
            final SpecVersion asked = SpecVersion.of(
                    String.valueOf(Json.readObject(stdin, "standard input").get(NetworkConfig.CNI_VERSION)));
            return null == asked ? SpecVersion.NEWEST : asked;
        } catch (final CniException | OutOfMemoryError e) {
            return SpecVersion.NEWEST;
        }
    }

    /** An error result. */
    static byte[] error(final SpecVersion version, final int code, final String message, final String details) {
        final Map<String, @Nullable Object> error = new TreeMap<>();
        error.put(NetworkConfig.CNI_VERSION, version.text());
        error.put("code", code);
        error.put("msg", message);
        if (!details.isEmpty()) {
            error.put("details", details);
        }
        return Json.write(error);
    }
}
