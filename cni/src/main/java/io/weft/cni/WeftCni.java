/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The plugin as a process: the CNI_ variables and standard input in, a result or an error on standard output. */
public final class WeftCni {
    private WeftCni() {}

    /**
     * Carries out one operation and exits with 0, or with 1 after an error.
     *
     * @param arguments none.
     * @throws IOException if standard input or output fails: there is nobody left to tell.
     */
    public static void main(final String[] arguments) throws IOException {
        final byte[] stdin = System.in.readAllBytes();
        final int exitCode;
        try (OutputStream stdout = new FileOutputStream(FileDescriptor.out)) {
            exitCode = run(System.getenv(), stdin, stdout);
        }
        // Not System.exit: there are no shutdown hooks to wait for.
        Runtime.getRuntime().halt(exitCode);
    }

    /**
     * Carries out one operation.
     *
     * @param environment the process's variables.
     * @param stdin the whole of standard input.
     * @param stdout for the result or error.
     * @return the exit code.
     * @throws IOException if standard output fails.
     */
    static int run(final Map<String, String> environment, final byte[] stdin, final OutputStream stdout)
            throws IOException {
        try {
            final Invocation invocation = Invocation.of(environment);
            if (Command.VERSION == invocation.command()) {
                stdout.write(versions(stdin));
                return 0;
            }
            final NetworkConfig config = NetworkConfig.parse(stdin, invocation.command());
            stdout.write(new Plugin(invocation, config, environment).run());
            return 0;
        } catch (final CniException e) {
            stdout.write(error(askedVersion(stdin), e.code(), e.message(), e.details()));
        } catch (final IOException e) {
            stdout.write(error(askedVersion(stdin), CniException.IO_FAILURE, e.toString(), ""));
        } catch (final RuntimeException e) {
            e.printStackTrace();
            stdout.write(
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
        } catch (final CniException e) {
            return SpecVersion.NEWEST;
        }
    }

    private static byte[] error(final SpecVersion version, final int code, final String message, final String details) {
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
