/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.dataplane.DataPlane;
import io.weft.dataplane.DataPlaneContext;
import io.weft.dataplane.ThreadingMode;
import io.weft.dataplane.capture.Captures;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.dataplane.underlay.UnderlaySockets;
import io.weft.linux.PacketSocket;
import io.weft.linux.TunnelFilter;
import io.weft.linux.UdpSocket;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.routing.Encapsulation;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.agrona.concurrent.status.CountersManager;

/**
 * A data plane whose duty cycles the test runs, between a scripted host and real sockets on the loopback. The peer, which
 * has 10.244.1.0/24, is a socket of the test. Needs no privilege but for a packet port.
 */
public final class InvokedNode implements AutoCloseable {
    public static final InetAddress POD = PodTun.inet("10.244.0.77");
    public static final InetAddress PEER_POD = PodTun.inet("10.244.1.77");
    public static final InetAddress NOWHERE = PodTun.inet("10.99.0.1");

    private static final InetAddress LOOPBACK = PodTun.inet("127.0.0.1");
    /** Of {@code lo} in every network namespace: include/net/net_namespace.h, {@code LOOPBACK_IFINDEX}. */
    private static final int LOOPBACK_INDEX = 1;

    private static final MacAddress MAC = MacAddress.parse("02:00:00:00:00:01");
    private static final MacAddress PEER_MAC = MacAddress.parse("02:00:00:00:00:02");
    private static final int TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final int VNET_LENGTH = 10;
    private static final int VXLAN_LENGTH = 8 + 14;

    /** Holds a batch of messages. */
    private static final int BUFFER_LENGTH = 1 << 20;

    private final CloseAll resources = new CloseAll();
    private final List<Throwable> errors = new ArrayList<>();
    private final ScriptedHost host;
    private final ScriptedOutput output = new ScriptedOutput();
    private final ScriptedUnderlay receivePort;
    private final ScriptedUnderlay sendPort;
    private final DatagramSocket peer;
    private final JoinedSender joinedSender;
    private final int port;
    private final NodeCounters counters;
    private final DataPlane dataPlane;
    private final RoutingTables routing;
    private final DropCapture dropCapture;
    private final Encapsulation encapsulation;

    public InvokedNode(final int maxSegments) throws IOException {
        this(maxSegments, Encapsulation.VXLAN);
    }

    public InvokedNode(final int maxSegments, final Encapsulation encapsulation) throws IOException {
        this(maxSegments, encapsulation, UnderlayPort.UDP);
    }

    /** In the calling thread's network namespace; a packet port needs root. */
    public InvokedNode(final int maxSegments, final Encapsulation encapsulation, final UnderlayPort underlayPort)
            throws IOException {
        this(maxSegments, encapsulation, underlayPort, new ScriptedHost(), NodeCounters.newManager(), LOOPBACK);
    }

    /** Whose counters are where the test has them. */
    public InvokedNode(
            final int maxSegments,
            final Encapsulation encapsulation,
            final UnderlayPort underlayPort,
            final CountersManager manager)
            throws IOException {
        this(maxSegments, encapsulation, underlayPort, new ScriptedHost(), manager, LOOPBACK);
    }

    /** Whose packet port takes what comes to an address of the loopback, of either family. */
    public InvokedNode(final CountersManager manager, final InetAddress packetAddress) throws IOException {
        this(1, Encapsulation.VXLAN, UnderlayPort.PACKET, new ScriptedHost(), manager, packetAddress);
    }

    public InvokedNode(final int maxSegments, final Encapsulation encapsulation, final ScriptedHost host)
            throws IOException {
        this(maxSegments, encapsulation, UnderlayPort.UDP, host, NodeCounters.newManager(), LOOPBACK);
    }

