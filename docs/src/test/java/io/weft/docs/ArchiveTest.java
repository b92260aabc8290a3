/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The archive of classes, in an installation of its own: used where it fits, and otherwise as if it were not there. */
class ArchiveTest {
    private static final Path ROOT =
            Path.of(System.getProperty("weft.root", "..")).toAbsolutePath().normalize();
    private static final String SHARED = "io.weft.overlay.cli.WeftMain source: shared objects file";

    private static final Predicate<String> SHARED_LAMBDA = Pattern.compile(
                    "io\\.weft\\..*\\$\\$Lambda.* source: shared objects file")
            .asPredicate();

    @TempDir
    private Path directory = Path.of(".");

    @Test
    @RequiresRoot
    void shouldBeUsedWhileItFitsAndBePassedOverInSilenceOtherwise() throws IOException {
        Command.run(List.of("cp", "-a", ROOT.resolve("bin").toString(), directory.toString()));
        Command.run(List.of("cp", "-a", ROOT.resolve("target/weft/lib").toString(), directory.toString()));
        Files.deleteIfExists(directory.resolve("lib/weft.jsa"));
        final Command.Result without = version();
        assertFalse(loaded().contains(SHARED));

        Command.run(List.of(
                "env",
                "JAVA_HOME=" + System.getProperty("java.home"),
                directory.resolve("bin/weft-archive").toString()));
        assertTrue(loaded().contains(SHARED), loaded());
        assertTrue(loaded().lines().anyMatch(SHARED_LAMBDA), loaded());
        assertEquals(without, version());

        final Path library = library("picocli-*.jar");
        final FileTime time = Files.getLastModifiedTime(library);
        Files.setLastModifiedTime(library, FileTime.fromMillis(time.toMillis() - 100_000));
        assertEquals(without, version(), "with another library");
        Files.setLastModifiedTime(library, time);

        final Path maker = directory.resolve("lib/weft.jsa.for");
        final String jvm = Files.readString(maker);
        Files.writeString(maker, jvm + "OF_ANOTHER_JVM=\n");
        assertFalse(loaded().contains(SHARED));
        assertEquals(without, version(), "by another JVM");
    }

    private Path library(final String pattern) throws IOException {
        try (DirectoryStream<Path> libraries = Files.newDirectoryStream(directory.resolve("lib"), pattern)) {
            return libraries.iterator().next();
        }
    }

    private Command.Result version() {
        return weft("");
    }

    /** What the JVM says of each class that it loads. */
    private String loaded() throws IOException {
        final Path log = directory.resolve("loaded");
        Files.deleteIfExists(log);
        weft("-Xlog:class+load:file=" + log);
        return Files.readString(log);
    }

    private Command.Result weft(final String jvmOption) {
        final Command.Result result = Command.tryRun(List.of(
                "env",
                "JAVA_HOME=" + System.getProperty("java.home"),
                "WEFT_JAVA_OPTS=" + jvmOption,
                directory.resolve("bin/weft").toString(),
                "--version"));
        assertEquals(0, result.exitCode(), result::toString);
        return result;
    }
}
