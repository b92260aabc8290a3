/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.bench.lab.Teardown;
import io.weft.bench.stats.Stopwatch;
import io.weft.dataplane.tunnel.Rewrite;
import io.weft.encap.IpPacket;
import io.weft.encap.Ipv4Flyweight;
import io.weft.routing.RewriteBlock;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingReader;
import io.weft.routing.RoutingSnapshot;
import io.weft.routing.RoutingTables;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The header work of one encapsulation beside a copy of a packet: what weft does to a packet costs less than to touch all of it.
 * As {@code EncapsulationBenchmark} of the module jmh, with 10 000 nodes; Agrona's bounds checks, which weftd runs without, are
 * on here. By the time that the thread works.
 */
final class PacketTrial implements Trial {
    private static final int ROUNDS = 20;
    private static final int BATCHES = 5_000;
    private static final int BATCH = 64;
    private static final int NODES = 10_000;
    private static final int PACKET_LENGTH = 84;
    private static final int SLOT_LENGTH = 192;
    private static final int COPY_LENGTH = 1500;
    private static final int FIRST_NETWORK = 10 << 24;
    private static final MacAddress MAC = new MacAddress(0x02_0000_000001L);
    private static final long PEER_MAC = 0x02_1000_000000L;

    private final UnsafeBuffer arena = memory(BATCH * SLOT_LENGTH);
    private final UnsafeBuffer copied = memory(BATCH * COPY_LENGTH);
    private final UnsafeBuffer copy = memory(BATCH * COPY_LENGTH);
    private final IpPacket packet = new IpPacket();

    private static UnsafeBuffer memory(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, Long.BYTES));
    }

    @Override
    public String name() {
        return "header";
    }

    @Override
    public String subject() {
        return "a packet's header work";
    }

    @Override
    public List<Finding> run(final Site site, final Teardown teardown) throws IOException {
        try (RoutingTables tables =
                new RoutingTables(new RoutingContext().vni(1).vtepMac(MAC))) {
            for (int node = 0; node < NODES; node++) {
                final InetAddress gateway =
                        IpAddress.ofIpv4(FIRST_NETWORK + (node << 8)).toInetAddress();
                tables.addRoute(IpPrefix.of(gateway, 24), gateway);
                tables.addNeighbour(gateway, new MacAddress(PEER_MAC + node));
                tables.addFdb(
                        new MacAddress(PEER_MAC + node),
                        IpAddress.ofIpv4((172 << 24) + (16 << 16) + node + 1).toInetAddress());
            }
            tables.publish();
            writePackets();
            final RoutingReader reader = tables.newReader();
            return List.of(
                    Budgets.ENCAPSULATION.compare(ROUNDS, () -> encapsulationSeconds(reader), this::copySeconds));
        }
    }

    private void writePackets() {
        final Random random = new Random(1);
        for (int i = 0; i < BATCH; i++) {
            final int ip = i * SLOT_LENGTH + Rewrite.HEADROOM;
            arena.putByte(ip, (byte) 0x45);
            Ipv4Flyweight.totalLength(arena, ip, PACKET_LENGTH);
            final int destination = FIRST_NETWORK + (random.nextInt(NODES) << 8) + 2;
            arena.putInt(ip + Ipv4Flyweight.DESTINATION_OFFSET, destination, ByteOrder.BIG_ENDIAN);
        }
    }

    private double encapsulationSeconds(final RoutingReader reader) throws IOException {
        int encapsulated = 0;
        final long startNs = Stopwatch.workedNs();
        for (int i = 0; i < BATCHES; i++) {
            encapsulated += encapsulate(reader);
        }
        final double seconds = Stopwatch.workedSecondsSince(startNs) / (BATCHES * BATCH);
        if (BATCHES * BATCH != encapsulated) {
            throw new IOException("encapsulated " + encapsulated + " of " + BATCHES * BATCH + " packets");
        }
        return seconds;
    }

    private int encapsulate(final RoutingReader reader) {
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

    private double copySeconds() {
        final long startNs = Stopwatch.workedNs();
        for (int i = 0; i < BATCHES; i++) {
            for (int slot = 0; slot < BATCH; slot++) {
                copy.putBytes(slot * COPY_LENGTH, copied, slot * COPY_LENGTH, COPY_LENGTH);
            }
        }
        return Stopwatch.workedSecondsSince(startNs) / (BATCHES * BATCH);
    }
}
