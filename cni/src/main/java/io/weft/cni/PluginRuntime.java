/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import io.weft.address.IpPrefix;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.spi.ToolProvider;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;

/**
 * The small Java runtime of the plugin: java.base, this module, its addresses and jackson-core in one image, and an archive of the loaded
 * classes beside the JVM's library. Both are found relative to the runtime, so that it may be moved as a whole.
 */
final class PluginRuntime {
    /**
     * For a process that lives for milliseconds: the collector that starts no threads, no
     * statistics file, the archive where it was dumped for; nothing on standard output but the result, and no report of a crash where the
     * container runtime runs.
     */
    static final List<String> FLAGS = List.of(
            "-XX:+UseSerialGC",
            "-XX:-UsePerfData",
            "-Xmx64m",
            "-XX:+UnlockDiagnosticVMOptions",
            "-XX:ArchiveRelocationMode=0",
            "-XX:+DisplayVMOutputToStderr",
            "-Xlog:disable",
            "-Xlog:all=warning:stderr",
            "-XX:+ErrorFileToStderr");

    /** The first Java with an AOT cache made in one step, JEP 514. */
    private static final int AOT_CACHE_SINCE = 25;

    private static final String AOT_CACHE = "lib/server/weft-cni.aot";
    private static final String CLASS_ARCHIVE = "lib/server/classes.jsa";
    private static final String JAVA = "bin/java";

    /** What the launcher takes out of the environment, too. */
    private static final List<String> JVM_VARIABLES = List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS");

    /** Many times what the slowest step takes on a slow machine. */
    private static final long STEP_TIMEOUT_MS = 600_000;

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
                        + System.getProperty("java.home") + ") has no jlink. Set JAVA_HOME to a JDK, run ./weft build, "
                        + "which links one for the distribution, or name one by --runtime"));
        if (Files.exists(target)) {
            throw new FileAlreadyExistsException(target.toString());
        }
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
        boolean isComplete = false;
        try {
            archiveClasses(target);
            isComplete = true;
        } finally {
            if (!isComplete) {
                FileTrees.delete(target);
            }
        }
    }

    /** The runtime that this process runs in, if it is one that {@link #link} has made; or null. */
    static @Nullable Path own() {
        final URL ownClass = PluginRuntime.class.getResource("PluginRuntime.class");
        return null != ownClass && "jrt".equals(ownClass.getProtocol())
                ? Path.of(System.getProperty("java.home"))
                : null;
    }

    /**
     * Copies a runtime, and makes its archive of classes where it has none: a package comes without, for a runtime of another machine
     * can be linked, but not started.
     *
     * @param source made by {@link #link} or jlink.
     * @param target that does not exist.
     */
    static void copy(final Path source, final Path target) throws IOException {
        if (!Files.isExecutable(source.resolve(JAVA)) || !Files.isRegularFile(source.resolve("lib/modules"))) {
            throw new IOException(source + " is no Java runtime that install-cni --link has made");
        }
        FileTrees.copy(source, target);
        if (!Files.exists(target.resolve(CLASS_ARCHIVE)) && !Files.exists(target.resolve(AOT_CACHE))) {
            archiveClasses(target);
        }
    }

    /** Has the plugin answer once, since its file system may forbid execution, and a runtime be for another machine. */
    static void tryOut(final Path runtime) throws IOException {
        java(runtime, Map.of(Invocation.COMMAND, Command.VERSION.name()), WeftCni.class.getName());
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
        // Not in /tmp, which may forbid execution, as the place of a runtime may not.
        final Path scratch = Files.createTempDirectory(runtime.toAbsolutePath(), "rehearsal");
        try {
            if (Runtime.version().feature() >= AOT_CACHE_SINCE) {
                java(
                        runtime,
                        Map.of(),
                        "-XX:AOTCacheOutput=" + runtime.resolve(AOT_CACHE),
                        Rehearsal.class.getName(),
                        scratch.toString());
            } else {
                final Path classList = scratch.resolve("classes");
                java(
                        runtime,
                        Map.of(),
                        "-XX:DumpLoadedClassList=" + classList,
                        Rehearsal.class.getName(),
                        scratch.toString());
                // Only G1 writes heap objects, the module graph among them, into an archive; the serial collector reads
                // them.
                java(
                        runtime,
                        Map.of(),
                        "-XX:SharedClassListFile=" + classList,
                        "-XX:-UseSerialGC",
                        "-XX:+UseG1GC",
                        "-Xshare:dump");
            }
        } finally {
            FileTrees.delete(scratch);
        }
    }

    private static void java(final Path runtime, final Map<String, String> variables, final String... arguments)
            throws IOException {
        final List<String> command = new ArrayList<>();
        command.add(runtime.resolve(JAVA).toString());
        command.addAll(FLAGS);
        command.addAll(List.of(arguments));
        final ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().keySet().removeAll(JVM_VARIABLES);
        builder.environment().putAll(variables);
        final Process process;
        try {
            process = builder.start();
        } catch (final IOException e) {
            throw new IOException(
                    "cannot execute " + command.get(0) + ": " + e.getMessage()
                            + "; is its file system mounted noexec, or the runtime for another machine?",
                    e);
        }
        try {
            final Deadline deadline = Deadline.in(STEP_TIMEOUT_MS);
            final Exchange exchange = new Exchange(process, new byte[0]);
            exchange.start();
            if (!exchange.awaitEnd(deadline) || !process.waitFor(deadline.remainingMs(), TimeUnit.MILLISECONDS)) {
                throw new IOException(
                        String.join(" ", command) + " has not ended after " + STEP_TIMEOUT_MS + " ms and is killed");
            }
            if (0 != process.exitValue()) {
                throw new IOException(String.join(" ", command) + " ended with " + process.exitValue() + ": "
                        + new String(exchange.output(), StandardCharsets.UTF_8));
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted during " + String.join(" ", command), e);
        } finally {
            process.destroyForcibly();
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
