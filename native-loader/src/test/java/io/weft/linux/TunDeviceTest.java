/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.agrona.BufferUtil;
import org.agrona.CloseHelper;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** By which queue of a TUN device a flow's packets come. */
@RequiresRoot
class TunDeviceTest {
    private static final int VNET_LENGTH = 10;
    private static final int FLOWS = 32;
    private static final int PORT = 7000;

    private final NetworkNamespace namespace = NetworkNamespace.create("tun");
    private final UnsafeBuffer buffer = new UnsafeBuffer(BufferUtil.allocateDirectAligned(0x20000, 64));
    private final List<DatagramSocket> flows = new ArrayList<>();
    private List<TunDevice> queues = List.of();

    @AfterEach
    void close() {
        CloseHelper.closeAll(queues);
        flows.forEach(DatagramSocket::close);
        namespace.close();
    }

    @ParameterizedTest
    @CsvSource({"2, 10.9.0.2, 20", "4, 10.9.0.2, 20", "16, 10.9.0.2, 20", "4, fd09::2, 40"})
    void shouldKeepAflowAtItsQueueWhenItsAnswersAreWrittenToAnother(
            final int count, final String peer, final int ipLength) throws IOException {
        up(count);
        final byte[][] packets = new byte[FLOWS][];
        final int[] queueOfFlow = new int[FLOWS];
        for (int flow = 0; flow < FLOWS; flow++) {
            flows.add(namespace.call(DatagramSocket::new));
            queueOfFlow[flow] = send(flow, peer);
            packets[flow] = lastPacket();
        }
        assertTrue(Arrays.stream(queueOfFlow).distinct().count() > 1, Arrays.toString(queueOfFlow));

        for (int flow = 0; flow < FLOWS; flow++) {
            for (final TunDevice queue : queues) {
                write(queue, answer(packets[flow], ipLength));
                assertEquals(queueOfFlow[flow], send(flow, peer), "flow " + flow);
            }
        }
    }

    private void up(final int count) {
        queues = namespace.call(() -> TunDevice.open("tun0", count, VNET_LENGTH));
        namespace.ip("addr", "add", "10.9.0.1/24", "dev", "tun0");
        namespace.ip("addr", "add", "fd09::1/64", "dev", "tun0", "nodad");
        namespace.ip("link", "set", "tun0", "up");
    }

    /** Sends a datagram and returns by which queue it came. What else the host sends is passed over. */
    private int send(final int flow, final String peer) throws IOException {
        final byte[] payload = {(byte) flow};
        flows.get(flow).send(new DatagramPacket(payload, payload.length, InetAddress.getByName(peer), PORT));
        final int[] found = {-1};
        Await.until("flow " + flow, Await.TIMEOUT_MS, () -> {
            found[0] = IntStream.range(0, queues.size())
                    .filter(index -> isDatagram(queues.get(index).read(buffer.addressOffset(), buffer.capacity())))
                    .findFirst()
                    .orElse(-1);
            return found[0] >= 0;
        });
        return found[0];
    }

    private int length;

    private boolean isDatagram(final int read) {
        length = read;
        return read > VNET_LENGTH
                && 17 == buffer.getByte(VNET_LENGTH + (4 == buffer.getByte(VNET_LENGTH) >> 4 ? 9 : 6));
    }

    private byte[] lastPacket() {
        final byte[] packet = new byte[length];
        buffer.getBytes(0, packet);
        return packet;
    }

    /** The same with source and destination changed over: the checksums are right still. */
    private static byte[] answer(final byte[] packet, final int ipLength) {
        final byte[] answer = packet.clone();
        final int addressLength = 20 == ipLength ? 4 : 16;
        final int addresses = VNET_LENGTH + ipLength - 2 * addressLength;
        exchange(packet, answer, addresses, addressLength);
        exchange(packet, answer, VNET_LENGTH + ipLength, Short.BYTES);
        return answer;
    }

    private static void exchange(final byte[] from, final byte[] to, final int offset, final int length) {
        System.arraycopy(from, offset, to, offset + length, length);
        System.arraycopy(from, offset + length, to, offset, length);
    }

    private void write(final TunDevice queue, final byte[] packet) {
        buffer.putBytes(0, packet);
        assertEquals(packet.length, queue.write(buffer.addressOffset(), packet.length));
    }
}
