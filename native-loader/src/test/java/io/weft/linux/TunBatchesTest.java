/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RefusedCalls;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.agrona.BufferUtil;
import org.agrona.CloseHelper;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Several frames of a TUN device with one call, on a kernel that lets it. */
@RequiresRoot
class TunBatchesTest {
    private static final int VNET_LENGTH = 10;
    private static final int HEADERS_LENGTH = VNET_LENGTH + 20 + 8;
    private static final int PORT = 7000;
    private static final int SLOT_LENGTH = 0x10000 + VNET_LENGTH;
    private static final int MOST = FrameBatchSource.MAX_BATCH;

    private final NetworkNamespace namespace = NetworkNamespace.create("batch");
    private final UnsafeBuffer memory = new UnsafeBuffer(BufferUtil.allocateDirectAligned(MOST * SLOT_LENGTH, 64));
    private List<TunDevice> queues = List.of();

    @BeforeEach
    void requireIoUring() throws IOException {
        final Path disabled = Path.of("/proc/sys/kernel/io_uring_disabled");
        assumeTrue(
                Files.notExists(disabled)
                        || "0".equals(Files.readString(disabled).strip()),
                "an operator has switched io_uring off");
    }

    @AfterEach
    void close() {
        CloseHelper.closeAll(queues);
        namespace.close();
    }

    private TunDevice up(final int count) {
        queues = namespace.call(() -> TunDevice.open("tun0", count, VNET_LENGTH));
        namespace.sysctl("net/ipv6/conf/tun0/disable_ipv6", 1);
        namespace.ip("addr", "add", "10.9.0.1/24", "dev", "tun0");
        namespace.ip("link", "set", "tun0", "up");
        queues.forEach(queue -> assertFalse(queue.givesBatches() || queue.takesBatches()));
        TunDevice.batch(queues);
        queues.forEach(queue -> assertTrue(queue.givesBatches() && queue.takesBatches()));
        return queues.get(0);
    }

    private DatagramSocket pod() {
        return namespace.call(() -> new DatagramSocket(PORT, InetAddress.getByName("10.9.0.1")));
    }

    private static void send(final DatagramSocket from, final int number, final int length) throws IOException {
        final byte[] payload = ByteBuffer.allocate(length).putInt(number).array();
        from.send(new DatagramPacket(payload, length, InetAddress.getByName("10.9.0.2"), PORT));
    }

    private void read(final TunDevice queue, final int count) {
        for (int i = 0; i < count; i++) {
            queue.place(i, memory.addressOffset() + (long) i * SLOT_LENGTH, SLOT_LENGTH);
        }
        queue.read(count);
    }

