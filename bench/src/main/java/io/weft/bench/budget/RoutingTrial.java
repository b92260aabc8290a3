/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.bench.lab.Teardown;
import io.weft.bench.stats.Stopwatch;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingReader;
import io.weft.routing.RoutingSnapshot;
import io.weft.routing.RoutingTables;
import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;

/** Routing tables filled and changed, beside maps of the JDK. In this process, by the time that its thread works. */
final class RoutingTrial implements Trial {
    private static final int NODES = 10_000;
    private static final int INTERNET = 900_000;
    private static final int GATEWAYS = 128;
    private static final int ROUNDS = 20;
    private static final int INTERNET_ROUNDS = 3;
    /** Changes, and copies of a map, that make one figure: one alone is too short for the clock. */
    private static final int CHANGES = 200;

    private static final int COPIES = 20;
    private static final MacAddress MAC = new MacAddress(0x02_0000_000001L);
    private static final long PEER_MAC = 0x02_1000_000000L;

    private final SplittableRandom random = new SplittableRandom(4);
    private int moves;

    @Override
    public String name() {
        return "routing";
    }

    @Override
    public String subject() {
        return "routing tables";
    }

    @Override
    public List<Finding> run(final Site site, final Teardown teardown) throws IOException {
        final Map<IpPrefix, InetAddress> map = nodeMap();
        final List<Finding> findings = new ArrayList<>();
        findings.add(Budgets.PUBLISH.compare(ROUNDS, RoutingTrial::publishSeconds, () -> fillSeconds(map)));
        try (RoutingTables tables = newTables()) {
            addNodes(tables);
            tables.publish();
            final RoutingReader reader = tables.newReader();
            findings.add(Budgets.ROUTE_CHANGE.compare(
                    ROUNDS, () -> routeChangeSeconds(tables, reader), () -> copySeconds(map)));
            findings.add(Budgets.FDB_CHANGE.compare(ROUNDS, () -> fdbChangeSeconds(tables), () -> copySeconds(map)));
        }
        final List<IpPrefix> internet = internet();
        final List<InetAddress> gateways = gateways();
        findings.add(Budgets.INTERNET.compare(
                INTERNET_ROUNDS, () -> internetSeconds(internet, gateways), () -> fillSeconds(internet, gateways)));
        return findings;
    }

    private static RoutingTables newTables() {
        return new RoutingTables(new RoutingContext().vtepMac(MAC));
    }

    private static InetAddress ipv4(final int address) {
        return IpAddress.ofIpv4(address).toInetAddress();
    }

    private static InetAddress gateway(final int node) {
        return ipv4(10 << 24 | node << 8);
    }

    private static IpPrefix subnet(final int node) {
        return new IpPrefix(IpAddress.ofIpv4(10 << 24 | node << 8), 24);
    }

    /** Each as a lease brings it: route, neighbour, FDB entry. */
    private static void addNodes(final RoutingTables tables) {
        for (int node = 0; node < NODES; node++) {
            tables.addRoute(subnet(node), gateway(node));
            tables.addNeighbour(gateway(node), new MacAddress(PEER_MAC + node));
            tables.addFdb(new MacAddress(PEER_MAC + node), ipv4(0xC0A8_0000 + node + 1));
        }
    }

    private static Map<IpPrefix, InetAddress> nodeMap() {
        final Map<IpPrefix, InetAddress> map = new HashMap<>();
        for (int node = 0; node < NODES; node++) {
            map.put(subnet(node), gateway(node));
        }
        return map;
    }

    private static double publishSeconds() {
        try (RoutingTables tables = newTables()) {
            addNodes(tables);
            final long startNs = Stopwatch.workedNs();
            tables.publish();
            return Stopwatch.workedSecondsSince(startNs);
        }
    }

    private static double fillSeconds(final Map<IpPrefix, InetAddress> map) throws IOException {
        final Map<IpPrefix, InetAddress> filled = new TreeMap<>();
        final long startNs = Stopwatch.workedNs();
        map.forEach(filled::put);
        final double seconds = Stopwatch.workedSecondsSince(startNs);
        require(NODES == filled.size(), "a map of all nodes");
        return seconds;
    }

