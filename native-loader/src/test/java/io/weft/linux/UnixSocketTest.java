/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class UnixSocketTest {
    private static final int ATTEMPTS = 64;

    private static long openSockets() throws IOException {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors.filter(UnixSocketTest::isSocket).count();
        }
    }

    private static boolean isSocket(final Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString().startsWith("socket:");
        } catch (final IOException closed) {
            return false;
        }
    }

    @Test
    void shouldLeaveNothingOpenWhenThePathIsTooLong() throws Exception {
        final Path path = Path.of("/tmp", "x".repeat(200));
        final long before = openSockets();
        for (int i = 0; i < ATTEMPTS; i++) {
            assertEquals(
                    Errno.ENAMETOOLONG,
                    assertThrows(LinuxException.class, () -> UnixSocket.listen(path))
                            .errno());
            assertEquals(
                    Errno.ENAMETOOLONG,
                    assertThrows(LinuxException.class, () -> UnixSocket.connect(path))
                            .errno());
        }
        final long left = openSockets() - before;
        assertTrue(left < ATTEMPTS, () -> left + " sockets are left");
    }
}
