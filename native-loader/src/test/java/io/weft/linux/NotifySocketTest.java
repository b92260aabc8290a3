/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.SocketConstants.AF_UNIX;
import static io.weft.linux.SocketConstants.SOCK_CLOEXEC;
import static io.weft.linux.SocketConstants.SOCK_DGRAM;
import static io.weft.linux.SocketConstants.SOCK_NONBLOCK;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Messages to a datagram socket that stands for a service manager's. */
class NotifySocketTest {
    private static final String MESSAGE = "READY=1";
    private static final long PATIENCE_S = 120;

    @TempDir
    Path directory;

    private String path = "";
    private int manager;

    @BeforeEach
    void setUp() {
        path = directory.resolve("notify").toString();
        manager = Libc.LIBC.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        final UnsafeBuffer address = new UnsafeBuffer(BufferUtil.allocateDirectAligned(128, Long.BYTES));
        address.putShort(0, (short) AF_UNIX, ByteOrder.nativeOrder());
        address.putBytes(Short.BYTES, path.getBytes(UTF_8));
        assertEquals(0, Libc.LIBC.bind(manager, address.addressOffset(), Short.BYTES + path.length()));
    }

    @AfterEach
    void tearDown() {
        Libc.LIBC.close(manager);
    }

    @Test
    void shouldBringTheMessage() {
        NotifySocket.send(path, MESSAGE);
        final UnsafeBuffer received = new UnsafeBuffer(BufferUtil.allocateDirectAligned(64, Long.BYTES));
        assertEquals(MESSAGE.length(), Libc.LIBC.read(manager, received.addressOffset(), received.capacity()));
        assertEquals(MESSAGE, received.getStringWithoutLengthAscii(0, MESSAGE.length()));
    }

    @Test
    void shouldNotWaitForEverForAManagerThatDoesNotRead() {
        final CompletableFuture<Void> sender = CompletableFuture.runAsync(() -> {
            while (true) {
                NotifySocket.send(path, MESSAGE);
            }
        });
        final ExecutionException refused =
                assertThrows(ExecutionException.class, () -> sender.get(PATIENCE_S, TimeUnit.SECONDS));
        final LinuxException failure = assertInstanceOf(LinuxException.class, refused.getCause());
        assertEquals(Errno.EAGAIN, failure.errno());
    }
}
