/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A plugin that this one hands its work to: another executable, called as the runtime calls this one. */
final class Delegate {
    private final String type;
    private final Path executable;
    private final Map<String, String> environment;

    private Delegate(final String type, final Path executable, final Map<String, String> environment) {
        this.type = type;
        this.executable = executable;
        this.environment = environment;
    }

    /**
     * Looks the plugin up in CNI_PATH.
     *
     * @param type the plugin's name.
     * @param environment that the runtime has set; the delegate gets the same.
     * @throws CniException code 7 if there is no such plugin.
     */
    static Delegate find(final String type, final Map<String, String> environment) throws CniException {
        final String path = environment.getOrDefault(Invocation.PATH, "");
        if (!type.isEmpty() && type.indexOf('/') < 0) {
            int from = 0;
            while (from <= path.length()) {
                final int end = path.indexOf(':', from) < 0 ? path.length() : path.indexOf(':', from);
                final Path executable = Path.of(path.substring(from, end), type);
                if (end > from && Files.isExecutable(executable) && !Files.isDirectory(executable)) {
                    return new Delegate(type, executable, environment);
                }
                from = end + 1;
            }
        }
        throw new CniException(
                CniException.INVALID_CONFIGURATION,
                "delegate.type is \"" + type + "\", but no directory of " + Invocation.PATH + "=\"" + path
                        + "\" has such a plugin",
                "install the reference plugins (containernetworking-plugins) there");
    }

    String type() {
        return type;
    }

    /**
     * Calls the plugin and waits for its end. Its standard error is this process's.
     *
     * @param command the operation.
     * @param configuration for its standard input.
     * @return what it wrote to standard output.
     * @throws CniException with the code that the plugin gave, or 999 if it gave none; 5 if it could not be run.
     */
    byte[] call(final Command command, final Map<String, ? extends @Nullable Object> configuration)
            throws CniException {
        return call(command, configuration, Map.of());
    }

    /**
     * As {@link #call(Command, Map)}, for another container than the environment's.
     *
     * @param variables to set instead of the runtime's; an empty value removes one.
     */
    byte[] call(
            final Command command,
            final Map<String, ? extends @Nullable Object> configuration,
            final Map<String, String> variables)
            throws CniException {
        final ProcessBuilder builder =
                new ProcessBuilder(List.of(executable.toString())).redirectError(ProcessBuilder.Redirect.INHERIT);
        final Map<String, String> target = builder.environment();
        target.clear();
        target.putAll(environment);
        target.put(Invocation.COMMAND, command.name());
        for (final Map.Entry<String, String> variable : variables.entrySet()) {
            if (variable.getValue().isEmpty()) {
                target.remove(variable.getKey());
            } else {
                target.put(variable.getKey(), variable.getValue());
            }
        }
        try {
            final Process process = builder.start();
            writeAll(process.getOutputStream(), Json.write(configuration));
            final byte[] output = process.getInputStream().readAllBytes();
            final int exitCode = process.waitFor();
            if (0 != exitCode) {
                throw failure(command, exitCode, output);
            }
            return output;
        } catch (final IOException e) {
            throw new CniException(
                    CniException.IO_FAILURE,
                    "cannot run delegate " + executable + " for " + command + ": " + e.getMessage(),
                    "");
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CniException(
                    CniException.TRY_AGAIN_LATER, "interrupted while delegate " + type + " did " + command, "");
        }
    }

    /**
     * The newest version that the plugin and this one speak.
     *
     * @param limit a version that it must not exceed.
     * @return the version, or null if there is none in common.
     * @throws CniException if the plugin does not answer.
     */
    @Nullable
    SpecVersion newestVersion(final SpecVersion limit) throws CniException {
        final Map<String, Object> question = new HashMap<>();
        question.put(NetworkConfig.CNI_VERSION, limit.text());
        final byte[] answer = call(Command.VERSION, question);
        final Object supported =
                Json.readObject(answer, "the VERSION of delegate " + type).get("supportedVersions");
        final List<@Nullable Object> versions = Json.asArray(supported);
        SpecVersion newest = null;
        if (null != versions) {
            for (final Object text : versions) {
                final SpecVersion version = SpecVersion.of(String.valueOf(text));
                if (null == version || limit.isBefore(version)) {
                    continue;
                }
                if (null == newest || newest.isBefore(version)) {
                    newest = version;
                }
            }
        }
        return newest;
    }

    private static void writeAll(final OutputStream stdin, final byte[] input) {
        try (stdin) {
            stdin.write(input);
        } catch (final IOException ignored) {
            // EPIPE: it has closed its standard input, as one may for VERSION. Its exit code and output tell how it
            // went.
        }
    }

    private CniException failure(final Command command, final int exitCode, final byte[] output) {
        final String prefix = "delegate " + type + " failed " + command + ": ";
        try {
            final Map<String, @Nullable Object> error = Json.readObject(output, "the error of delegate " + type);
            final int code = error.get("code") instanceof Integer number ? number : CniException.INTERNAL;
            return new CniException(code, prefix + text(error.get("msg")), text(error.get("details")));
        } catch (final CniException e) {
            return new CniException(
                    CniException.INTERNAL,
                    prefix + "exit code " + exitCode,
                    new String(output, StandardCharsets.UTF_8));
        }
    }

    private static String text(final @Nullable Object value) {
        return value instanceof String string ? string : "";
    }
}
