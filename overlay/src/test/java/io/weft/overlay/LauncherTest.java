/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.linux.testing.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What bin/weft-java says of a Java that it cannot run weft with, before it runs it. */
class LauncherTest {
    @TempDir
    private Path directory = Path.of(".");

    private Path javaHome = Path.of(".");

    @BeforeEach
    void layOut() throws IOException {
        Files.createDirectories(directory.resolve("lib"));
        Files.createDirectories(directory.resolve("bin"));
        for (final String script : List.of("weft", "weftd", "weft-java", "weft-cni", "weft-cni-java")) {
            Files.copy(
                    Path.of(System.getProperty("weft.root", ".."), "bin", script),
                    directory.resolve("bin").resolve(script),
                    StandardCopyOption.COPY_ATTRIBUTES);
        }
        javaHome = directory.resolve("java");
        Files.createDirectories(javaHome.resolve("bin"));
    }

    /** A Java that only says that it runs. */
    private void javaOf(final String version) throws IOException {
        Files.copy(Path.of("/bin/true"), javaHome.resolve("bin").resolve("java"), StandardCopyOption.COPY_ATTRIBUTES);
        Files.writeString(javaHome.resolve("release"), "IMPLEMENTOR=\"A\"\nJAVA_VERSION=\"" + version + "\"\n");
    }

    private Command.Result run() {
        return Command.tryRun(List.of(
                "env",
                "JAVA_HOME=" + javaHome,
                "bash",
                directory.resolve("bin").resolve("weft-java").toString(),
                "Main"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"11.0.2", "1.8.0_300", "16"})
    void shouldSayThatJavaHomeIsTooOld(final String version) throws IOException {
        javaOf(version);
        final Command.Result refused = run();
        assertEquals(
                "weft: JAVA_HOME=" + javaHome + " is Java " + version + ", and weft needs 17 or later\n",
                refused.errors());
        assertEquals(1, refused.exitCode());
    }

    @ParameterizedTest
    @ValueSource(strings = {"17", "17.0.15", "25.0.1", "26-ea"})
    void shouldRunAJavaThatIsNewEnough(final String version) throws IOException {
        javaOf(version);
        assertEquals(0, run().exitCode());
    }

    /** As alternatives of a host lead to one. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldSayThatTheJavaOfPathIsTooOld(final boolean isLink) throws IOException {
        javaOf("11.0.2");
        Path path = javaHome.resolve("bin");
        if (isLink) {
            final Path java = path.resolve("java");
            path = Files.createDirectory(directory.resolve("path"));
            Files.createSymbolicLink(path.resolve("java"), java);
        }
        final Command.Result refused = Command.tryRun(List.of(
                "env",
                "--unset=JAVA_HOME",
                "PATH=" + path,
                "/bin/bash",
                directory.resolve("bin").resolve("weft-java").toString(),
                "Main"));
        assertEquals(
                "weft: " + path
                        + "/java, which is the java of PATH (set JAVA_HOME to name another), is Java 11.0.2, and"
                        + " weft needs 17 or later\n",
                refused.errors());
        assertEquals(1, refused.exitCode());
    }

    @ParameterizedTest
    @ValueSource(strings = {"weft", "weftd", "weft-cni"})
    void shouldRunWithoutToolsInPathAlsoByALink(final String script) throws IOException {
        javaOf("17");
        final Path link = Files.createSymbolicLink(
                directory.resolve("link"), directory.resolve("bin").resolve(script));
        for (final Path each : List.of(link, directory.resolve("bin").resolve(script))) {
            final Command.Result result = Command.tryRun(
                    List.of("/usr/bin/env", "JAVA_HOME=" + javaHome, "PATH=/nonexistent", each.toString()));
            assertEquals("", result.errors());
            assertEquals(0, result.exitCode(), result.toString());
        }
    }

    @Test
    void shouldSayThatJavaHomeHasNoJava() {
        assertEquals(
                "weft: no " + javaHome
                        + "/bin/java, which JAVA_HOME names: install openjdk-17-jre-headless or set JAVA_HOME to a Java of 17"
                        + " or later\n",
                run().errors());
    }
}
