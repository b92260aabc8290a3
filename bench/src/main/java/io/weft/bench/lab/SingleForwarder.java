/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import static java.nio.ByteOrder.nativeOrder;

import io.weft.address.IpFamily;
import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.Errno;
import io.weft.linux.Framing;
import io.weft.linux.LinuxException;
import io.weft.linux.MessageVector;
import io.weft.linux.Poller;
import io.weft.linux.SocketAddress;
import io.weft.linux.TunDevice;
import io.weft.linux.UdpSocket;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.List;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.AtomicCounter;
import org.agrona.concurrent.status.CountersManager;

/**
 * The old way to forward in userspace, as a baseline: one thread, one packet for each system call, no segmentation
 * offload, the bare IP packet in UDP port 8285. The loop is that of flannel's udp backend (pkg/backend/udp): poll, then
 * one packet each way until neither has any.
 *
 * <p>It counts what it does as weftd does, at some nanoseconds a packet. Runs as a process of its own: {@code SingleForwarder DEVICE OWN_ADDRESS
 * PEER_ADDRESS COUNTERS_FILE}.
 */
public final class SingleForwarder {
    private static final String DEVICE = "flannel0";
    private static final int PORT = 8285;

    /** In the run directory. */
    static final String COUNTERS = DEVICE + ".counters";

    private static final int COUNTERS_CAPACITY = 256;

    /** Outer IPv4 and UDP headers. */
    private static final int OVERHEAD = 20 + 8;

    private static final int PACKET_OFFSET = VirtioNetHeaderFlyweight.LENGTH;

    private final UnsafeBuffer buffer =
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(PACKET_OFFSET + Framing.MAX_PACKET_LENGTH, 8));
    private final UnsafeBuffer iovec =
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(MessageVector.IOVEC_LENGTH, 8));
    private final UnsafeBuffer peerName =
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(SocketAddress.MAX_LENGTH, 8));
    private final MessageVector message = new MessageVector(1);
    private final TunDevice tun;
    private final UdpSocket socket;
    private final WorkerCounters counters;
    private final AtomicCounter polls;
    private final int peerNameLength;

    private SingleForwarder(
            final TunDevice tun, final UdpSocket socket, final InetAddress peer, final CountersManager manager) {
        this.tun = tun;
        this.socket = socket;
        counters = new WorkerCounters(manager, 0);
        polls = counters.ofThread("single").polls();
        peerNameLength = SocketAddress.put(peerName, 0, peer, PORT);
        message.iovecs(0, iovec.addressOffset(), 1);
        message.control(0, 0, 0);
    }

    /** Starts the forwarder on a node and sets its device up. */
    static Process start(final Node node, final Node peer, final Path runDirectory, final Path log) {
        node.ip("tuntap", "add", "dev", DEVICE, "mode", "tun", "vnet_hdr");
        node.ip("link", "set", DEVICE, "mtu", String.valueOf(Node.UNDERLAY_MTU - OVERHEAD), "up");
        node.ip("addr", "add", node.vtepAddress() + "/32", "dev", DEVICE);
        node.ip("route", "add", Node.CLUSTER_NETWORK, "dev", DEVICE);
        final List<String> words = Jvm.words(
                SingleForwarder.class,
                DEVICE,
                node.underlayAddress(),
                peer.underlayAddress(),
                runDirectory.resolve(COUNTERS).toString());
        return Command.start(log.toFile(), node.inNode(words.toArray(String[]::new)));
    }

    public static void main(final String[] args) throws UnknownHostException {
        final String device = args[0];
        try (TunDevice tun = TunDevice.open(device, 1, PACKET_OFFSET).get(0);
                UdpSocket socket = UdpSocket.open(IpFamily.IPV4);
                CountersFile counters = CountersFile.create(
                        Path.of(args[3]),
                        COUNTERS_CAPACITY,
                        ProcessHandle.current().pid(),
                        System.currentTimeMillis())) {
            for (final String feature : List.of("tso", "tx-udp-segmentation", "gso", "tx")) {
                Command.run("ethtool", "-K", device, feature, "off");
            }
            socket.bind(InetAddress.getByName(args[1]), PORT);
            new SingleForwarder(tun, socket, InetAddress.getByName(args[2]), counters.manager()).run();
        }
    }

    private void run() {
        final Poller poller = new Poller(2);
        while (true) {
            poller.set(0, tun.fd(), Poller.POLLIN);
            poller.set(1, socket.fd(), Poller.POLLIN);
            polls.getAndAddPlain(1);
            final int ready = poller.poll(-1);
            if (ready < 0 && -Errno.EINTR != ready) {
                throw new LinuxException("poll", -ready);
            }
            boolean active = true;
            while (active) {
                final boolean out = forwardOut();
                active = forwardIn() || out;
            }
        }
    }

    /** TUN to underlay. A packet that the socket does not take is lost, as on a full link. */
    private boolean forwardOut() {
        counters.add(DataPlaneCounter.EGRESS_READ_CALLS, 1);
        final int length = tun.read(buffer.addressOffset(), buffer.capacity());
        if (length <= 0) {
            return false;
        }
        counters.add(DataPlaneCounter.EGRESS_RECEIVED_FRAMES, 1);
        piece(length - PACKET_OFFSET);
        message.name(0, peerName.addressOffset(), peerNameLength);
        counters.add(DataPlaneCounter.EGRESS_SEND_CALLS, 1);
        if (socket.send(message, 0, 1) > 0) {
            counters.add(DataPlaneCounter.EGRESS_FORWARDED_PACKETS, 1);
            counters.add(DataPlaneCounter.EGRESS_FORWARDED_BYTES, length - PACKET_OFFSET);
        }
        return true;
    }

    /** Underlay to TUN, behind a virtio-net header that says: nothing to be done. */
    private boolean forwardIn() {
        piece(buffer.capacity() - PACKET_OFFSET);
        message.name(0, 0, 0);
        counters.add(DataPlaneCounter.INGRESS_RECEIVE_CALLS, 1);
        if (socket.receive(message, 0, 1) <= 0) {
            return false;
        }
        buffer.setMemory(0, PACKET_OFFSET, (byte) 0);
        counters.add(DataPlaneCounter.INGRESS_WRITE_CALLS, 1);
        if (tun.write(buffer.addressOffset(), PACKET_OFFSET + message.length(0)) > 0) {
            counters.add(DataPlaneCounter.INGRESS_DELIVERED_FRAMES, 1);
            counters.add(DataPlaneCounter.INGRESS_DELIVERED_PACKETS, 1);
            counters.add(DataPlaneCounter.INGRESS_DELIVERED_BYTES, message.length(0));
        }
        return true;
    }

    private void piece(final int length) {
        iovec.putLong(0, buffer.addressOffset() + PACKET_OFFSET, nativeOrder());
        iovec.putLong(Long.BYTES, length, nativeOrder());
    }
}
