/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import java.net.InetAddress;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Random tables under random operations, looked up beside a naive reference. Seeded: the seed is in the message of a
 * failure. More cases with {@code -Dweft.routing.cases=N}, another series with {@code -Dweft.routing.seed=N}.
 */
class LongestPrefixMatchTest {
    private static final long CASES = Long.getLong("weft.routing.cases", 1_500_000);
    private static final long SEED = Long.getLong("weft.routing.seed", 1);
    private static final int GATEWAYS = 40;
    private static final int ROUTES_MAX = 250;
    private static final int LOOKUPS = 200;
    /** Where the IPv6 routes of every other table lie, but for one in a hundred. */
    private static final long CLUSTER = 0xfd00_0010_0244_9753L;

    private final NaiveRoutes naive = new NaiveRoutes();
    private final int[] peers = new int[GATEWAYS];
    private final int[] addresses = new int[LOOKUPS];
    private final long[] highs = new long[LOOKUPS];
    private final long[] lows = new long[LOOKUPS];
    private final int[] nextHops = new int[LOOKUPS];
    private int commonBits;
    private SplittableRandom random = new SplittableRandom(SEED);

    @ParameterizedTest
    @EnumSource
    void shouldMatchReferenceWhenRoutesChangeAtRandom(final IpFamily family) {
        long cases = 0;
        for (long seed = SEED; cases < CASES; seed++) {
            random = new SplittableRandom(seed);
            commonBits = seed % 2 == 0 ? 0 : random.nextInt(Long.SIZE);
            cases += runTable(family, "seed " + seed);
        }
    }

    private long runTable(final IpFamily family, final String seed) {
        final long liveUnits;
        long cases = 0;
        try (RoutingTables tables =
                new RoutingTables(new RoutingContext().vtepMac(new MacAddress(0x5e_0000_0000_01L)))) {
            liveUnits = tables.liveUnits();
            final RoutingReader reader = tables.newReader();
            for (int i = 0; i < GATEWAYS; i++) {
                peers[i] = i;
                tables.addNeighbour(gateway(i), mac(i));
            }
            final int limit = 1 + random.nextInt(ROUTES_MAX);
            for (int round = 0; round < 20; round++) {
                for (int changes = 1 + random.nextInt(random.nextInt(8) == 0 ? 60 : 4); changes > 0; changes--) {
                    change(tables, family, limit);
                }
                tables.publish();
                cases += compare(reader.acquire(), family, seed + " round " + round);
                reader.release();
            }
            while (naive.size() > 0) {
                tables.removeRoute(naive.prefix(0));
                naive.remove(0);
                tables.publish();
            }
            assertEquals(liveUnits, tables.liveUnits(), () -> "leaked, " + seed);
        }
        return cases;
    }

    private void change(final RoutingTables tables, final IpFamily family, final int limit) {
        final int kind = random.nextInt(10);
        if (kind == 0) {
            final int gateway = random.nextInt(GATEWAYS);
            peers[gateway] = random.nextInt(GATEWAYS);
            tables.replaceNeighbour(gateway(gateway), mac(peers[gateway]));
        } else if (naive.size() > limit || (kind < 4 && naive.size() > 0)) {
            final int index = random.nextInt(naive.size());
            tables.removeRoute(naive.prefix(index));
            naive.remove(index);
        } else {
            final IpPrefix prefix = prefix(family);
            final int gateway = random.nextInt(GATEWAYS);
            tables.replaceRoute(prefix, gateway(gateway));
            naive.put(prefix, gateway);
        }
    }

    /** Half of the prefixes lie in or around one that is there, so that they nest. */
    private IpPrefix prefix(final IpFamily family) {
        final int bits = family.addressBits();
        if (naive.size() > 0 && random.nextBoolean()) {
            final IpPrefix near = naive.prefix(random.nextInt(naive.size()));
            final int length = Math.max(0, Math.min(bits, near.length() + random.nextInt(20) - 8));
            return IpPrefix.containing(within(near), length);
        }
        return IpPrefix.containing(anywhere(family), Math.min(bits, commonBits + random.nextInt(bits + 1)));
    }