    private InvokedNode(
            final int maxSegments,
            final Encapsulation encapsulation,
            final UnderlayPort underlayPort,
            final ScriptedHost host,
            final CountersManager manager,
            final InetAddress packetAddress)
            throws IOException {
        this.encapsulation = encapsulation;
        this.host = host;
        peer = resources.add(new DatagramSocket(0, LOOPBACK));
        peer.setSoTimeout(TIMEOUT_MS);
        peer.setReceiveBufferSize(BUFFER_LENGTH);
        joinedSender = resources.add(new JoinedSender());
        try (DatagramSocket free = new DatagramSocket(0, LOOPBACK)) {
            port = free.getLocalPort();
        }
        final UdpSocket receiver = resources.add(UdpSocket.open(IpFamily.IPV4));
        receiver.receiveTrafficClass();
        receiver.receiveOffload();
        receiver.bufferLengths(BUFFER_LENGTH);
        receiver.bind(LOOPBACK, port);
        final UdpSocket sender = resources.add(UdpSocket.open(IpFamily.IPV4));
        sender.bind(LOOPBACK, 0);
        receivePort = new ScriptedUnderlay(receiver);
        sendPort = new ScriptedUnderlay(sender);
        final DataPlaneContext context = new DataPlaneContext();
        if (UnderlayPort.PACKET == underlayPort) {
            usePacketPorts(context, receiver, packetAddress);
        }
        routing = resources.add(new RoutingTables(new RoutingContext()
                .encapsulation(encapsulation)
                .underlayPort(peer.getLocalPort())
                .vni(1)
                .vtepMac(MAC)));
        if (Encapsulation.VXLAN == encapsulation) {
            addVxlanPeer(routing);
        } else {
            routing.addRoute(IpPrefix.parse("10.244.1.0/24"), LOOPBACK);
        }
        routing.publish();
        counters = new NodeCounters(manager);
        dataPlane = resources.add(new DataPlane(context.hostPorts(List.of(host))
                .receivePorts(List.of(receivePort))
                .sendPorts(List.of(List.of(sendPort)))
                .routing(routing)
                .counters(manager)
                .errorHandler(errors::add)
                .ingressPolicy(new IngressPolicy.Builder(IngressPolicy.Sources.ANY)
                        .node(List.of(IpAddress.of(LOOPBACK)), List.of())
                        .build())
                .hostOutputs(List.of(output))
                .hostIpv4(0x0AF4_0000)
                .maxSegments(maxSegments)
                .threadingMode(ThreadingMode.INVOKER)
                .conclude()));
        dropCapture = resources.add(new DropCapture(dataPlane.captures()));
    }

    private void usePacketPorts(
            final DataPlaneContext context, final UdpSocket receiver, final InetAddress packetAddress) {
        final TunnelFilter filter = new TunnelFilter(LOOPBACK_INDEX, packetAddress, port);
        receiver.leave(filter);
        final List<PacketSocket> opened = PacketSocket.open(filter, 1, UnderlaySockets.BUFFER_LENGTH_DEFAULT);
        opened.forEach(resources::add);
        context.packetPorts(opened, filter);
    }

    private static void addVxlanPeer(final RoutingTables routing) {
        final InetAddress gateway = PodTun.inet("10.244.1.0");
        routing.addRoute(IpPrefix.parse("10.244.1.0/24"), gateway);
        routing.addNeighbour(gateway, PEER_MAC);
        final InetAddress gatewayV6 = PodTun.inet("fd00:10:244:1::");
        routing.addRoute(IpPrefix.parse("fd00:10:244:1::/64"), gatewayV6);
        routing.addNeighbour(gatewayV6, PEER_MAC);
        routing.addFdb(PEER_MAC, LOOPBACK, RoutingTables.DEFAULT_PORT, RoutingTables.DEFAULT_VNI);
    }

    /** The tables, to be changed by the thread that invokes. */
    public RoutingTables routing() {
        return routing;
    }

    /** Who may send what from now on. */
    public void ingressPolicy(final IngressPolicy policy) {
        dataPlane.ingressPolicy(policy);
    }

    /** What its packets are shown to. */
    public Captures captures() {
        return dataPlane.captures();
    }

