/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Command;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against this machine's C library, and against copies of it in which its versions are older. */
class HostGlibcTest {
    @TempDir
    Path directory;

    private static Path runtime() throws IOException {
        try (Stream<Path> files = Files.list(InstalledPlugin.binDir().resolve("weft-cni.d"))) {
            return files.filter(Files::isDirectory).findFirst().orElseThrow();
        }
    }

    private static Path ownLibrary() throws IOException {
        try (Stream<String> mappings = Files.lines(Path.of("/proc/self/maps"))) {
            return mappings.filter(line -> line.endsWith("/libc.so.6"))
                    .map(line -> Path.of(line.substring(line.indexOf('/'))))
                    .findFirst()
                    .orElseThrow();
        }
    }

    /** Below the directory, where a host of another distribution has it. */
    private Path hostWith(final byte[] library, final String place) throws IOException {
        final Path host = directory.resolve("host");
        Files.write(Files.createDirectories(host.resolve(place)).resolve("libc.so.6"), library);
        return host;
    }

    /** Older than any JDK asks for. A letter is a byte here, so that nothing else changes. */
    private static byte[] older(final byte[] library) {
        return new String(library, StandardCharsets.ISO_8859_1)
                .replaceAll("GLIBC_2\\.[1-9]", "GLIBC_2.0")
                .getBytes(StandardCharsets.ISO_8859_1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"lib64", "usr/lib64", "usr/lib"})
    void shouldFindNothingWrongWhereTheHostIsLikeThisOne(final String place) throws IOException {
        assertNull(HostGlibc.check(runtime(), hostWith(Files.readAllBytes(ownLibrary()), place)));
        assertNull(HostGlibc.check(runtime(), Path.of("/")));
    }

    @Test
    void shouldInstallNothingWhenTheHostIsTooOld() throws IOException {
        final Path host = hostWith(older(Files.readAllBytes(ownLibrary())), "usr/lib64");
        final InstallOptions options = InstallOptions.parse(
                "--bin-dir=" + directory.resolve("bin"),
                "--conf-dir=" + directory.resolve("conf"),
                "--host-root=" + host);
        final IOException e = assertThrows(IOException.class, () -> InstallCni.install(options));
        assertTrue(
                String.valueOf(e.getMessage())
                        .matches("the plugin's Java runtime needs glibc 2\\.[1-9][0-9] or newer, and " + host
                                + "/usr/lib64/libc.so.6 is 2\\.[0-9]+: name a runtime by --runtime.*"),
                e.getMessage());
        assertFalse(Files.exists(directory.resolve("bin/weft-cni")));
        assertFalse(Files.exists(directory.resolve("conf")));
    }

    @Test
    void shouldSayWhatIsNotKnownWhenTheHostHasAnotherLibrary() throws IOException {
        final Path host = hostWith("of another machine".getBytes(StandardCharsets.UTF_8), "usr/lib64");
        final String unknown = String.valueOf(HostGlibc.check(runtime(), host));
        assertTrue(
                unknown.startsWith("found no libc.so.6 below " + host + ": whether the host has the glibc 2."),
                unknown);
    }

    @Test
    void shouldSayWhichFileIsDamagedWhenItHasBeenCutOff() throws IOException {
        final byte[] library = Files.readAllBytes(ownLibrary());
        final Path host = hostWith(Arrays.copyOf(library, library.length / 2), "usr/lib64");
        final IOException e = assertThrows(IOException.class, () -> HostGlibc.check(runtime(), host));
        assertEquals(host + "/usr/lib64/libc.so.6 is damaged: its versions lie outside of it", e.getMessage());
    }

    @Test
    void shouldReadTheVersionsThatTheLoaderSees() throws IOException {
        final ElfFile own = Objects.requireNonNull(ElfFile.open(ownLibrary()));
        final String version =
                Command.run(List.of("getconf", "GNU_LIBC_VERSION")).strip().replace("glibc ", "");
        final List<String> defined = own.versionsDefined();
        assertTrue(defined.contains("GLIBC_2.34") && defined.contains("GLIBC_PRIVATE"), defined::toString);
        // It has none that is newer than itself.
        final int minor = Integer.parseInt(version.substring(version.indexOf('.') + 1));
        assertFalse(defined.contains("GLIBC_2." + (minor + 1)), defined::toString);
        assertNull(ElfFile.open(Path.of("/proc/self/status")));
    }
}