    private IpAddress anywhere(final IpFamily family) {
        if (family == IpFamily.IPV4) {
            return IpAddress.ofIpv4(random.nextInt());
        }
        final boolean outside = commonBits == 0 || random.nextInt(100) == 0;
        final long own = outside ? 0 : IpPrefix.highMask(commonBits);
        return new IpAddress(family, (CLUSTER & own) | (random.nextLong() & ~own), random.nextLong());
    }

    private IpAddress within(final IpPrefix prefix) {
        final IpAddress noise = anywhere(prefix.family());
        return new IpAddress(
                prefix.family(),
                prefix.base().high() | (noise.high() & ~IpPrefix.highMask(prefix.length())),
                prefix.base().low() | (noise.low() & ~IpPrefix.lowMask(prefix.length())));
    }

    /** Inside a route, its first or last address, or the one before or after. */
    private IpAddress target(final IpFamily family) {
        if (naive.size() == 0 || random.nextInt(8) == 0) {
            return anywhere(family);
        }
        final IpPrefix near = naive.prefix(random.nextInt(naive.size()));
        final IpAddress network = near.base();
        final long high = network.high() | ~IpPrefix.highMask(near.length());
        final long low = network.low() | ~IpPrefix.lowMask(near.length());
        final boolean narrow = family == IpFamily.IPV4;
        final long one = narrow ? 1L << 32 : 0;
        final long mask = narrow ? -1L << 32 : -1L;
        return switch (random.nextInt(5)) {
            case 0 -> network;
            case 1 -> new IpAddress(family, high & mask, narrow ? 0 : low);
            case 2 ->
                narrow
                        ? new IpAddress(family, network.high() - one, 0)
                        : new IpAddress(family, network.high() - (network.low() == 0 ? 1 : 0), network.low() - 1);
            case 3 ->
                narrow
                        ? new IpAddress(family, (high & mask) + one, 0)
                        : new IpAddress(family, high + (low == -1 ? 1 : 0), low + 1);
            default -> within(near);
        };
    }

    private int compare(final RoutingSnapshot snapshot, final IpFamily family, final String where) {
        IpAddress target = target(family);
        for (int i = 0; i < LOOKUPS; i++) {
            target = random.nextInt(3) == 0 ? target : target(family);
            addresses[i] = target.ipv4();
            highs[i] = target.high();
            lows[i] = target.low();
        }
        final boolean narrow = family == IpFamily.IPV4;
        if (narrow) {
            snapshot.lookup4(addresses, nextHops, LOOKUPS);
        } else {
            snapshot.lookup6(highs, lows, nextHops, LOOKUPS);
        }
        for (int i = 0; i < LOOKUPS; i++) {
            final int single = narrow ? snapshot.lookup4(addresses[i]) : snapshot.lookup6(highs[i], lows[i]);
            final int expected = naive.lookup(highs[i], lows[i]);
            if (single != nextHops[i] || !leadsTo(snapshot, single, expected)) {
                fail(where + ": " + new IpAddress(family, highs[i], lows[i]) + " single " + single + ", bulk "
                        + nextHops[i] + ", expected gateway " + expected);
            }
        }
        return LOOKUPS;
    }

    private boolean leadsTo(final RoutingSnapshot snapshot, final int nextHop, final int gateway) {
        if (nextHop == RoutingSnapshot.NO_ROUTE || gateway == NaiveRoutes.NONE) {
            return nextHop == RoutingSnapshot.NO_ROUTE && gateway == NaiveRoutes.NONE;
        }
        final int offset = RewriteBlock.offset(nextHop);
        final int mac = snapshot.rewriteBlocks()
                .getInt(offset + RewriteBlock.DESTINATION_MAC_OFFSET + Short.BYTES, java.nio.ByteOrder.BIG_ENDIAN);
        return RewriteBlock.gateway(snapshot.rewriteBlocks(), offset).ipv4() == gatewayAddress(gateway)
                && mac == (int) mac(peers[gateway]).value();
    }

    private static int gatewayAddress(final int gateway) {
        return 0x0a000001 + gateway;
    }

    private static InetAddress gateway(final int gateway) {
        return IpAddress.ofIpv4(gatewayAddress(gateway)).toInetAddress();
    }

    private static MacAddress mac(final int peer) {
        return new MacAddress(0x5e_0000_0001_00L + peer);
    }
}
