/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.linux.testing.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The limit that bin/weftd gives the JVM is the one that weftd reckons with, for however many workers and cores. */
class BufferBudgetTest {
    private static final String LIMIT = "-XX:MaxDirectMemorySize=";

    private static final Path LAUNCHER = Path.of(System.getProperty("weft.root"), "bin", "weftd");

    @TempDir
    private Path directory = Path.of(".");

    private Path weftd = Path.of("weftd");

    /** The launcher beside a stand-in for what it starts, which prints the options of the JVM. */
    @BeforeEach
    void installLauncher() throws IOException {
        weftd = Files.copy(LAUNCHER, directory.resolve("weftd"));
        final Path java = Files.writeString(directory.resolve("weft-java"), "#!/bin/bash\necho $WEFT_JAVA_OPTS\n");
        for (final Path file : List.of(weftd, java)) {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "--workers=1,, 2, 1",
        "-workers=3,, 2, 3",
        "--workers 64,, 2, 64",
        "--workers=2 --workers=5, 9, 2, 5",
        "--iface=eth0, 7, 2, 7",
        "--iface=eth0,, 1, 1",
        "--iface=eth0,, 7, 1",
        "--iface=eth0,, 24, 6",
        "--iface=eth0,, 64, 16",
        "--iface=eth0,, 260, 64",
        "--workers=0,, 8, 2", // weftd refuses it with words; until then it needs a JVM
    })
    void shouldLimitTheJvmToWhatItsWorkersTake(
            final String arguments, final String environment, final int cores, final int workers) {
        final String printed = Command.run(List.of(
                "env",
                "WEFTD_WORKERS=" + (null == environment ? "" : environment),
                "WEFT_JAVA_OPTS=-Xint -XX:ActiveProcessorCount=" + cores,
                "bash",
                "-c",
                weftd + " " + arguments));
        final List<String> options = List.of(printed.strip().split(" ", -1));
        assertEquals(
                List.of(LIMIT + BufferBudget.mebibytes(workers) + "m"),
                options.stream().filter(option -> option.startsWith(LIMIT)).toList());
        assertEquals(
                List.of("-Xint", "-XX:ActiveProcessorCount=" + cores),
                options.subList(options.size() - 2, options.size()),
                "an operator's options come last, for the last one counts");
    }
}
