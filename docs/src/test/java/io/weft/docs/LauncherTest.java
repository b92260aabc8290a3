/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.Netns;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code ./weft test} in a copy of a few modules, where a test hangs, or fails, and others pass. */
@RequiresRoot
class LauncherTest {
    private static final long TIMEOUT_MS = TimeUnit.MINUTES.toMillis(10);
    private static final List<String> MODULES = List.of("address", "native-loader", "encap");
    private static final String PASSING = "--only=encap:EcnTest";
    private static final String HANGING = "--only=native-loader:HangingTest";

    /** A namespace, a device, a process, one that has left its parents, a file. */
    private static final String HANGING_TEST = """
            /* SPDX-License-Identifier: Apache-2.0 */
            package io.weft.linux;

            import io.weft.linux.testing.NetworkNamespace;
            import java.nio.file.Files;
            import java.util.concurrent.CountDownLatch;
            import org.junit.jupiter.api.Test;

            class HangingTest {
                @Test
                void shouldHang() throws Exception {
                    try (NetworkNamespace namespace = NetworkNamespace.create("%s")) {
                        namespace.ip("link", "add", "weftbridge", "type", "bridge");
                        namespace.exec("sh", "-c", "setsid sleep 100000 >/dev/null 2>&1 &");
                        namespace.start("sleep", "100000");
                        Files.createTempFile("hanging", "");
                        new CountDownLatch(1).await();
                    }
                }
            }
            """;

    private static final String FAILING_TEST = """
            /* SPDX-License-Identifier: Apache-2.0 */
            package io.weft.linux;

            import static org.junit.jupiter.api.Assertions.fail;

            import org.junit.jupiter.api.Test;

            class FailingTest {
                @Test
                void shouldFail() {
                    fail("on purpose");
                }
            }
            """;

    @TempDir
    private static Path directory = Path.of(".");

    /** In the name of the namespace of the test that hangs. */
    private static final String LABEL = "hanging" + ProcessHandle.current().pid();

    private static Path checkout = directory;
    private static Path tests = directory;
    private static Path temporary = directory;
    private final List<Run> runs = new ArrayList<>();

    /** A process of ./weft, told from others by a word in the environment of all that it starts. */
    private record Run(Process process, Path output, String mark) {
        String text() throws IOException {
            return Files.readString(output);
        }

        int exitCode() {
            Await.until(() -> "end of " + process.info(), TIMEOUT_MS, () -> !process.isAlive());
            return process.exitValue();
        }

        List<Path> processes() {
            final List<Path> all = new ArrayList<>();
            try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
                for (final Path each : processes) {
                    if (environment(each).contains(mark)) {
                        all.add(each);
                    }
                }
            } catch (final IOException e) {
                throw new AssertionError(e);
            }
            return all;
        }

