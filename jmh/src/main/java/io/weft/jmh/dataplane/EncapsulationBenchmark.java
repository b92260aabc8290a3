/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.jmh.dataplane;

import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.dataplane.tunnel.Rewrite;
import io.weft.encap.IpPacket;
import io.weft.encap.Ipv4Flyweight;
import io.weft.routing.RewriteBlock;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingReader;
import io.weft.routing.RoutingSnapshot;
import io.weft.routing.RoutingTables;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * The header work of one encapsulation, as the egress receiver does it for each packet of a batch: check the IP header,
 * look the destination up, see whether neighbour and FDB resolved the next hop, write tunnel header and socket address.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls the set-up before anything else
public class EncapsulationBenchmark {
    private static final int BATCH = 64;
    private static final int PACKET_LENGTH = 84;
    private static final int SLOT_LENGTH = 192;
    private static final int FIRST_NETWORK = 10 << 24;

    /** Node subnets, a /24 each. */
    @Param({"10", "10000"})
    private int nodes;

    private final UnsafeBuffer arena =
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(BATCH * SLOT_LENGTH, Long.BYTES));
    private final IpPacket packet = new IpPacket();
    private RoutingTables tables;
    private RoutingReader reader;

    /** Fills the tables, and a batch of packets to random pods. */
    @Setup
    public void setUp() throws UnknownHostException {
        tables = new RoutingTables(new RoutingContext().vni(1).vtepMac(new MacAddress(0x02_0000_000001L)));
        for (int node = 0; node < nodes; node++) {
            final InetAddress gateway = address(FIRST_NETWORK + (node << 8));
            final MacAddress mac = new MacAddress(0x02_1000_000000L + node);
            tables.addRoute(IpPrefix.of(gateway, 24), gateway);
            tables.addNeighbour(gateway, mac);
            tables.addFdb(mac, address((172 << 24) + (16 << 16) + node + 1));
        }
        tables.publish();
        reader = tables.newReader();
        final Random random = new Random(1);
        for (int i = 0; i < BATCH; i++) {
            final int ip = i * SLOT_LENGTH + Rewrite.HEADROOM;
            arena.putByte(ip, (byte) 0x45);
            Ipv4Flyweight.totalLength(arena, ip, PACKET_LENGTH);
            final int destination = FIRST_NETWORK + (random.nextInt(nodes) << 8) + 2;
            arena.putInt(ip + Ipv4Flyweight.DESTINATION_OFFSET, destination, ByteOrder.BIG_ENDIAN);
        }
    }

    private static InetAddress address(final int address) throws UnknownHostException {
        return InetAddress.getByAddress(
                new byte[] {(byte) (address >> 24), (byte) (address >> 16), (byte) (address >> 8), (byte) address});
    }

    /** Frees the tables. */
    @TearDown
    public void tearDown() {
        tables.close();
    }

    /** One batch; the result is per packet. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public int encapsulate() {
        int encapsulated = 0;
        final RoutingSnapshot snapshot = reader.acquire();
        for (int i = 0; i < BATCH; i++) {
            final int ip = i * SLOT_LENGTH + Rewrite.HEADROOM;
            if (IpPacket.Fault.NONE != packet.parse(arena, ip, PACKET_LENGTH, false)) {
                continue;
            }
            final int nextHop = snapshot.lookup4(Ipv4Flyweight.destination(arena, ip));
            final int block = nextHop * RewriteBlock.LENGTH;
            if (RoutingSnapshot.NO_ROUTE == nextHop
                    || RewriteBlock.RESOLVED != RewriteBlock.state(snapshot.rewriteBlocks(), block)) {
                continue;
            }
            Rewrite.apply(arena, ip, packet.version(), snapshot.rewriteBlocks(), block);
            encapsulated++;
        }
        reader.release();
        return encapsulated;
    }
}
