/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.NetworkNamespace;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Runs a plugin as a container runtime does: a process, CNI_ variables, a configuration on standard input. */
final class PluginProcess {
    private PluginProcess() {}

    /**
     * How a plugin ended.
     *
     * @param exitCode of the process.
     * @param output standard output.
     * @param errors standard error.
     */
    record Outcome(int exitCode, String output, String errors) {
        /** Standard output as a JSON object. */
        Map<String, @Nullable Object> json() {
            try {
                return Json.readObject(output.getBytes(StandardCharsets.UTF_8), "output");
            } catch (final CniException e) {
                throw new AssertionError("no JSON on standard output: " + this, e);
            }
        }

        /** The code of an error result. */
        int code() {
            return json().get("code") instanceof Integer code ? code : -1;
        }

        /** Message and details of an error result. */
        String message() {
            return json().get("msg") + " " + json().getOrDefault("details", "");
        }

        /** This, if the plugin succeeded. */
        Outcome succeeded() {
            if (0 != exitCode) {
                throw new AssertionError("plugin failed: " + this);
            }
            return this;
        }
    }

    /**
     * Runs a plugin to its end.
     *
     * @param command the plugin's executable, perhaps behind a wrapper such as {@code ip netns exec}.
     * @param variables the CNI_ variables.
     * @param stdin the configuration.
     */
    static Outcome run(final List<String> command, final Map<String, String> variables, final String stdin) {
        try {
            final Path errors = Files.createTempFile("weft-cni-test", ".stderr");
            try {
                final ProcessBuilder builder = new ProcessBuilder(command).redirectError(errors.toFile());
                builder.environment().keySet().removeIf(name -> name.startsWith("CNI_"));
                builder.environment().putAll(variables);
                final Process process = builder.start();
                try (OutputStream input = process.getOutputStream()) {
                    input.write(stdin.getBytes(StandardCharsets.UTF_8));
                }
                final String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                if (!process.waitFor(Await.TIMEOUT_MS, TimeUnit.MILLISECONDS)) {
                    process.destroyForcibly();
                    throw new AssertionError("no end after " + Await.TIMEOUT_MS + " ms: " + command);
                }
                return new Outcome(process.exitValue(), output, Files.readString(errors));
            } finally {
                Files.delete(errors);
            }
        } catch (final IOException e) {
            throw new UncheckedIOException(String.join(" ", command), e);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** The installed weft-cni for what it answers itself: where it would call a delegate, it needs a node. */
    static Outcome weftCni(final Map<String, String> variables, final String stdin) {
        return run(List.of(weftCni()), variables, stdin);
    }

    /** The installed weft-cni on a node. */
    static Outcome weftCni(final NetworkNamespace node, final Map<String, String> variables, final String stdin) {
        return run(inNamespace(node.name(), weftCni()), variables, stdin);
    }

    private static String weftCni() {
        return InstalledPlugin.binDir().resolve(InstallCni.PLUGIN).toString();
    }

    /** The variables of an operation with all that it needs. */
    static Map<String, String> variables(final String command, final String containerId) {
        final Map<String, String> variables = new TreeMap<>();
        variables.put(Invocation.COMMAND, command);
        variables.put(Invocation.CONTAINER_ID, containerId);
        variables.put(Invocation.NETNS, "/run/netns/none");
        variables.put(Invocation.IFNAME, "eth0");
        variables.put(Invocation.PATH, InstalledPlugin.binDir().toString());
        return variables;
    }

    /** The words of a command inside a named network namespace. */
    static List<String> inNamespace(final String namespace, final String... command) {
        final List<String> words = new ArrayList<>(List.of("ip", "netns", "exec", namespace));
        words.addAll(List.of(command));
        return words;
    }
}
