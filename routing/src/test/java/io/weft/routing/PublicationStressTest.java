/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import java.net.InetAddress;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/**
 * Readers look up while the control thread changes and frees, with freed memory poisoned. Generation {@code g} is
 * published as a whole: every route leads to a gateway whose MAC and underlay address carry {@code g}, so a reader that
 * sees two generations in one snapshot, a block half written, or freed memory, knows it. Longer with
 * {@code -Dweft.routing.generations=N}.
 */
class PublicationStressTest {
    private static final long GENERATIONS = Long.getLong("weft.routing.generations", 10_000);
    /** How often the readers look meanwhile, at the least. */
    private static final long BATCHES = 1_000;

    private static final int GATEWAYS = 16;
    private static final int SUBNETS = 400;
    private static final int READERS = 2;
    private static final long MAC_BASE = 0x5e_0000_0000_00L;

    private final RoutingTables tables = new RoutingTables(
            new RoutingContext().vtepMac(new MacAddress(0x5e_0000_0000_01L)).poisonFreed(true));
    private final AtomicReference<String> violation = new AtomicReference<>();
    private final AtomicLong batches = new AtomicLong();
    private volatile boolean running = true;
    private volatile long published;

    private static InetAddress gateway(final int index) {
        return IpAddress.ofIpv4(0x0a00_0001 + index).toInetAddress();
    }

    private static IpPrefix subnet(final int index) {
        return new IpPrefix(IpAddress.ofIpv4(10 << 24 | 244 << 16 | index << 8), 24);
    }

    private static InetAddress underlay(final long generation) {
        return IpAddress.ofIpv4(0x2000_0000 | (int) generation).toInetAddress();
    }

    @Test
    void shouldShowWholeAndLiveSnapshotsWhenPublishedWhileReadersRun() throws InterruptedException {
        for (int i = 0; i < SUBNETS; i += 2) {
            tables.addRoute(subnet(i), gateway(i % GATEWAYS));
        }
        toGeneration(1);
        final Thread[] readers = new Thread[READERS];
        for (int i = 0; i < READERS; i++) {
            final RoutingReader reader = tables.newReader();
            readers[i] = new Thread(() -> read(reader), "reader-" + i);
            readers[i].setUncaughtExceptionHandler((thread, failure) -> violation.set(thread + ": " + failure));
            readers[i].start();
        }
        final SplittableRandom random = new SplittableRandom(7);
        long generation = 1;
        while ((generation < GENERATIONS || batches.get() < BATCHES) && null == violation.get()) {
            generation++;
            // Odd subnets come and go; the even ones stay, and must always be found.
            for (int changes = random.nextInt(8); changes > 0; changes--) {
                final int odd = 1 + 2 * random.nextInt(SUBNETS / 2);
                if (!tables.removeRoute(subnet(odd))) {
                    tables.addRoute(subnet(odd), gateway(random.nextInt(GATEWAYS)));
                }
            }
            toGeneration(generation);
        }
        running = false;
        for (final Thread reader : readers) {
            reader.join();
        }
        assertNull(violation.get());
        assertEquals(0, tables.reclaim(), "publications wait though no reader is left");
        tables.close();
    }

    private void toGeneration(final long generation) {
        for (int i = 0; i < GATEWAYS; i++) {
            tables.replaceNeighbour(gateway(i), new MacAddress(MAC_BASE | generation));
        }
        tables.removeFdb(new MacAddress(MAC_BASE | (generation - 1)));
        tables.addFdb(new MacAddress(MAC_BASE | generation), underlay(generation));
        tables.publish();
        published = generation;
    }

    private void read(final RoutingReader reader) {
        final int[] addresses = new int[64];
        final int[] nextHops = new int[addresses.length];
        final SplittableRandom random =
                new SplittableRandom(Thread.currentThread().hashCode());
        while (running && null == violation.get()) {
            for (int i = 0; i < addresses.length; i++) {
                addresses[i] = 10 << 24 | 244 << 16 | random.nextInt(SUBNETS) << 8 | 1;
            }
            final long atLeast = published;
            final RoutingSnapshot snapshot = reader.acquire();
            final long generation = check(snapshot, addresses, nextHops);
            if (generation < atLeast) {
                violation.compareAndSet(null, "generation " + generation + " after " + atLeast + " was published");
            }
            reader.release();
            batches.incrementAndGet();
        }
    }

    private long check(final RoutingSnapshot snapshot, final int[] addresses, final int[] nextHops) {
        long generation = -1;
        for (int pass = 0; pass < 4; pass++) {
            snapshot.lookup4(addresses, nextHops, addresses.length);
            for (int i = 0; i < addresses.length; i++) {
                final boolean mayBeAbsent = (addresses[i] >>> 8 & 1) == 1;
                if (nextHops[i] == RoutingSnapshot.NO_ROUTE && mayBeAbsent) {
                    continue;
                }
                final long seen = generation(snapshot, nextHops[i]);
                generation = generation < 0 ? seen : generation;
                if (seen < 0 || seen != generation) {
                    violation.compareAndSet(
                            null,
                            "next hop " + nextHops[i] + " is of generation " + seen + " in a snapshot of generation "
                                    + generation);
                    return Long.MAX_VALUE;
                }
            }
        }
        return generation;
    }

    /** The generation that all parts of a block agree on, or -1. */
    private static long generation(final RoutingSnapshot snapshot, final int nextHop) {
        final UnsafeBuffer blocks = snapshot.rewriteBlocks();
        if (nextHop < 0 || RewriteBlock.offset(nextHop) >= blocks.capacity()) {
            return -1;
        }
        final int offset = RewriteBlock.offset(nextHop);
        final long mac =
                blocks.getInt(offset + RewriteBlock.DESTINATION_MAC_OFFSET + Short.BYTES, ByteOrder.BIG_ENDIAN);
        final IpAddress underlay = RewriteBlock.underlayAddress(blocks, offset);
        final boolean whole = RewriteBlock.state(blocks, offset) == RewriteBlock.RESOLVED
                && RewriteBlock.sockaddrLength(blocks, offset) == RewriteBlock.SOCKADDR_IN_LENGTH
                && underlay.equals(IpAddress.of(underlay(mac)));
        return whole ? mac : -1;
    }
}