        private static String environment(final Path process) {
            try {
                return new String(Files.readAllBytes(process.resolve("environ")), StandardCharsets.ISO_8859_1);
            } catch (final IOException e) {
                return ""; // It has ended.
            }
        }
    }

    @BeforeAll
    static void copyModules() throws IOException {
        final Path root = Path.of(System.getProperty("weft.root", ".."));
        checkout = Files.createDirectory(directory.resolve("a check out"));
        temporary = Files.createDirectory(directory.resolve("tmp"));
        for (final String each : Stream.concat(Stream.of("weft", "scripts", ".mvn"), MODULES.stream())
                .toList()) {
            Command.run(List.of("cp", "-a", root.resolve(each).toString(), checkout.toString()));
        }
        Files.writeString(
                checkout.resolve("pom.xml"),
                Files.readString(root.resolve("pom.xml"))
                        .replaceAll("<module>(?!" + String.join("|", MODULES) + ")[^<]*</module>", ""));
        tests = checkout.resolve("native-loader").resolve("src/test/java/io/weft/linux");
        Command.run(List.of("find", tests.toString(), "-name", "*Test.java", "-delete"));
    }

    @BeforeEach
    void shouldBeginWithoutANamespace() throws IOException {
        assertEquals(List.of(), namespaces());
    }

    @AfterEach
    void end() throws IOException {
        runs.forEach(run -> run.process().destroy());
        runs.forEach(Run::exitCode);
        Files.deleteIfExists(tests.resolve("HangingTest.java"));
        Files.deleteIfExists(tests.resolve("FailingTest.java"));
    }

    private Run start(final String... options) throws IOException {
        final String mark = "WEFT_LAUNCHER_TEST=" + runs.size() + "."
                + ProcessHandle.current().pid();
        final Path output = Files.createTempFile(directory, "output", "");
        // A shell cannot trap what was ignored when it started, as these are below nohup(1) and in the background of a
        // script.
        final List<String> command = new ArrayList<>(List.of(
                "env",
                "--default-signal=INT,TERM,HUP",
                mark,
                "TMPDIR=" + temporary,
                checkout.resolve("weft").toString(),
                "test"));
        command.addAll(List.of(options));
        final Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        final Run run = new Run(process, output, mark);
        runs.add(run);
        return run;
    }

    private Run startHanging() throws IOException {
        Files.writeString(tests.resolve("HangingTest.java"), HANGING_TEST.formatted(LABEL));
        final Run run = start(HANGING);
        Await.until(
                () -> "the test that hangs: " + run.output(),
                TIMEOUT_MS,
                () -> run.process().isAlive()
                        && !namespaces().isEmpty()
                        && !files("hanging*").isEmpty());
        return run;
    }

    private static List<Path> namespaces() {
        try (Stream<Path> files = Files.list(Netns.DIRECTORY)) {
            return files.filter(file -> file.toString().endsWith(LABEL)).toList();
        } catch (final IOException e) {
            throw new AssertionError(e);
        }
    }

    private static List<Path> files(final String pattern) {
        final List<Path> all = new ArrayList<>();
        try (DirectoryStream<Path> runs = Files.newDirectoryStream(temporary)) {
            for (final Path run : runs) {
                try (DirectoryStream<Path> files = Files.newDirectoryStream(run, pattern)) {
                    files.forEach(all::add);
                }
            }
        } catch (final IOException e) {
            throw new AssertionError(e);
        }
        return all;
    }

    private void assertNothingLeft(final Run run) throws IOException {
        assertEquals(List.of(), namespaces());
        assertEquals(List.of(), run.processes());
        assertEquals(0, temporary.toFile().list().length);
    }

    @ParameterizedTest
    @CsvSource({"INT, 130", "TERM, 143"})
    void shouldLeaveNothingWhenEndedHalfWay(final String signal, final int exitCode) throws IOException {
        final Run run = startHanging();
        Command.run(List.of("kill", "-" + signal, Long.toString(run.process().pid())));
        assertEquals(exitCode, run.exitCode(), run.text());
        assertNothingLeft(run);
        assertTrue(run.text().contains("ended by SIG" + signal + "; nothing of it is left"), run.text());
    }

    @Test
    void shouldCleanUpWhatAKilledRunLeftAndNothingOfOneThatLives() throws IOException {
        final Run hanging = startHanging();
        final Run beside = start(PASSING);
        assertEquals(0, beside.exitCode(), beside.text());
        assertEquals(1, namespaces().size());
        assertEquals(1, files("hanging*").size());
        assertTrue(hanging.process().isAlive());

        hanging.process().destroyForcibly();
        hanging.exitCode();
        assertEquals(1, namespaces().size());
        final Run next = start(PASSING);
        assertEquals(0, next.exitCode(), next.text());
        assertNothingLeft(hanging);
    }

    @Test
    void shouldGoOnAfterAModuleThatFailedAndSaySoAtTheEnd() throws IOException {
        Files.writeString(tests.resolve("FailingTest.java"), FAILING_TEST);
        final Run run = start();
        assertEquals(1, run.exitCode(), run.text());
        final String text = run.text();
        final List<String> lines = text.lines().toList();
        assertTrue(text.contains("native-loader  Tests run: 1, Failures: 1, Errors: 0, Skipped: 0, "), text);
        assertTrue(text.contains("failed: io.weft.linux.FailingTest.shouldFail\n"), text);
        assertTrue(text.contains("AssertionFailedError: on purpose\n"), text);
        assertTrue(text.matches("(?s).*encap +Tests run: [0-9]+, Failures: 0, Errors: 0, Skipped: 0, .*"), text);
        assertTrue(
                lines.get(lines.size() - 1)
                        .matches("weft test: FAILED on JDK [0-9.]+: io.weft.linux.FailingTest.shouldFail"
                                + " \\(of [0-9]+ tests; log: target/test-jdk[0-9]+.log\\)"),
                text);
        assertNothingLeft(run);
    }
}
