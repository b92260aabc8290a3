/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.overlay.lifecycle.StartupException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeviceLockTest {
    /** No process has it: it is above PID_MAX_LIMIT of Linux (include/linux/threads.h). */
    private static final String NOBODY = "4194305";

    @TempDir
    private Path directory = Path.of(".");

    private Path ofAnOlderWeftd(final String pid) throws IOException {
        final Path file = Files.writeString(directory.resolve("weft.1.lock"), pid + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        return file;
    }

    /** Opens the file for reading alone, as any user may, and locks it until its input ends. */
    private static Process lock(final Path file) throws IOException {
        final Process locker = new ProcessBuilder(
                        "python3",
                        "-c",
                        "import fcntl, sys\nf = open(sys.argv[1])\nfcntl.lockf(f, fcntl.LOCK_SH)\n"
                                + "print('locked', flush=True)\nsys.stdin.read()",
                        file.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        final BufferedReader output = locker.inputReader();
        assertEquals("locked", output.readLine());
        return locker;
    }

    @Test
    void shouldTakeTheFileOfAnOlderWeftdFromOtherUsers() throws IOException {
        final Path file = ofAnOlderWeftd(NOBODY);
        try (DeviceLock lock = DeviceLock.take(directory, "weft.1")) {
            assertEquals(
                    "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)), lock::toString);
        }
    }

    @Test
    void shouldNotBeKeptFromItsLockByAnotherUserWhoLockedTheFileOfAnOlderWeftd() throws Exception {
        final Path file = ofAnOlderWeftd(NOBODY);
        final Process locker = lock(file);
        try (DeviceLock lock = DeviceLock.take(directory, "weft.1")) {
            assertEquals(ProcessHandle.current().pid() + "\n", Files.readString(file), lock::toString);
        } finally {
            locker.destroyForcibly().waitFor();
        }
    }

    @Test
    void shouldNameTheOlderWeftdWhenItLives() throws Exception {
        final Process sleeper = new ProcessBuilder("sleep", "infinity").start();
        final Process locker = lock(ofAnOlderWeftd(String.valueOf(sleeper.pid())));
        try {
            final StartupException failure =
                    assertThrows(StartupException.class, () -> DeviceLock.take(directory, "weft.1"));
            assertTrue(String.valueOf(failure.getMessage())
                    .contains("belongs to another weftd, process " + sleeper.pid()));
        } finally {
            locker.destroyForcibly().waitFor();
            sleeper.destroyForcibly().waitFor();
        }
    }
}