    private double routeChangeSeconds(final RoutingTables tables, final RoutingReader reader) throws IOException {
        long elapsedNs = 0;
        for (int i = 0; i < CHANGES; i++) {
            final int node = random.nextInt(NODES);
            final IpPrefix subnet = subnet(node);
            final long startNs = Stopwatch.workedNs();
            tables.removeRoute(subnet);
            tables.publish();
            final int nextHop = reader.acquire().lookup4(10 << 24 | node << 8 | 7);
            elapsedNs += Stopwatch.workedNs() - startNs;
            reader.release();
            require(RoutingSnapshot.NO_ROUTE == nextHop, "the route is gone");
            tables.addRoute(subnet, gateway(node));
            tables.publish();
        }
        return elapsedNs / 1e9 / CHANGES;
    }

    private double fdbChangeSeconds(final RoutingTables tables) throws IOException {
        long elapsedNs = 0;
        for (int i = 0; i < CHANGES; i++) {
            final int node = random.nextInt(NODES);
            final InetAddress peer = ipv4(0xAC10_0000 + ++moves);
            final long startNs = Stopwatch.workedNs();
            tables.replaceFdb(
                    new MacAddress(PEER_MAC + node), peer, RoutingTables.DEFAULT_PORT, RoutingTables.DEFAULT_VNI);
            tables.publish();
            elapsedNs += Stopwatch.workedNs() - startNs;
            require(
                    IpAddress.of(peer)
                            .equals(tables.explain(ipv4(10 << 24 | node << 8 | 7))
                                    .underlay()),
                    "the node is reached where it moved to");
        }
        return elapsedNs / 1e9 / CHANGES;
    }

    private static double copySeconds(final Map<IpPrefix, InetAddress> map) throws IOException {
        int sizes = 0;
        final long startNs = Stopwatch.workedNs();
        for (int i = 0; i < COPIES; i++) {
            sizes += new HashMap<>(map).size();
        }
        final double seconds = Stopwatch.workedSecondsSince(startNs) / COPIES;
        require(COPIES * NODES == sizes, "whole copies");
        return seconds;
    }

    /** Prefixes with lengths about as the internet's table has them, at random places. */
    private List<IpPrefix> internet() {
        final Set<IpPrefix> distinct = new HashSet<>();
        while (distinct.size() < INTERNET) {
            final int length = random.nextInt(10) < 6 ? 24 : 10 + random.nextInt(15);
            distinct.add(IpPrefix.containing(IpAddress.ofIpv4(random.nextInt()), length));
        }
        return List.copyOf(distinct);
    }

    private static List<InetAddress> gateways() {
        final List<InetAddress> gateways = new ArrayList<>();
        for (int i = 0; i < GATEWAYS; i++) {
            gateways.add(ipv4(0xC0A8_0001 + i));
        }
        return gateways;
    }

    private static double internetSeconds(final List<IpPrefix> prefixes, final List<InetAddress> gateways)
            throws IOException {
        try (RoutingTables tables = newTables()) {
            final long startNs = Stopwatch.workedNs();
            for (int i = 0; i < INTERNET; i++) {
                tables.addRoute(prefixes.get(i), gateways.get(i % GATEWAYS));
            }
            tables.publish();
            final double seconds = Stopwatch.workedSecondsSince(startNs);
            require(INTERNET == tables.routeCount(), "all routes");
            return seconds;
        }
    }

    private static double fillSeconds(final List<IpPrefix> prefixes, final List<InetAddress> gateways)
            throws IOException {
        final long startNs = Stopwatch.workedNs();
        final Map<IpPrefix, InetAddress> map = new TreeMap<>();
        for (int i = 0; i < INTERNET; i++) {
            map.put(prefixes.get(i), gateways.get(i % GATEWAYS));
        }
        final double seconds = Stopwatch.workedSecondsSince(startNs);
        require(INTERNET == map.size(), "a map of all routes");
        return seconds;
    }

    /** What is fast and wrong is no figure. */
    private static void require(final boolean condition, final String what) throws IOException {
        if (!condition) {
            throw new IOException("routing tables: not so: " + what);
        }
    }
}
