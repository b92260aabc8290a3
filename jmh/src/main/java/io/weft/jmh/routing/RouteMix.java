/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.jmh.routing;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/** Seeded tables and addresses that look like the real ones, the same in each run. */
public enum RouteMix {
    /** 900 000 IPv4 routes, lengths as in the internet's routing table, a few longer than /24 as in an own network. */
    INTERNET4(IpFamily.IPV4, 900_000),
    /** 10 000 node subnets of /24 in 10.0.0.0/8. */
    NODES4(IpFamily.IPV4, 10_000),
    /** 100 000 IPv6 routes, lengths as in the internet's routing table. */
    INTERNET6(IpFamily.IPV6, 100_000),
    /** 10 000 node subnets of /64 in one /48. */
    NODES6(IpFamily.IPV6, 10_000);

    /** Lengths and their share in 1/10 000 of the table, rounded from the BGP reports of APNIC (bgp.potaroo.net). */
    private static final int[][] SHARES_4 = {
        {24, 5990},
        {23, 1010},
        {22, 1140},
        {21, 510},
        {20, 450},
        {19, 270},
        {18, 150},
        {17, 90},
        {16, 140},
        {15, 20},
        {14, 13},
        {13, 7},
        {12, 3},
        {11, 1},
        {10, 1},
        {25, 40},
        {26, 40},
        {27, 30},
        {28, 30},
        {29, 30},
        {30, 20},
        {32, 15}
    };

    private static final int[][] SHARES_6 = {
        {48, 4650},
        {32, 1250},
        {44, 1000},
        {40, 950},
        {36, 450},
        {29, 330},
        {46, 300},
        {47, 250},
        {42, 250},
        {33, 200},
        {45, 150},
        {34, 110},
        {35, 50},
        {38, 100},
        {39, 40},
        {28, 20},
        {30, 30},
        {31, 20},
        {20, 5},
        {24, 10},
        {56, 50},
        {64, 60},
        {43, 60},
        {41, 50},
        {37, 40},
        {52, 10},
        {128, 15}
    };

    private static final int SHARE_ONE = 10_000;
    /** Where the regional registries allocate: 2001::/16, 2400::/12, 2600::/12, 2800::/12, 2a00::/12, 2c00::/12. */
    private static final long[] BLOCKS_6 = {0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00};

    private static final int GATEWAYS = 128;
    private static final long SEED = 20_26;
    /** Flows of the addresses that repeat, and packets of one flow in a row. */
    private static final int FLOWS = 1000;

    private static final int TRAIN = 8;

    private final IpFamily family;
    private final int size;

    RouteMix(final IpFamily family, final int size) {
        this.family = family;
        this.size = size;
    }

    /** What the lookups are for. */
    public enum Traffic {
        /** IPv4: uniform over all addresses, routed or not. IPv6: as ROUTED, for hardly any address is routed. */
        RANDOM,
        /** A random address in a random route. */
        ROUTED,
        /** 1000 flows, eight packets in a row. */
        REPEATED
    }

    public IpFamily family() {
        return family;
    }

    /** The routes, in random order. */
    public List<IpPrefix> prefixes() {
        final SplittableRandom random = new SplittableRandom(SEED);
        final Set<IpPrefix> prefixes = new HashSet<>(2 * size);
        final List<IpPrefix> ordered = new ArrayList<>(size);
        while (ordered.size() < size) {
            final IpPrefix prefix = prefix(random, ordered);
            if (prefixes.add(prefix)) {
                ordered.add(prefix);
            }
        }
        return ordered;
    }

    private IpPrefix prefix(final SplittableRandom random, final List<IpPrefix> before) {
        return switch (this) {
            case INTERNET4 -> IpPrefix.containing(IpAddress.ofIpv4(unicast(random)), length(random, SHARES_4));
            case NODES4 -> IpPrefix.containing(IpAddress.ofIpv4(10 << 24 | random.nextInt(1 << 24)), 24);
            case INTERNET6 -> internet6(random, before);
            case NODES6 ->
                IpPrefix.containing(
                        new IpAddress(IpFamily.IPV6, 0xfd00_0010_0244_0000L | random.nextInt(1 << 16), 0), 64);
        };
    }

