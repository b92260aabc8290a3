/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The plugin as {@code weft install-cni} leaves it, beside the reference plugins of Debian's containernetworking-plugins.
 * Installed once per test run, deleted at its end.
 */
final class InstalledPlugin {
    private static final Path REFERENCE_PLUGINS = Path.of("/usr/lib/cni");
    private static final Path DIRECTORY = install();

    private InstalledPlugin() {}

    /** The directory with weft-cni and the reference plugins, to be CNI_PATH. */
    static Path binDir() {
        return DIRECTORY.resolve("bin");
    }

    /** The directory with the conflist. */
    static Path confDir() {
        return DIRECTORY.resolve("net.d");
    }

    /** The words of {@code weft install-cni} for a shell, as the script of that name runs it: in the plugin's own runtime. */
    static String command() throws IOException {
        try (DirectoryStream<Path> runtimes = Files.newDirectoryStream(binDir().resolve("weft-cni.d"), "[0-9]*")) {
            return runtimes.iterator().next().resolve("bin/java") + " " + InstallCni.class.getName();
        }
    }

    private static Path install() {
        try {
            final Path directory = Files.createTempDirectory("weft-cni-test");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(directory), "installation-clean-up"));
            InstallCni.install(InstallOptions.parse(
                    "--bin-dir", directory.resolve("bin").toString(),
                    "--conf-dir", directory.resolve("net.d").toString()));
            try (DirectoryStream<Path> plugins = Files.newDirectoryStream(REFERENCE_PLUGINS)) {
                for (final Path plugin : plugins) {
                    Files.createSymbolicLink(
                            directory.resolve("bin").resolve(String.valueOf(plugin.getFileName())), plugin);
                }
            }
            return directory;
        } catch (final IOException e) {
            throw new UncheckedIOException(
                    "install the plugin (the reference plugins come from Debian's containernetworking-plugins)", e);
        }
    }

    private static void delete(final Path directory) {
        try {
            FileTrees.delete(directory);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
