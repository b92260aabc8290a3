/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpFamily;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each datagram of a port comes by the packet socket or by the UDP socket of that port, and never by both. */
@RequiresRoot
class PacketSocketTest {
    private static final int PORT = 8472;
    private static final int BUFFER_LENGTH = 1 << 20;
    private static final int SEND_BUFFER_LENGTH = 1 << 21;
    private static final int CAPACITY = 0x20000;
    private static final int HEADERS_LENGTH = LinkSocket.VNET_HEADER_LENGTH + 14 + 20 + 8;
    private static final String LAST = "last";
    private static final int SOL_IP = 0;
    private static final int IP_OPTIONS = 4;

    private final CloseAll resources = new CloseAll();
    private final Topology topology = resources.add(Topology.twoNodes());
    private final Topology.Node own = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private final NetworkNamespace namespace = own.namespace();
    private final MessageVector vector = new MessageVector(1);
    private final UnsafeBuffer memory = allocate(CAPACITY);
    private final UnsafeBuffer iovec = allocate(MessageVector.IOVEC_LENGTH);
    private UdpSocket udp = UdpSocket.open(IpFamily.IPV4);
    private List<PacketSocket> packets = List.of();

    @BeforeEach
    void setUp() {
        udp.close();
        udp = resources.add(namespace.call(() -> UdpSocket.open(IpFamily.IPV4)));
        udp.bind(inet("0.0.0.0"), PORT);
        bind(memory);
    }

    /** Receives into a buffer. */
    private void bind(final UnsafeBuffer buffer) {
        iovec.putLong(0, buffer.addressOffset());
        iovec.putLong(Long.BYTES, buffer.capacity());
        vector.iovecs(0, iovec.addressOffset(), 1);
        vector.name(0, 0, 0);
    }

