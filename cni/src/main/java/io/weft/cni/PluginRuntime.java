/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import io.weft.address.IpPrefix;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.spi.ToolProvider;
import tools.jackson.core.JsonParser;

/**
 * The small Java runtime of the plugin: java.base, this module, its addresses and jackson-core in one image, and an archive of the loaded
 * classes beside the JVM's library. Both are found relative to the runtime, so that it may be moved as a whole.
 */
final class PluginRuntime {
    /**
     * For a process that lives for milliseconds: the collector that starts no threads, no
     * statistics file, the archive where it was dumped for; and nothing on standard output but the result.
     */
    static final List<String> FLAGS = List.of(
            "-XX:+UseSerialGC",
            "-XX:-UsePerfData",
            "-Xmx64m",
            "-XX:+UnlockDiagnosticVMOptions",
            "-XX:ArchiveRelocationMode=0",
            "-XX:+DisplayVMOutputToStderr");

    /** The first Java with an AOT cache made in one step, JEP 514. */
    private static final int AOT_CACHE_SINCE = 25;

    private static final String AOT_CACHE = "lib/server/weft-cni.aot";

    private PluginRuntime() {}

    /**
     * Links a runtime and makes its archive of classes.
     *
     * @param target a directory that does not exist.
     * @throws IOException if that fails.
     */
    static void link(final Path target) throws IOException {
        final ToolProvider jlink = ToolProvider.findFirst("jlink")
                .orElseThrow(() -> new IOException("cannot link a Java runtime: this Java ("
                        + System.getProperty("java.home") + ") has no jlink. Run with a JDK, or give --runtime DIR"));
        final ByteArrayOutputStream output = new ByteArrayOutputStream();
        final PrintStream print = new PrintStream(output, true, StandardCharsets.UTF_8);
        final int exitCode = jlink.run(
                print,
                print,
                "--module-path",
                codeOf(PluginRuntime.class) + ":" + codeOf(IpPrefix.class) + ":" + codeOf(JsonParser.class),
                "--add-modules",
                PluginRuntime.class.getModule().isNamed()
                        ? PluginRuntime.class.getModule().getName()
                        : "io.weft.cni",
                "--no-header-files",
                "--no-man-pages",
                "--output",
                target.toString());
        if (0 != exitCode) {
            throw new IOException("jlink ended with " + exitCode + ": " + output.toString(StandardCharsets.UTF_8));
        }
        archiveClasses(target);
    }

    /**
     * The words between {@code java} and the main class.
     *
     * @param runtime linked by {@link #link}.
     * @param path of the runtime as the launcher's shell writes it.
     */
    static String flags(final Path runtime, final String path) {
        final String words = String.join(" ", FLAGS);
        // Each line of the plugin runs about once. Measured: Java 17 starts sooner without a compiler, 25 with its
        // first one.
        return Files.exists(runtime.resolve(AOT_CACHE))
                ? words + " -XX:TieredStopAtLevel=1 -XX:AOTCache=\"" + path + "/" + AOT_CACHE + "\""
                : words + " -Xint";
    }

    private static void archiveClasses(final Path runtime) throws IOException {
        final Path scratch = Files.createTempDirectory("weft-cni-rehearsal");
        try {
            if (Runtime.version().feature() >= AOT_CACHE_SINCE) {
                java(
                        runtime,
                        "-XX:AOTCacheOutput=" + runtime.resolve(AOT_CACHE),
                        Rehearsal.class.getName(),
                        scratch.toString());
            } else {
                final Path classList = scratch.resolve("classes");
                java(runtime, "-XX:DumpLoadedClassList=" + classList, Rehearsal.class.getName(), scratch.toString());
                // Only G1 writes heap objects, the module graph among them, into an archive; the serial collector reads
                // them.
                java(
                        runtime,
                        "-XX:SharedClassListFile=" + classList,
                        "-XX:-UseSerialGC",
                        "-XX:+UseG1GC",
                        "-Xshare:dump");
            }
        } finally {
            FileTrees.delete(scratch);
        }
    }

    private static void java(final Path runtime, final String... arguments) throws IOException {
        final List<String> command = new ArrayList<>();
        command.add(runtime.resolve("bin/java").toString());
        command.addAll(FLAGS);
        command.addAll(List.of(arguments));
        final Process process =
                new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        final String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (0 != process.waitFor()) {
                throw new IOException(String.join(" ", command) + " ended with " + process.exitValue() + ": " + output);
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted during " + String.join(" ", command), e);
        }
    }

    /** The jar file or directory that a class comes from. */
    private static Path codeOf(final Class<?> type) throws IOException {
        try {
            return Path.of(new URI(
                    type.getProtectionDomain().getCodeSource().getLocation().toString()));
        } catch (final URISyntaxException e) {
            throw new IOException("cannot find the jar of " + type, e);
        }
    }
}