    private int number(final int slot) {
        return memory.getInt(slot * SLOT_LENGTH + HEADERS_LENGTH, BIG_ENDIAN);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, MOST})
    void shouldReadFramesInTheirOrderWithOneCall(final int count) throws IOException {
        final TunDevice queue = up(1);
        try (DatagramSocket pod = pod()) {
            for (int round = 0; round < 3; round++) {
                for (int i = 0; i < count; i++) {
                    send(pod, 100 * round + i, 64);
                }
                read(queue, count);
                for (int i = 0; i < count; i++) {
                    assertEquals(HEADERS_LENGTH + 64, queue.readResult(i));
                    assertEquals(100 * round + i, number(i));
                }
            }
        }
    }

    @Test
    void shouldSayWhichPlacesHaveNothing() throws IOException {
        final TunDevice queue = up(1);
        read(queue, 4);
        IntStream.range(0, 4).forEach(i -> assertEquals(-Errno.EAGAIN, queue.readResult(i)));
        try (DatagramSocket pod = pod()) {
            send(pod, 7, 64);
            read(queue, 4);
            assertEquals(HEADERS_LENGTH + 64, queue.readResult(0));
            assertEquals(7, number(0));
            IntStream.range(1, 4).forEach(i -> assertEquals(-Errno.EAGAIN, queue.readResult(i)));
            send(pod, 8, 64);
            assertEquals(HEADERS_LENGTH + 64, queue.read(memory.addressOffset(), SLOT_LENGTH), "one by one as well");
            assertEquals(8, number(0));
        }
    }

    @Test
    void shouldReadALongFrameAmidShortOnesWhole() throws IOException {
        final TunDevice queue = up(1);
        namespace.ip("link", "set", "tun0", "mtu", "65000");
        try (DatagramSocket pod = pod()) {
            send(pod, 1, 64);
            send(pod, 2, 60_000);
            send(pod, 3, 64);
            read(queue, 3);
        }
        assertEquals(HEADERS_LENGTH + 60_000, queue.readResult(1));
        assertEquals(List.of(1, 2, 3), List.of(number(0), number(1), number(2)));
    }

    /** A packet from 10.9.0.2 to the pod's socket, in two pieces. */
    private void place(final MessageVector frames, final UnsafeBuffer pieces, final int index, final int number) {
        final int slot = index * SLOT_LENGTH;
        final int ipLength = HEADERS_LENGTH - VNET_LENGTH + Integer.BYTES;
        memory.setMemory(slot, HEADERS_LENGTH, (byte) 0);
        memory.putByte(slot + VNET_LENGTH, (byte) 0x45);
        memory.putShort(slot + VNET_LENGTH + 2, (short) ipLength, BIG_ENDIAN);
        memory.putByte(slot + VNET_LENGTH + 8, (byte) 64);
        memory.putByte(slot + VNET_LENGTH + 9, (byte) 17);
        memory.putInt(slot + VNET_LENGTH + 12, 0x0A090002, BIG_ENDIAN);
        memory.putInt(slot + VNET_LENGTH + 16, 0x0A090001, BIG_ENDIAN);
        int sum = 0;
        for (int i = 0; i < 20; i += Short.BYTES) {
            sum += memory.getShort(slot + VNET_LENGTH + i, BIG_ENDIAN) & 0xFFFF;
        }
        memory.putShort(slot + VNET_LENGTH + 10, (short) ~((sum & 0xFFFF) + (sum >> 16)), BIG_ENDIAN);
        memory.putShort(slot + VNET_LENGTH + 20, (short) PORT, BIG_ENDIAN);
        memory.putShort(slot + VNET_LENGTH + 22, (short) PORT, BIG_ENDIAN);
        memory.putShort(slot + VNET_LENGTH + 24, (short) (ipLength - 20), BIG_ENDIAN);
        memory.putInt(slot + HEADERS_LENGTH, number, BIG_ENDIAN);
        final int piece = 2 * index * MessageVector.IOVEC_LENGTH;
        pieces.putLong(piece, memory.addressOffset() + slot);
        pieces.putLong(piece + Long.BYTES, HEADERS_LENGTH);
        pieces.putLong(piece + MessageVector.IOVEC_LENGTH, memory.addressOffset() + slot + HEADERS_LENGTH);
        pieces.putLong(piece + MessageVector.IOVEC_LENGTH + Long.BYTES, Integer.BYTES);
        frames.iovecs(index, pieces.addressOffset() + piece, 2);
    }

    private static int receive(final DatagramSocket pod) throws IOException {
        final DatagramPacket packet = new DatagramPacket(new byte[64], 64);
        pod.receive(packet);
        return ByteBuffer.wrap(packet.getData()).getInt();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void shouldWriteFramesInTheirOrderAndTellWhichOneIsRefused(final int count) throws IOException {
        final TunDevice queue = up(count);
        final MessageVector frames = new MessageVector(MOST);
        final UnsafeBuffer pieces =
                new UnsafeBuffer(BufferUtil.allocateDirectAligned(2 * MOST * MessageVector.IOVEC_LENGTH, 64));
        try (DatagramSocket pod = pod()) {
            for (int i = 0; i < MOST; i++) {
                place(frames, pieces, i, i);
            }
            final int refused = 5;
            memory.putByte(refused * SLOT_LENGTH + VNET_LENGTH, (byte) 0xF5); // no version of IP
            assertEquals(MOST, queue.write(frames, 0, MOST));
            final List<Integer> received = new ArrayList<>();
            for (int i = 0; i < MOST; i++) {
                assertEquals(
                        refused == i ? -Errno.EINVAL : HEADERS_LENGTH + Integer.BYTES,
                        queue.writeResult(i),
                        "frame " + i);
            }
            for (int i = 1; i < MOST; i++) {
                received.add(receive(pod));
            }
            assertEquals(
                    IntStream.range(0, MOST).filter(i -> refused != i).boxed().toList(), received);

            assertEquals(1, queue.write(frames, 3, 1), "one alone");
            assertEquals(HEADERS_LENGTH + Integer.BYTES, queue.writeResult(0));
            assertEquals(3, receive(pod));
            assertEquals(1, queue.write(frames, refused, 1));
            assertEquals(-Errno.EINVAL, queue.writeResult(0));
            assertEquals(2, queue.write(frames, 30, 2));
            assertEquals(List.of(30, 31), List.of(receive(pod), receive(pod)));
        }
    }

    /** As where it has no memory for a request: the next batch is as if this one had not been. */
    @Test
    void shouldWriteOneByOneWhereTheKernelTakesNoBatch() throws Exception {
        final TunDevice queue = up(1);
        final MessageVector frames = new MessageVector(MOST);
        final UnsafeBuffer pieces =
                new UnsafeBuffer(BufferUtil.allocateDirectAligned(2 * MOST * MessageVector.IOVEC_LENGTH, 64));
        IntStream.range(0, 4).forEach(i -> place(frames, pieces, i, i));
        try (DatagramSocket pod = pod()) {
            RefusedCalls.refusing(RefusedCalls.IO_URING_ENTER, Errno.ENOMEM, () -> {
                assertEquals(1, queue.write(frames, 0, 4));
                assertEquals(HEADERS_LENGTH + Integer.BYTES, queue.writeResult(0));
                return null;
            });
            assertEquals(0, receive(pod));
            assertEquals(3, queue.write(frames, 1, 3));
            assertEquals(List.of(1, 2, 3), List.of(receive(pod), receive(pod), receive(pod)));

            send(pod, 7, 64);
            RefusedCalls.refusing(RefusedCalls.IO_URING_ENTER, Errno.ENOMEM, () -> {
                read(queue, 2);
                assertEquals(-Errno.ENOMEM, queue.readResult(0));
                return null;
            });
            read(queue, 2);
            assertEquals(7, number(0));
            assertEquals(-Errno.EAGAIN, queue.readResult(1));
        }
    }

    @Test
    void shouldTellOfADeviceThatIsDown() {
        final TunDevice queue = up(1);
        namespace.ip("link", "set", "tun0", "down");
        final MessageVector frames = new MessageVector(MOST);
        final UnsafeBuffer pieces =
                new UnsafeBuffer(BufferUtil.allocateDirectAligned(2 * MOST * MessageVector.IOVEC_LENGTH, 64));
        place(frames, pieces, 0, 0);
        place(frames, pieces, 1, 1);
        assertEquals(2, queue.write(frames, 0, 2));
        assertEquals(-Errno.EIO, queue.writeResult(0));
        assertEquals(-Errno.EIO, queue.writeResult(1));
    }

    /** As after a handover: what waits in the queue is not taken by the look whether there may be batches. */
    @Test
    void shouldLeaveWhatWaitsInTheQueueWhereItIsWhenBatchesBegin() throws IOException {
        queues = namespace.call(() -> TunDevice.open("tun0", 1, VNET_LENGTH));
        namespace.sysctl("net/ipv6/conf/tun0/disable_ipv6", 1);
        namespace.ip("addr", "add", "10.9.0.1/24", "dev", "tun0");
        namespace.ip("link", "set", "tun0", "up");
        try (DatagramSocket pod = pod()) {
            send(pod, 9, 64);
            TunDevice.batch(queues);
            read(queues.get(0), 2);
            assertEquals(HEADERS_LENGTH + 64, queues.get(0).readResult(0));
            assertEquals(9, number(0));
        }
    }

    @Test
    void shouldLetTheDeviceGoWithItsLastQueue() {
        up(1);
        read(queues.get(0), 4);
        for (int round = 0; round < 20; round++) {
            CloseHelper.closeAll(queues);
            up(1);
        }
    }

    /** As where there are descriptors or there is memory for some of them only. */
    @Test
    void shouldLeaveAllQueuesAsTheyWereWhenOneIsRefused() {
        queues = namespace.call(() -> TunDevice.open("tun0", 2, VNET_LENGTH));
        queues.get(1).close();
        assertThrows(LinuxException.class, () -> TunDevice.batch(queues));
        queues.forEach(queue -> assertFalse(queue.givesBatches() || queue.takesBatches()));
    }

    @Test
    void shouldSayWhatIsToBeDoneWhereTheKernelRefuses() {
        final LinuxException refused = assertThrows(LinuxException.class, () -> IoUring.open(1 << 20));
        assertTrue(String.valueOf(refused.getMessage()).startsWith("use io_uring: EINVAL"), refused::getMessage);
        assertTrue(String.valueOf(IoUring.failure(Errno.EPERM).getMessage()).contains("kernel.io_uring_disabled"));
    }
}