    /** Where the peer's datagrams go. */
    public int port() {
        return port;
    }

    public ScriptedHost host() {
        return host;
    }

    /** What the host would send of its own. */
    public ScriptedOutput output() {
        return output;
    }

    public ScriptedUnderlay receivePort() {
        return receivePort;
    }

    public ScriptedUnderlay sendPort() {
        return sendPort;
    }

    public NodeCounters counters() {
        return counters;
    }

    /** One duty cycle of every agent. */
    public void invoke() {
        dataPlane.invoke();
        dropCapture.read();
        if (!errors.isEmpty()) {
            throw new AssertionError("an agent threw", errors.get(0));
        }
    }

    /** No more is taken in; all that was is sent and delivered. */
    public void pause() throws InterruptedException {
        assertTrue(dataPlane.pause());
    }

    /** A pod's packet is ready to be read. */
    public void give(final byte[] packet) {
        give(0, 0, packet);
    }

    /**
     * A pod's superframe is ready to be read.
     *
     * @param gsoType as in {@code struct virtio_net_hdr}.
     */
    public void give(final int gsoType, final int gsoSize, final byte[] packet) {
        host.give(ByteBuffer.allocate(VNET_LENGTH + packet.length)
                .order(ByteOrder.nativeOrder())
                .put(1, (byte) gsoType)
                .putShort(4, (short) gsoSize)
                .put(VNET_LENGTH, packet)
                .array());
    }

    /** The inner packet of the next datagram that the peer gets. */
    public byte[] receiveAtPeer() throws IOException {
        final DatagramPacket datagram = new DatagramPacket(new byte[0x10000], 0x10000);
        peer.receive(datagram);
        return Arrays.copyOfRange(
                datagram.getData(), Encapsulation.VXLAN == encapsulation ? VXLAN_LENGTH : 0, datagram.getLength());
    }

    /** The peer sends a packet to the node's pod. */
    public void sendFromPeer(final byte[] packet) throws IOException {
        sendDatagramFromPeer(Encapsulation.VXLAN == encapsulation ? encapsulate(packet) : packet);
    }

    /** The peer's datagrams have this type of service from now on. */
    public void outerTos(final int tos) throws IOException {
        peer.setOption(StandardSocketOptions.IP_TOS, tos);
    }

    /** The peer sends a datagram to the node's port, as it is. */
    public void sendDatagramFromPeer(final byte[] datagram) throws IOException {
        peer.send(new DatagramPacket(datagram, datagram.length, LOOPBACK, port));
    }

    /**
     * The peer sends a message that the kernel is told to cut into datagrams, and does not, since it need not: it comes as one,
     * with its segment length.
     */
    public void sendFromPeer(final byte[] message, final int segmentLength) {
        joinedSender.send(message, segmentLength, LOOPBACK, port);
    }

    /** Runs duty cycles until so many packets have been received from the peer. */
    public void invokeUntilReceived(final long packets) {
        Await.until(() -> packets + " packets received: " + counters, TIMEOUT_MS, () -> {
            invoke();
            return counters.of(DataPlaneCounter.INGRESS_RECEIVED_PACKETS) == packets;
        });
    }

    /** A datagram to this node's VTEP, with the packet in it. */
    public static byte[] encapsulate(final byte[] packet) {
        return ByteBuffer.allocate(VXLAN_LENGTH + packet.length)
                .putInt(0x0800_0000)
                .putInt(1 << 8)
                .putShort((short) (MAC.value() >>> 32))
                .putInt((int) MAC.value())
                .putShort((short) (PEER_MAC.value() >>> 32))
                .putInt((int) PEER_MAC.value())
                .putShort((short) (6 == (packet[0] & 0xFF) >>> 4 ? 0x86DD : 0x0800))
                .put(packet)
                .array();
    }

    /** What was dropped was captured, with the same number. */
    @Override
    public void close() {
        try {
            dropCapture.assertAsCounted(counters);
        } finally {
            resources.close();
        }
    }
}
