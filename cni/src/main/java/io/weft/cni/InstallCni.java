/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;

/**
 * {@code weft install-cni}: puts the plugin and its configuration where the container runtime looks.
 *
 * <pre>
 *   BIN-DIR/weft-cni                   the launcher, a shell script
 *   BIN-DIR/weft-cni.d/STAMP/          the Java runtime that this launcher starts
 *   CONF-DIR/10-weft.conflist          written last: a runtime that reads it finds all the rest
 * </pre>
 *
 * <p>Every file appears whole under its name or not at all, so that it may run while pods come and go. The previous runtime
 * is kept, for processes that have just started in it; older ones are deleted.
 */
public final class InstallCni {
    /** The plugin's {@code type}. */
    static final String PLUGIN = "weft-cni";

    private static final String RUNTIMES = PLUGIN + ".d";
    private static final int RUNTIMES_KEPT = 2;
    private static final String LINK = "--link";

    private InstallCni() {}

    /**
     * Installs, and exits with 0; with 2 after a mistake on the command line, with 1 if it failed.
     *
     * @param arguments as in {@link InstallOptions#USAGE}.
     */
    public static void main(final String[] arguments) {
        try {
            if (1 == arguments.length && ("--help".equals(arguments[0]) || "-h".equals(arguments[0]))) {
                System.out.print(InstallOptions.USAGE);
            } else if (2 == arguments.length && LINK.equals(arguments[0])) {
                PluginRuntime.link(Path.of(arguments[1]));
            } else {
                System.out.println("installed " + install(InstallOptions.parse(arguments)));
            }
        } catch (final IllegalArgumentException e) {
            System.err.println("weft install-cni: " + e.getMessage());
            System.exit(2);
        } catch (final IOException e) {
            System.err.println("weft install-cni: " + e);
            System.exit(1);
        }
    }

    /**
     * Installs the plugin and its configuration.
     *
     * @param options what and where.
     * @return the configuration's file.
     * @throws IOException if a file cannot be written or a runtime not be linked; what is installed so far works.
     */
    static Path install(final InstallOptions options) throws IOException {
        final Path runtimes = Files.createDirectories(options.binDir().resolve(RUNTIMES));
        final Path unfinished =
                runtimes.resolve("new-" + ProcessHandle.current().pid());
        final Path runtime = runtimes.resolve(Long.toString(System.currentTimeMillis()));
        try {
            if (null == options.runtime()) {
                PluginRuntime.link(unfinished);
            } else {
                FileTrees.copy(options.runtime(), unfinished);
            }
            Files.move(unfinished, runtime, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            FileTrees.delete(unfinished);
        }
        final String relative = RUNTIMES + "/" + runtime.getFileName();
        final String launcher = resource("launcher.sh")
                .replace("@RUNTIME@", relative)
                .replace("@FLAGS@", PluginRuntime.flags(runtime, "${0%/*}/" + relative));
        replace(options.binDir().resolve(PLUGIN), launcher, "rwxr-xr-x");
        deleteOldRuntimes(runtimes);
        final Path conflist = options.conflist();
        final String configuration = null == conflist
                ? resource("weft.conflist").replace("@CNI_VERSION@", options.cniVersion())
                : Files.readString(conflist);
        final Path configurationFile =
                Files.createDirectories(options.confDir()).resolve(options.conflistName());
        replace(configurationFile, configuration, "rw-r--r--");
        return configurationFile;
    }

    /** Writes a file, on disk, before it gets its name. The name in between does not end as configurations do. */
    private static void replace(final Path file, final String content, final String mode) throws IOException {
        final Path unfinished = file.resolveSibling(
                "." + file.getFileName() + ".new-" + ProcessHandle.current().pid());
        try {
            Files.writeString(unfinished, content);
            Files.setPosixFilePermissions(unfinished, PosixFilePermissions.fromString(mode));
            try (FileChannel channel = FileChannel.open(unfinished, StandardOpenOption.WRITE)) {
                channel.force(true);
            }
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(unfinished);
        }
    }

    private static void deleteOldRuntimes(final Path runtimes) throws IOException {
        final List<Path> stamps = new ArrayList<>();
        try (DirectoryStream<Path> directories = Files.newDirectoryStream(runtimes, "[0-9]*")) {
            directories.forEach(stamps::add);
        }
        stamps.sort(Comparator.reverseOrder());
        for (int i = RUNTIMES_KEPT; i < stamps.size(); i++) {
            FileTrees.delete(stamps.get(i));
        }
    }

    private static String resource(final String name) throws IOException {
        try (InputStream stream = Objects.requireNonNull(InstallCni.class.getResourceAsStream(name), name)) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