    private static int unicast(final SplittableRandom random) {
        while (true) {
            final int address = random.nextInt();
            final int first = address >>> 24;
            if (first > 0 && first < 224 && first != 10 && first != 127) {
                return address;
            }
        }
    }

    /** Long prefixes lie in an allocation that is there, as providers announce more of what they have. */
    private static IpPrefix internet6(final SplittableRandom random, final List<IpPrefix> before) {
        final int length = length(random, SHARES_6);
        if (length > 32 && !before.isEmpty() && random.nextInt(10) > 0) {
            final IpPrefix near = before.get(random.nextInt(before.size()));
            final IpPrefix allocation = IpPrefix.containing(near.base(), Math.min(32, near.length()));
            return IpPrefix.containing(within(allocation, random), length);
        }
        final long block = BLOCKS_6[random.nextInt(BLOCKS_6.length)] << 48;
        final IpPrefix registry =
                new IpPrefix(new IpAddress(IpFamily.IPV6, block, 0), block >>> 48 == 0x2001 ? 16 : 12);
        return IpPrefix.containing(within(registry, random), length);
    }

    private static int length(final SplittableRandom random, final int[][] shares) {
        int draw = random.nextInt(SHARE_ONE);
        for (final int[] share : shares) {
            draw -= share[1];
            if (draw < 0) {
                return share[0];
            }
        }
        return shares[0][0];
    }

    private static IpAddress within(final IpPrefix prefix, final SplittableRandom random) {
        final long high = random.nextLong();
        final long low = random.nextLong();
        final int length = prefix.length();
        final long highHost = length >= Long.SIZE ? 0 : -1L >>> length;
        if (IpFamily.IPV4 == prefix.family()) {
            return new IpAddress(prefix.family(), prefix.base().high() | (high & highHost & -1L << Integer.SIZE), 0);
        }
        final long lowHost = length <= Long.SIZE ? -1L : length == 2 * Long.SIZE ? 0 : -1L >>> (length - Long.SIZE);
        return new IpAddress(
                prefix.family(),
                prefix.base().high() | (high & highHost),
                prefix.base().low() | (low & lowHost));
    }

    /** Addresses to look up, for routes of {@link #prefixes()}. */
    public IpAddress[] addresses(final List<IpPrefix> prefixes, final Traffic traffic, final int count) {
        final SplittableRandom random = new SplittableRandom(SEED + 1);
        final IpAddress[] addresses = new IpAddress[count];
        final IpAddress[] flows = new IpAddress[FLOWS];
        for (int i = 0; i < FLOWS; i++) {
            flows[i] = within(prefixes.get(random.nextInt(prefixes.size())), random);
        }
        IpAddress flow = flows[0];
        for (int i = 0; i < count; i++) {
            if (Traffic.REPEATED == traffic) {
                flow = 0 == i % TRAIN ? flows[random.nextInt(FLOWS)] : flow;
                addresses[i] = flow;
            } else if (Traffic.RANDOM == traffic && IpFamily.IPV4 == family) {
                addresses[i] = IpAddress.ofIpv4(random.nextInt());
            } else {
                addresses[i] = within(prefixes.get(random.nextInt(prefixes.size())), random);
            }
        }
        return addresses;
    }

    /** The number of the gateway of a route: as DPDK's next hop, from 1, as it takes 0 for none. */
    public static int gateway(final IpPrefix prefix) {
        return 1 + Math.floorMod((prefix.hashCode() * 0x9e37_79b9) >>> 8, GATEWAYS);
    }

    /** Tables with these routes added and nothing published. */
    public static RoutingTables tables(final List<IpPrefix> prefixes) {
        final RoutingTables tables =
                new RoutingTables(new RoutingContext().vtepMac(MacAddress.parse("5e:00:53:00:00:01")));
        final InetAddress[] gateways = new InetAddress[GATEWAYS + 1];
        for (int i = 1; i <= GATEWAYS; i++) {
            gateways[i] = IpAddress.ofIpv4(192 << 24 | 168 << 16 | i).toInetAddress();
        }
        for (final IpPrefix prefix : prefixes) {
            tables.addRoute(prefix, gateways[gateway(prefix)]);
        }
        return tables;
    }
}
