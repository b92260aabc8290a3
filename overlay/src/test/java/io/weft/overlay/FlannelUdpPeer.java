/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.Framing;
import io.weft.linux.Poller;
import io.weft.linux.TunDevice;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A node of flannel's udp backend with one peer: a TUN device without any offload and a socket, one packet for each call. It
 * does what pkg/backend/udp/proxy_amd64.c does, takes one from the time to live either way, and owes nothing to the code
 * under test.
 */
final class FlannelUdpPeer implements AutoCloseable {
    static final int PORT = 8285;

    private static final String DEVICE = "flannel0";
    /** Outer IPv4 and UDP headers. */
    private static final int OVERHEAD = 20 + 8;

    private static final int POLL_MS = 50;
    private static final int VNET_LENGTH = VirtioNetHeaderFlyweight.LENGTH;
    private static final int TTL_OFFSET = 8;
    private static final int CHECKSUM_OFFSET = 10;

    private final CloseAll resources = new CloseAll();
    private final TunDevice tun;
    private final DatagramChannel channel;
    private final InetSocketAddress peer;
    private final Set<SocketAddress> sources = ConcurrentHashMap.newKeySet();
    private volatile boolean isClosed;

    FlannelUdpPeer(final Topology topology, final Topology.Node own, final Topology.Node other) throws Exception {
        peer = new InetSocketAddress(other.underlayAddress(), PORT);
        tun = resources.add(own.namespace()
                .call(() -> TunDevice.open(DEVICE, 1, VNET_LENGTH))
                .get(0));
        for (final String feature : new String[] {"tso", "tx-udp-segmentation", "gso", "tx"}) {
            own.namespace().exec("ethtool", "-K", DEVICE, feature, "off");
        }
        own.namespace().ip("address", "add", own.subnetBase() + "/32", "dev", DEVICE);
        own.namespace().ip("link", "set", DEVICE, "mtu", "" + (topology.mtu() - OVERHEAD), "up");
        own.namespace().ip("route", "add", Topology.CLUSTER_NETWORK, "dev", DEVICE);
        channel = own.namespace()
                .call(() -> DatagramChannel.open().bind(new InetSocketAddress(own.underlayAddress(), PORT)));
        start("udp-peer-out", this::forwardOut);
        start("udp-peer-in", this::forwardIn);
    }

    private void start(final String name, final Runnable loop) {
        final Thread thread = new Thread(loop, name);
        thread.setDaemon(true);
        thread.start();
        resources.add(thread::join);
    }

    /** Where datagrams came from. */
    Set<SocketAddress> sources() {
        return Set.copyOf(sources);
    }

    private void forwardOut() {
        final UnsafeBuffer buffer =
                new UnsafeBuffer(BufferUtil.allocateDirectAligned(VNET_LENGTH + Framing.MAX_PACKET_LENGTH, 8));
        final Poller poller = new Poller(1);
        while (!isClosed) {
            poller.set(0, tun.fd(), Poller.POLLIN);
            poller.poll(POLL_MS);
            final int length = tun.read(buffer.addressOffset(), buffer.capacity());
            if (length > VNET_LENGTH) {
                final byte[] packet = new byte[length - VNET_LENGTH];
                buffer.getBytes(VNET_LENGTH, packet);
                if (mayGoOn(packet)) {
                    send(packet);
                }
            }
        }
    }

    private void send(final byte[] packet) {
        try {
            channel.send(ByteBuffer.wrap(packet), peer);
        } catch (final ClosedChannelException end) {
            isClosed = true;
        } catch (final IOException lost) {
            // As flannel's: a packet that the socket does not take is lost.
        }
    }

    private void forwardIn() {
        final UnsafeBuffer buffer =
                new UnsafeBuffer(BufferUtil.allocateDirectAligned(VNET_LENGTH + Framing.MAX_PACKET_LENGTH, 8));
        final ByteBuffer datagram = ByteBuffer.allocate(0x10000);
        while (!isClosed) {
            try {
                sources.add(channel.receive(datagram.clear()));
            } catch (final IOException end) {
                return;
            }
            final byte[] packet = new byte[datagram.flip().remaining()];
            datagram.get(packet);
            if (mayGoOn(packet)) {
                buffer.setMemory(0, VNET_LENGTH, (byte) 0);
                buffer.putBytes(VNET_LENGTH, packet);
                tun.write(buffer.addressOffset(), VNET_LENGTH + packet.length);
            }
        }
    }

    private static boolean mayGoOn(final byte[] packet) {
        if (packet.length < 20 || 4 != packet[0] >>> 4 || 0 == --packet[TTL_OFFSET]) {
            return false;
        }
        packet[CHECKSUM_OFFSET] = 0;
        packet[CHECKSUM_OFFSET + 1] = 0;
        int sum = 0;
        for (int i = 0; i < (packet[0] & 0xF) * 4; i += 2) {
            sum += (packet[i] & 0xFF) << 8 | (packet[i + 1] & 0xFF);
        }
        while (sum > 0xFFFF) {
            sum = (sum & 0xFFFF) + (sum >>> 16);
        }
        packet[CHECKSUM_OFFSET] = (byte) (~sum >>> 8);
        packet[CHECKSUM_OFFSET + 1] = (byte) ~sum;
        return true;
    }

    @Override
    public void close() {
        isClosed = true;
        try {
            channel.close(); // a thread that waits in it wakes up
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        } finally {
            resources.close();
        }
    }
}
