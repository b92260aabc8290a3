/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.MacAddress;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.agrona.BufferUtil;
import org.agrona.CloseHelper;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Packet sockets at the far end of a veth pair, of which the host has the near end. */
@RequiresRoot
class FrameSocketTest {
    private static final MacAddress HOST_MAC = MacAddress.parse("02:77:65:66:74:01");
    private static final MacAddress OWN_MAC = MacAddress.parse("02:77:65:66:74:02");
    private static final InetSocketAddress POD = new InetSocketAddress("10.244.5.7", 99);
    private static final int VNET_LENGTH = 10;
    private static final int UDP_HEADERS = 20 + 8;
    private static final int BUFFER_LENGTH = 1 << 20;

    private final NetworkNamespace namespace = NetworkNamespace.create("packet");
    private final UnsafeBuffer buffer = new UnsafeBuffer(BufferUtil.allocateDirectAligned(0x20000, 64));
    private List<FrameSocket> sockets = List.of();

    @BeforeEach
    void makeThePair() {
        namespace.run(() -> {
            try (Rtnetlink rtnetlink = Rtnetlink.open()) {
                rtnetlink.addVeth("near", HOST_MAC, "far", OWN_MAC);
                final Link far = rtnetlink.link("far").orElseThrow();
                assertEquals(OWN_MAC, far.mac());
                assertFalse(far.resolvesNeighbours());
                assertTrue(rtnetlink.setNoAddressGeneration(far.index()));
                rtnetlink.setUp(far.index());
                rtnetlink.setUp(rtnetlink.link("near").orElseThrow().index());
            }
        });
        namespace.ip("addr", "add", "10.244.0.0/32", "dev", "near");
        namespace.ip("route", "add", "10.244.0.0/16", "dev", "near");
    }

    @AfterEach
    void tearDown() {
        CloseHelper.closeAll(sockets);
        namespace.close();
    }

    private void open(final int count, final int bufferLength) {
        sockets = namespace.call(() -> {
            try (Rtnetlink rtnetlink = Rtnetlink.open()) {
                return FrameSocket.open(
                        rtnetlink.link("far").orElseThrow().index(),
                        HOST_MAC.value(),
                        OWN_MAC.value(),
                        count,
                        bufferLength);
            }
        });
    }

    private DatagramSocket hostSocket(final int port) {
        return namespace.call(() -> new DatagramSocket(port, InetAddress.getByName("10.244.0.0")));
    }

    private static void send(final DatagramSocket from, final String text) throws Exception {
        from.send(new DatagramPacket(text.getBytes(US_ASCII), text.length(), POD));
    }

    /** The next frame; empty if there is none now. */
    private byte[] read(final FrameSocket socket) {
        final int length = socket.read(buffer.addressOffset(), socket.framing().maxFrameLength());
        if (length < 0) {
            assertEquals(-Errno.EAGAIN, length);
            return new byte[0];
        }
        final byte[] frame = new byte[length];
        buffer.getBytes(0, frame);
        return frame;
    }

    private byte[] await(final FrameSocket socket) {
        final byte[][] frame = new byte[1][];
        Await.until("no frame came", Await.TIMEOUT_MS, () -> {
            frame[0] = read(socket);
            return frame[0].length > 0;
        });
        return frame[0];
    }