    @AfterEach
    void tearDown() {
        packets.forEach(PacketSocket::close);
        resources.close();
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, Long.BYTES));
    }

    private static InetAddress inet(final String address) {
        try {
            return InetAddress.getByName(address);
        } catch (final java.net.UnknownHostException ex) {
            throw new IllegalArgumentException(ex);
        }
    }

    private TunnelFilter filter() {
        return new TunnelFilter(index(own.underlayDevice()), inet(own.underlayAddress()), PORT);
    }

    private int index(final String device) {
        return Integer.parseInt(
                namespace.exec("cat", "/sys/class/net/" + device + "/ifindex").trim());
    }

    private void open(final int count) {
        final TunnelFilter filter = filter();
        packets = namespace.call(() -> PacketSocket.open(filter, count, BUFFER_LENGTH));
        udp.leave(filter);
    }

    private void send(final NetworkNamespace from, final String to, final String text) {
        send(from, to, PORT, text.getBytes(US_ASCII));
    }

    private static void send(final NetworkNamespace from, final String to, final int port, final byte[] payload) {
        from.call(() -> {
            try (DatagramSocket socket = new DatagramSocket()) {
                socket.send(new DatagramPacket(payload, payload.length, new InetSocketAddress(to, port)));
            }
            return 0;
        });
    }

    /** What comes by a port until the last is there, each payload's first letters. */
    private List<String> received(final ReceivePort port, final int headersLength) {
        final List<String> texts = new ArrayList<>();
        Await.until(() -> "the last datagram, after " + texts, Await.TIMEOUT_MS, () -> {
            vector.control(0, 0, 0);
            if (1 == port.receive(vector, 0, 1)) {
                final int length = vector.length(0) - headersLength;
                texts.add(memory.getStringWithoutLengthAscii(headersLength, Math.min(length, 5))
                                .trim()
                        + (length > 5 ? " of " + length : ""));
            }
            return texts.contains(LAST);
        });
        texts.remove(LAST);
        return texts;
    }

    /** The last ones come by the ways that all others of their kind have come. */
    private void assertReceived(final List<String> byPacket, final List<String> byUdp) {
        send(peer.namespace(), own.underlayAddress(), LAST);
        assertEquals(byPacket, received(packets.get(0), HEADERS_LENGTH));
        send(namespace, "127.0.0.1", LAST);
        assertEquals(byUdp, received(udp, 0));
    }

    @Test
    void shouldTakeWhatComesByTheDeviceAndLeaveAllElseToUdp() {
        namespace.ip("addr", "add", "192.168.100.99/24", "dev", own.underlayDevice());
        open(1);
        send(peer.namespace(), own.underlayAddress(), "one");
        send(peer.namespace(), "192.168.100.99", "else");
        send(namespace, "127.0.0.1", "lo");
        send(namespace, own.underlayAddress(), "own");
        send(peer.namespace(), own.underlayAddress(), PORT + 1, "port".getBytes(US_ASCII));
        assertReceived(List.of("one"), List.of("else", "lo", "own"));
    }

    /** The host refuses some options, and it is the host that knows which. */
    @Test
    void shouldLeaveIpOptionsToUdp() {
        open(1);
        final UdpSocket sender = resources.add(peer.namespace().call(() -> UdpSocket.open(IpFamily.IPV4)));
        final UnsafeBuffer options = allocate(Integer.BYTES);
        options.putInt(0, 0x0101_0101); // no operation, four times
        assertEquals(0, Libc.LIBC.setsockopt(sender.fd(), SOL_IP, IP_OPTIONS, options.addressOffset(), Integer.BYTES));
        final UnsafeBuffer text = allocate(Long.BYTES);
        iovec.putLong(0, text.addressOffset());
        iovec.putLong(Long.BYTES, text.putStringWithoutLengthAscii(0, "opt"));
        final UnsafeBuffer name = allocate(SocketAddress.MAX_LENGTH);
        vector.name(0, name.addressOffset(), SocketAddress.put(name, 0, inet(own.underlayAddress()), PORT));
        vector.control(0, 0, 0);
        assertEquals(1, sender.send(vector, 0, 1));
        bind(memory);
        assertReceived(List.of(), List.of("opt"));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void shouldGiveAFragmentedDatagramOnceAndWhole(final int count) {
        open(count);
        final byte[] big = "fragments".repeat(1000).getBytes(US_ASCII);
        send(peer.namespace(), own.underlayAddress(), PORT, big);
        assertEquals(List.of("fragm of " + big.length), receivedByAny(), "by packet socket");
        send(namespace, "127.0.0.1", LAST);
        assertEquals(List.of(), received(udp, 0), "by UDP");
    }

    /** Of several sockets, one gets it. */
    private List<String> receivedByAny() {
        final List<String> texts = new ArrayList<>();
        Await.until("a datagram", Await.TIMEOUT_MS, () -> {
            for (final PacketSocket socket : packets) {
                vector.control(0, 0, 0);
                if (1 == socket.receive(vector, 0, 1)) {
                    final int length = vector.length(0) - HEADERS_LENGTH;
                    texts.add(memory.getStringWithoutLengthAscii(HEADERS_LENGTH, 5) + " of " + length);
                }
            }
            return !texts.isEmpty();
        });
        return texts;
    }

    @Test
    void shouldReceiveAllByUdpAgainWhenNothingIsLeftAnyMore() {
        open(1);
        send(peer.namespace(), own.underlayAddress(), "one");
        assertReceived(List.of("one"), List.of());
        udp.receiveAll();
        udp.receiveAll();
        send(peer.namespace(), own.underlayAddress(), "two");
        send(namespace, "127.0.0.1", LAST);
        assertEquals(List.of("two"), received(udp, 0));
    }

    @Test
    void shouldReceiveByTheDescriptorItHadWhenTheDeviceWasMadeAnew() {
        open(1);
        namespace.ip("link", "del", own.underlayDevice());
        vector.control(0, 0, 0);
        assertEquals(-Errno.ENETDOWN, packets.get(0).receive(vector, 0, 1));
        namespace.vethTo(own.underlayDevice(), peer.namespace(), peer.underlayDevice(), 1500);
        peer.namespace().ip("addr", "add", peer.underlayAddress() + "/24", "dev", peer.underlayDevice());
        namespace.ip("addr", "add", own.underlayAddress() + "/24", "dev", own.underlayDevice());
        send(peer.namespace(), own.underlayAddress(), "udp");
        send(namespace, "127.0.0.1", LAST);
        assertEquals(List.of("udp"), received(udp, 0), "what the packet socket does not take");
        final TunnelFilter filter = filter();
        udp.leave(filter);
        packets.get(0).sendBufferLength(SEND_BUFFER_LENGTH);
        packets.get(0)
                .become(namespace
                        .call(() -> PacketSocket.open(filter, 1, BUFFER_LENGTH))
                        .get(0));
        send(peer.namespace(), own.underlayAddress(), "new");
        assertReceived(List.of("new"), List.of());
        final String sockets = namespace.exec("ss", "--packet", "--memory", "--no-header");
        assertTrue(sockets.contains("tb" + SEND_BUFFER_LENGTH + ','), sockets);
    }

    @Test
    void shouldNameTheDeviceWhenThereIsNone() {
        final TunnelFilter filter = new TunnelFilter(4711, inet(own.underlayAddress()), PORT);
        final LinuxException failure = assertThrows(
                LinuxException.class, () -> namespace.call(() -> PacketSocket.open(filter, 1, BUFFER_LENGTH)));
        assertEquals(Errno.ENODEV, failure.errno());
    }

    /** Who goes on with a socket that another process left has to know whether its interface is still that one. */
    @Test
    void shouldTellTheInterfaceThatItIsBoundToAndWhenThatIsGone() {
        open(1);
        assertEquals(index(own.underlayDevice()), packets.get(0).linkIndex());
        namespace.ip("link", "delete", own.underlayDevice());
        assertEquals(-1, packets.get(0).linkIndex());
    }
}
