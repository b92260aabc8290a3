/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.nativeOrder;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.dataplane.testing.SilentPort;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.Errno;
import io.weft.linux.Framing;
import io.weft.linux.MessageVector;
import io.weft.linux.PacketPort;
import io.weft.linux.SocketAddress;
import io.weft.linux.testing.Await;
import io.weft.routing.RewriteBlock;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.CountersManager;
import org.junit.jupiter.api.Test;

/** Routes, neighbours and FDB entries change while packets go through at the data plane's full rate. */
class RouteChangeTest {
    private static final int NODES = 200;
    private static final int CHANGES_PER_SECOND = 1000;
    private static final int CHANGES = 3 * CHANGES_PER_SECOND;
    private static final int POD_NETWORK = 0x0AF4_0000;
    private static final int UNDERLAY_NETWORK = 0xAC10_0000;
    private static final long PEER_MAC_BASE = 0x02_0000_010000L;

    @Test
    void shouldLoseNoPacketAndMisleadNoneWhileRoutesChangeAThousandTimesASecond() throws Exception {
        final EndlessHost host = new EndlessHost();
        final CheckingUnderlay underlay = new CheckingUnderlay();
        final CountersManager manager = NodeCounters.newManager();
        final NodeCounters counters = new NodeCounters(manager);
        try (RoutingTables routing =
                new RoutingTables(new RoutingContext().vni(1).vtepMac(new MacAddress(0x02_0000_000001L)))) {
            for (int node = 0; node < NODES; node++) {
                addNode(routing, node);
            }
            routing.publish();
            try (DataPlane dataPlane = new DataPlane(new DataPlaneContext()
                    .hostPorts(List.of(host))
                    .receivePorts(List.of(underlay))
                    .sendPorts(List.of(List.of(underlay)))
                    .routing(routing)
                    .counters(manager)
                    .errorHandler(failure -> {
                        throw new AssertionError(failure);
                    })
                    .maxSegments(1)
                    .conclude())) {
                dataPlane.start();
                final long startNs = System.nanoTime();
                for (int change = 0; change < CHANGES; change++) {
                    change(routing, change);
                    routing.publish();
                    final long dueNs = startNs + change * TimeUnit.SECONDS.toNanos(1) / CHANGES_PER_SECOND;
                    LockSupport.parkNanos(Math.max(0, dueNs - System.nanoTime()));
                }
                Await.until(
                        () -> "more packets than changes: " + counters,
                        Await.TIMEOUT_MS,
                        () -> received(counters) > CHANGES);
                host.stop();
            }
        }
        assertEquals(received(counters), underlay.sent);
        assertEquals(Map.of(), counters.drops());
        assertEquals(0, underlay.misled);
    }

    private static long received(final NodeCounters counters) {
        return counters.of(DataPlaneCounter.EGRESS_RECEIVED_PACKETS);
    }

    /** Both gateways of a node lead to it, by underlay addresses of its own. */
    private static void addNode(final RoutingTables routing, final int node) throws UnknownHostException {
        routing.addRoute(prefix(node), gateway(node, 0));
        for (int way = 0; way < 2; way++) {
            routing.addNeighbour(gateway(node, way), mac(node, way));
            routing.addFdb(mac(node, way), address(UNDERLAY_NETWORK + (node << 8) + 1 + way));
        }
    }

    private static void change(final RoutingTables routing, final int change) throws UnknownHostException {
        final int node = change % NODES;
        final int way = change / NODES % 2;
        switch (change % 3) {
            case 0 -> routing.replaceRoute(prefix(node), gateway(node, way));
            case 1 ->
                routing.replaceFdb(
                        mac(node, way),
                        address(UNDERLAY_NETWORK + (node << 8) + 10 + change / NODES % 20),
                        RoutingTables.DEFAULT_PORT,
                        RoutingTables.DEFAULT_VNI);
            default -> {
                final IpPrefix other = IpPrefix.of(address(0x0B00_0000 + (node << 8)), 24);
                if (!routing.removeRoute(other)) {
                    routing.addRoute(other, gateway(node, way));
                }
            }
        }
    }

    private static IpPrefix prefix(final int node) throws UnknownHostException {
        return IpPrefix.of(address(POD_NETWORK + (node << 8)), 24);
    }

    private static InetAddress gateway(final int node, final int way) throws UnknownHostException {
        return address(POD_NETWORK + (node << 8) + way * 128);
    }

    private static MacAddress mac(final int node, final int way) {
        return new MacAddress(PEER_MAC_BASE + node * 2L + way);
    }

    private static InetAddress address(final int address) throws UnknownHostException {
        return InetAddress.getByAddress(
                new byte[] {(byte) (address >> 24), (byte) (address >> 16), (byte) (address >> 8), (byte) address});
    }

    /** Always has another packet, to one node after another, but never more than are read at once. */
    private static final class EndlessHost implements PacketPort {
        private static final int LENGTH = Ipv4Flyweight.MIN_LENGTH;
        private static final int BATCH = 50;

        private final UnsafeBuffer memory = new UnsafeBuffer(0, 0);
        private volatile boolean stopped;
        private int next;
        private int reads;

        void stop() {
            stopped = true;
        }

        @Override
        public Framing framing() {
            return Framing.ofPackets(VirtioNetHeaderFlyweight.LENGTH, true);
        }

        @Override
        public int fd() {
            return -1;
        }

        @Override
        public int read(final long address, final int capacity) {
            reads++;
            if (stopped || 0 == reads % BATCH) {
                return -Errno.EAGAIN;
            }
            memory.wrap(address, capacity);
            VirtioNetHeaderFlyweight.putPlain(memory, 0);
            final int ip = VirtioNetHeaderFlyweight.LENGTH;
            memory.setMemory(ip, LENGTH, (byte) 0);
            memory.putByte(ip, (byte) 0x45);
            Ipv4Flyweight.totalLength(memory, ip, LENGTH);
            next = (next + 1) % NODES;
            memory.putInt(ip + Ipv4Flyweight.DESTINATION_OFFSET, POD_NETWORK + (next << 8) + 2, BIG_ENDIAN);
            return VirtioNetHeaderFlyweight.LENGTH + LENGTH;
        }

        @Override
        public int write(final long address, final int length) {
            return length;
        }

        @Override
        public int writev(final long iovecs, final int count) {
            return count;
        }
    }

    /** Takes every datagram, and compares the underlay address that it goes to with its inner destination. */
    private static final class CheckingUnderlay extends SilentPort {
        private final UnsafeBuffer name = new UnsafeBuffer(0, 0);
        private final UnsafeBuffer iovec = new UnsafeBuffer(0, 0);
        private final UnsafeBuffer datagram = new UnsafeBuffer(0, 0);
        private long sent;
        private long misled;

        @Override
        public int send(final MessageVector messages, final int from, final int count) {
            for (int i = from; i < from + count; i++) {
                name.wrap(messages.name(i), SocketAddress.IPV4_LENGTH);
                iovec.wrap(messages.iovecs(i), MessageVector.IOVEC_LENGTH);
                datagram.wrap(iovec.getLong(0, nativeOrder()), (int) iovec.getLong(Long.BYTES, nativeOrder()));
                final int to = name.getInt(SocketAddress.IPV4_ADDRESS_OFFSET, BIG_ENDIAN);
                final int inner = Ipv4Flyweight.destination(datagram, RewriteBlock.TUNNEL_HEADER_LENGTH);
                final int node = (inner - POD_NETWORK) >> 8;
                if (to >> 8 != (UNDERLAY_NETWORK >> 8) + node) {
                    misled++;
                }
                sent++;
            }
            return count;
        }
    }
}