    @Test
    void shouldReadWhatTheHostSendsAndNothingElse() throws Exception {
        open(1, BUFFER_LENGTH);
        final FrameSocket socket = sockets.get(0);
        namespace.exec("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
        final String received = counter("InReceives");
        try (DatagramSocket host = hostSocket(1000)) {
            send(host, "hello");
            byte[] frame = await(socket);
            while (0x11 != frame[socket.framing().headerLength() + 9]) {
                frame = await(socket); // of the kernel's IPv6
            }
            assertEquals(1, frame[0], "the checksum is left to a device");
            assertEquals(
                    HOST_MAC.toString().replace(":", "").repeat(2) + "0800",
                    HexFormat.of()
                            .formatHex(Arrays.copyOfRange(
                                    frame, VNET_LENGTH, socket.framing().headerLength())));
            assertEquals("hello", new String(frame, frame.length - "hello".length(), "hello".length(), US_ASCII));
            assertEquals(
                    UDP_HEADERS + "hello".length(),
                    frame.length - socket.framing().headerLength());
        }
        assertEquals(received, counter("InReceives"), "the host's stack took the frame at the far end");
    }

    private String counter(final String name) {
        final String[] lines =
                namespace.exec("sh", "-c", "grep ^Ip: /proc/net/snmp").strip().split("\n", -1);
        final int index = List.of(lines[0].split(" ", -1)).indexOf(name);
        return lines[1].split(" ", -1)[index];
    }

    @Test
    void shouldReadIpAlone() throws Exception {
        open(1, BUFFER_LENGTH);
        namespace.ip("link", "set", "near", "arp", "on");
        try (DatagramSocket host = hostSocket(1000)) {
            send(host, "asked for by ARP");
            namespace.ip("link", "set", "near", "arp", "off");
            send(host, "sent");
            byte[] frame = await(sockets.get(0));
            while ('t' != frame[frame.length - 1]) {
                assertEquals(0x60, frame[sockets.get(0).framing().headerLength()] & 0xF0, "only the kernel's own IPv6");
                frame = await(sockets.get(0));
            }
        }
    }

    @Test
    void shouldReadNothingOfWhatItSends() throws Exception {
        open(2, BUFFER_LENGTH);
        try (DatagramSocket host = hostSocket(99)) {
            host.setSoTimeout(Await.TIMEOUT_MS);
            final int length = putDatagram("to the host");
            assertEquals(length, sockets.get(0).write(buffer.addressOffset(), length));
            final DatagramPacket got = new DatagramPacket(new byte[100], 100);
            host.receive(got);
            assertEquals("to the host", new String(got.getData(), 0, got.getLength(), US_ASCII));
            for (final FrameSocket socket : sockets) {
                for (byte[] frame = read(socket); frame.length > 0; frame = read(socket)) {
                    assertEquals(0x60, frame[socket.framing().headerLength()] & 0xF0, "only the kernel's own IPv6");
                }
            }
        }
    }

    /** A frame to the host's address with a checksum of zero, which UDP may have; as the kernel takes it from a device. */
    private int putDatagram(final String text) {
        final int ip = VNET_LENGTH + 14;
        final ByteBuffer frame = ByteBuffer.allocate(ip + UDP_HEADERS + text.length());
        frame.position(VNET_LENGTH);
        frame.put(HexFormat.of().parseHex("027765667401" + "027765667402" + "0800"));
        frame.put((byte) 0x45).put((byte) 0).putShort((short) (UDP_HEADERS + text.length()));
        frame.putInt(0).put((byte) 64).put((byte) 17).putShort((short) 0);
        frame.put(HexFormat.of().parseHex("0af40507" + "0af40000"));
        frame.putShort((short) 1234)
                .putShort((short) 99)
                .putShort((short) (8 + text.length()))
                .putShort((short) 0);
        frame.put(text.getBytes(US_ASCII));
        int sum = 0;
        for (int i = ip; i < ip + 20; i += 2) {
            sum += frame.getShort(i) & 0xFFFF;
        }
        frame.putShort(ip + 10, (short) ~(sum + (sum >>> 16)));
        buffer.putBytes(0, frame.array());
        return frame.capacity();
    }

    @Test
    void shouldShareFramesByFlow() throws Exception {
        open(4, BUFFER_LENGTH);
        final int flows = 64;
        for (int port = 2000; port < 2000 + flows; port++) {
            try (DatagramSocket host = hostSocket(port)) {
                send(host, "1");
                send(host, "2");
            }
        }
        final Map<FrameSocket, Map<Integer, String>> flowsOf = new HashMap<>();
        Await.until(
                flowsOf::toString,
                Await.TIMEOUT_MS,
                () -> 2 * flows
                        == sockets.stream()
                                .flatMap(socket ->
                                        readFlows(socket, flowsOf.computeIfAbsent(socket, any -> new HashMap<>()))
                                                .values()
                                                .stream())
                                .mapToInt(String::length)
                                .sum());
        flowsOf.values()
                .forEach(ofSocket -> ofSocket.forEach((port, came) -> assertEquals("12", came, "port " + port)));
        assertTrue(
                flowsOf.values().stream()
                                .filter(ofSocket -> !ofSocket.isEmpty())
                                .count()
                        > 1,
                "flows are spread");
    }

    /** Adds to each flow, by its port, the last characters of its datagrams as they come. */
    private Map<Integer, String> readFlows(final FrameSocket socket, final Map<Integer, String> flows) {
        final int ip = socket.framing().headerLength();
        for (byte[] frame = read(socket); frame.length > 0; frame = read(socket)) {
            if (0x11 == frame[ip + 9]) {
                final int port = ByteBuffer.wrap(frame).getShort(ip + 20) & 0xFFFF;
                flows.merge(port, String.valueOf((char) frame[frame.length - 1]), String::concat);
            }
        }
        return flows;
    }

    @Test
    void shouldCountWhatItsBufferCouldNotHold() throws Exception {
        open(1, 4096);
        final FrameSocket socket = sockets.get(0);
        final int sent = 200;
        try (DatagramSocket host = hostSocket(1000)) {
            for (int i = 0; i < sent; i++) {
                send(host, "datagram");
            }
        }
        final AtomicLong came = new AtomicLong();
        final AtomicLong lost = new AtomicLong();
        Await.until(() -> came + " came, " + lost + " lost", Await.TIMEOUT_MS, () -> {
            for (byte[] frame = read(socket); frame.length > 0; frame = read(socket)) {
                came.addAndGet(0x11 == frame[socket.framing().headerLength() + 9] ? 1 : 0);
            }
            lost.addAndGet(socket.takeLosses());
            return came.get() + lost.get() >= sent;
        });
        assertTrue(came.get() < sent);
        assertEquals(0, socket.takeLosses(), "each loss is told once");
    }

    @Test
    void shouldTakeSuperframesOfUdpAsAtunDoes() {
        open(1, BUFFER_LENGTH);
        final List<TunDevice> tun = namespace.call(() -> TunDevice.open("tun0", 1, VNET_LENGTH));
        try {
            assertEquals(
                    tun.get(0).framing().takesUdpSuperframes(),
                    sockets.get(0).framing().takesUdpSuperframes());
        } finally {
            CloseHelper.closeAll(tun);
        }
    }

    @Test
    void shouldSwitchFeaturesOff() {
        namespace.run(() -> {
            try (DeviceFeatures features =
                    new DeviceFeatures("near", "tx-checksum-sctp", "tx-udp_tnl-segmentation", "no-such-feature")) {
                features.switchOff();
            }
        });
        final String shown = namespace.exec("ethtool", "-k", "near");
        assertTrue(shown.contains("tx-checksum-sctp: off"), shown);
        assertTrue(shown.contains("tx-udp_tnl-segmentation: off"), shown);
        assertTrue(shown.contains("tx-gre-segmentation: on"), shown);
    }

    @Test
    void shouldSetWhatAContainerMayNotWriteUnderProc() {
        namespace.run(() -> {
            try (Rtnetlink rtnetlink = Rtnetlink.open()) {
                final int near = rtnetlink.link("near").orElseThrow().index();
                rtnetlink.setIpv4Setting(near, Rtnetlink.ACCEPT_LOCAL, 1);
                rtnetlink.setMac(near, OWN_MAC);
                assertEquals(OWN_MAC, rtnetlink.link("near").orElseThrow().mac());
            }
        });
        assertEquals(
                "1",
                namespace
                        .exec("cat", "/proc/sys/net/ipv4/conf/near/accept_local")
                        .trim());
        assertEquals("", namespace.ip("-6", "addr", "show", "dev", "far"));
    }
}
