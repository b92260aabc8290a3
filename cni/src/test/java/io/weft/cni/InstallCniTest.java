/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InstallCniTest {
    @TempDir
    Path directory;

    @Test
    void shouldRunWithoutJavaOrPathWhenMovedElsewhere() throws IOException {
        // As an init container does: installed under one path, run under another.
        final Path container = directory.resolve("host");
        install(
                "--bin-dir",
                container.resolve("bin").toString(),
                "--conf-dir",
                container.resolve("net.d").toString());
        final Path host = Files.move(container, directory.resolve("elsewhere"));
        final Command.Result result = Command.tryRun(List.of(
                "env",
                "-i",
                "CNI_COMMAND=VERSION",
                "JAVA_TOOL_OPTIONS=-Xlog",
                host.resolve("bin/weft-cni").toString()));
        assertEquals(0, result.exitCode(), result.errors());
        assertTrue(result.output().startsWith("{\"cniVersion\":\"1.1.0\""), result.output());
        assertEquals("", result.errors());
        final Map<String, ?> conflist = TestNetwork.parse(Files.readString(host.resolve("net.d/10-weft.conflist")));
        assertEquals("1.0.0", conflist.get("cniVersion"));
        assertEquals("cbr0", conflist.get("name"));
    }

    @Test
    void shouldFindItsClassesInArchiveWhenInstalled() throws IOException {
        final Path runtime = runtimes(InstalledPlugin.binDir()).get(0);
        final Command.Result result = Command.tryRun(List.of(
                "env",
                "CNI_COMMAND=VERSION",
                runtime.resolve("bin/java").toString(),
                "-XX:+UseSerialGC",
                "-Xlog:class+load",
                PluginRuntime.flags(runtime, runtime.toString()).contains("AOTCache")
                        ? "-XX:AOTCache=" + runtime.resolve("lib/server/weft-cni.aot")
                        : "-Xshare:on",
                WeftCni.class.getName()));
        final String log = result.output();
        assertTrue(log.contains("io.weft.cni.Json source: shared objects file"), log + result.errors());
    }

    @Test
    void shouldKeepOnePreviousRuntimeWhenInstalledAgain() throws IOException {
        final Path linked = directory.resolve("linked");
        PluginRuntime.link(linked);
        final String binDir = directory.resolve("bin").toString();
        for (int i = 0; i < 4; i++) {
            final Path conflist = install(
                    "--bin-dir",
                    binDir,
                    "--conf-dir",
                    directory.resolve("conf").toString(),
                    "--runtime",
                    linked.toString(),
                    "--cni-version",
                    "0.4.0",
                    "--conflist-name",
                    "05-weft.conflist");
            assertEquals(directory.resolve("conf/05-weft.conflist"), conflist);
            assertTrue(Files.readString(conflist).contains("\"cniVersion\": \"0.4.0\""));
            assertEquals(Math.min(i + 1, 2), runtimes(directory.resolve("bin")).size());
            assertEquals(
                    0,
                    Command.tryRun(List.of("env", "CNI_COMMAND=VERSION", binDir + "/weft-cni"))
                            .exitCode());
        }
        try (Stream<Path> files = Files.list(directory.resolve("conf"))) {
            assertEquals(1, files.count());
        }
    }

    @Test
    void shouldWriteNoConflistWhenRuntimeCanNotBeInstalled() {
        assertThrows(
                IOException.class,
                () -> install(
                        "--bin-dir", directory.resolve("bin").toString(),
                        "--conf-dir", directory.resolve("conf").toString(),
                        "--runtime", directory.resolve("missing").toString()));
        assertFalse(Files.exists(directory.resolve("conf")));
        assertFalse(Files.exists(directory.resolve("bin/weft-cni")));
    }

    @Test
    void shouldInstallGivenConflistWhenOneIsGiven() throws IOException {
        final Path own = Files.writeString(directory.resolve("own"), "{\"name\":\"mine\"}");
        final Path linked = runtimes(InstalledPlugin.binDir()).get(0);
        final Path conflist = install(
                "--bin-dir",
                directory.resolve("bin").toString(),
                "--conf-dir",
                directory.resolve("conf").toString(),
                "--runtime",
                linked.toString(),
                "--conflist",
                own.toString());
        assertEquals("{\"name\":\"mine\"}", Files.readString(conflist));
    }

    @ParameterizedTest
    @CsvSource({
        "--cni-version, 0.2.0, '--cni-version=0.2.0; allowed: 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0'",
        "--conflist-name, a/b.conflist, --conflist-name=a/b.conflist; allowed: a file name",
        "--conflist-name, weft.json, --conflist-name=weft.json; allowed: a file name that ends in .conflist",
        "--bindir, /x, --bindir is no option",
    })
    void shouldNameOptionAndValueWhenNotAllowed(final String option, final String value, final String expected) {
        final IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> InstallOptions.parse(option, value));
        assertTrue(String.valueOf(e.getMessage()).startsWith(expected), e.getMessage());
    }

    private static Path install(final String... arguments) throws IOException {
        return InstallCni.install(InstallOptions.parse(arguments));
    }

    private static List<Path> runtimes(final Path binDir) throws IOException {
        try (Stream<Path> files = Files.list(binDir.resolve("weft-cni.d"))) {
            return files.toList();
        }
    }
}
