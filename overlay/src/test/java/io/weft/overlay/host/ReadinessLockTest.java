/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.overlay.lifecycle.StartupException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReadinessLockTest {
    @TempDir
    private Path directory = Path.of(".");

    private Path subnetFile = directory;
    private Path lockFile = directory;

    @BeforeEach
    void writeSubnetFile() throws IOException {
        subnetFile = Files.writeString(directory.resolve("subnet.env"), "FLANNEL_MTU=1450\n");
        lockFile = directory.resolve("subnet.env.weftd");
    }

    /** Holds the lock until it is killed. */
    static final class OtherWeftd {
        private OtherWeftd() {}

        public static void main(final String[] arguments) throws IOException {
            try (ReadinessLock lock = ReadinessLock.take(Path.of(arguments[0]))) {
                System.out.println("holds " + lock.getClass().getSimpleName());
                System.out.println(System.in.read());
            }
        }
    }

    /** By the kernel's list of locks, since the same process cannot ask by a lock of its own. */
    private boolean isLocked() throws IOException {
        return Files.readString(Path.of("/proc/locks")).contains(":" + Files.getAttribute(lockFile, "unix:ino") + " ");
    }

    @Test
    void shouldBeLockedUntilClosedAndLeaveTheFile() throws IOException {
        for (int life = 0; life < 2; life++) {
            try (ReadinessLock lock = ReadinessLock.take(subnetFile)) {
                assertTrue(isLocked(), lock::toString);
            }
            assertFalse(isLocked());
        }
        assertEquals(1, Files.size(lockFile));
    }

    @Test
    void shouldBeNewerThanTheSubnetFileWhenItWasWrittenAnew() throws IOException {
        ReadinessLock.take(subnetFile).close();
        Files.setLastModifiedTime(lockFile, FileTime.fromMillis(0));
        ReadinessLock.take(subnetFile).close();
        assertTrue(Files.getLastModifiedTime(lockFile).compareTo(Files.getLastModifiedTime(subnetFile)) >= 0);
    }

    @Test
    void shouldNameTheFileWhenAnotherWeftdHoldsIt() throws Exception {
        final Process other = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        OtherWeftd.class.getName(),
                        subnetFile.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader output =
                new BufferedReader(new InputStreamReader(other.getInputStream(), StandardCharsets.UTF_8))) {
            assertEquals("holds ReadinessLock", output.readLine());
            final StartupException failure = assertThrows(StartupException.class, () -> ReadinessLock.take(subnetFile));
            assertTrue(
                    String.valueOf(failure.getMessage()).contains("belongs to another weftd, which holds " + lockFile));
        } finally {
            other.destroyForcibly().waitFor();
        }
        ReadinessLock.take(subnetFile).close();
    }

    @Test
    void shouldNameTheOptionWhenTheFileCannotBeMade() {
        final StartupException failure = assertThrows(
                StartupException.class,
                () -> ReadinessLock.take(directory.resolve("none").resolve("subnet.env")));
        assertTrue(String.valueOf(failure.getMessage()).contains("--subnet-file"));
    }
}
