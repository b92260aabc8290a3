/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.BiConsumer;
import org.agrona.collections.IntHashSet;
import org.agrona.collections.LongHashSet;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The control thread's side of the routing tables: routes, neighbours and FDB entries are added and removed here, and
 * {@link #publish()} makes all changes since the last time visible to the data threads at once.
 *
 * <p>A route leads to a gateway, the neighbour table from the gateway to the MAC of its VTEP, the FDB from there to an
 * underlay address. All three are followed when a snapshot is made, so that a data thread finds a ready
 * {@link RewriteBlock} with one lookup. Entries may come in any order; what is missing shows in the block's state. With
 * {@link Encapsulation#BARE_IP} a route's gateway is the underlay address of the peer, and neither neighbours nor FDB
 * entries mean anything.
 *
 * <p>Bad entries are refused with an {@link IllegalArgumentException} that names the entry, and change nothing. All
 * methods are for one thread; data threads use a {@link RoutingReader} each.
 */
public final class RoutingTables implements AutoCloseable {
    /** In {@link #addFdb(MacAddress, InetAddress, int, int)}: the port of {@link RoutingContext#underlayPort(int)}. */
    public static final int DEFAULT_PORT = 0;

    /** In {@link #addFdb(MacAddress, InetAddress, int, int)}: the VNI of {@link RoutingContext#vni(int)}. */
    public static final int DEFAULT_VNI = -1;

    private static final VarHandle CURRENT;
    private static final VarHandle EPOCH;

    static {
        try {
            final MethodHandles.Lookup lookup = MethodHandles.lookup();
            CURRENT = lookup.findVarHandle(RoutingTables.class, "current", RoutingSnapshot.class);
            EPOCH = lookup.findVarHandle(RoutingTables.class, "epoch", long.class);
        } catch (final ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final RoutingContext context;
    private final RouteTable routes4;
    private final RouteTable routes6;
    private final BlockPool[] pools;
    private final RewriteBlocks rewriteBlocks = new RewriteBlocks();
    private final UnsafeBuffer scratchBlock = new UnsafeBuffer(new byte[RewriteBlock.LENGTH]);
    private final Reclaimer reclaimer;
    private final Gateways gateways = new Gateways();
    private final NeighbourTable neighbours = new NeighbourTable();
    private final ForwardingDatabase fdb = new ForwardingDatabase();
    private final PeerSet peers = new PeerSet();
    private final RewriteBlockEncoder encoder;
    private final IntHashSet dirtyGateways = new IntHashSet();
    private final LongHashSet dirtyMacs = new LongHashSet();
    private final List<RoutingReader> readers = new ArrayList<>();
    private boolean changesPending;
    private boolean closed;
    private RoutingSnapshot current;
    private long epoch;

    /** @throws IllegalArgumentException naming the setting of the context that is out of range. */
    public RoutingTables(final RoutingContext context) {
        context.conclude();
        this.context = context;
        encoder = switch (context.encapsulation()) {
            case VXLAN -> new VxlanBlockEncoder(context, neighbours, fdb);
            case BARE_IP -> new BareIpBlockEncoder(context);
        };
        reclaimer = new Reclaimer(context.poisonFreed());
        pools = new BlockPool[] {new BlockPool(0), new BlockPool(1)};
        routes4 = new RouteTable(IpFamily.IPV4, pools[0], reclaimer);
        routes6 = new RouteTable(IpFamily.IPV6, pools[1], reclaimer);
        current = newSnapshot(0);
    }

    /** What the tables were made for; no longer to be changed. */
    public RoutingContext context() {
        return context;
    }

    /** For one data thread. */
    public RoutingReader newReader() {
        final RoutingReader reader = new RoutingReader(this);
        readers.add(reader);
        return reader;
    }

    /** Forgets a reader whose thread has ended. */
    public void removeReader(final RoutingReader reader) {
        readers.remove(reader);
    }

    /**
     * Adds a route.
     *
     * @param gateway overlay address of the peer's VTEP; with {@link Encapsulation#BARE_IP} the peer's underlay address.
     * @throws IllegalArgumentException naming the route, if there is one for the prefix or the gateway cannot be one.
     */
    public void addRoute(final IpPrefix prefix, final InetAddress gateway) {
        final IpAddress by = requireGateway(prefix, gateway);
        final int present = table(prefix).get(prefix);
        if (RouteTrie.NO_VALUE != present) {
            throw new IllegalArgumentException(
                    "route " + prefix + " via " + by + ": there is one already, via " + gateways.address(present));
        }
        putRoute(prefix, by);
    }

    /** Adds a route, or changes the gateway of the one there is. */
    public void replaceRoute(final IpPrefix prefix, final InetAddress gateway) {
        putRoute(prefix, requireGateway(prefix, gateway));
    }

    /** Removes a route; returns whether there was one. */
    public boolean removeRoute(final IpPrefix prefix) {
        final int previous = table(prefix).remove(prefix);
        if (RouteTrie.NO_VALUE == previous) {
            return false;
        }
        releaseGateway(previous);
        changesPending = true;
        return true;
    }

    private void putRoute(final IpPrefix prefix, final IpAddress gateway) {
        final int value = gateways.acquire(gateway);
        final int previous = table(prefix).put(prefix, value);
        if (RouteTrie.NO_VALUE != previous) {
            releaseGateway(previous);
        }
        if (Gateways.NO_NEXT_HOP == gateways.nextHop(value)) {
            dirtyGateways.add(value);
        }
        changesPending = true;
    }

    private void releaseGateway(final int gateway) {
        gateways.release(gateway);
        if (!gateways.isUsed(gateway)) {
            dirtyGateways.add(gateway);
        }
    }

    private IpAddress requireGateway(final IpPrefix prefix, final InetAddress gateway) {
        final IpAddress by = IpAddress.of(gateway);
        final String entry = "route " + prefix + " via " + by;
        requireUnicast(by, entry);
        if (Encapsulation.BARE_IP == context.encapsulation()) {
            if (IpFamily.IPV4 != prefix.family() || IpFamily.IPV4 != by.family()) {
                throw new IllegalArgumentException(entry + ": without encapsulation, only IPv4 goes over IPv4");
            }
            requireOther(gateway, entry);
        }
        return by;
    }

    private void requireOther(final InetAddress underlay, final String entry) {
        if (context.underlayAddresses().contains(underlay)) {
            throw new IllegalArgumentException(entry + ": this is an address of this node itself");
        }
    }

    /**
     * Adds a neighbour: the gateway's VTEP has this MAC.
     *
     * @throws IllegalArgumentException naming the neighbour, if there is one for the address, or address or MAC is not
     *     unicast.
     */
    public void addNeighbour(final InetAddress address, final MacAddress mac) {
        final IpAddress of = requireNeighbour(address, mac);
        final long present = neighbours.get(of);
        if (NeighbourTable.NO_MAC != present) {
            throw new IllegalArgumentException(
                    "neighbour " + of + " at " + mac + ": there is one already, at " + new MacAddress(present));
        }
        putNeighbour(of, mac);
    }

    /** Adds a neighbour, or changes the MAC of the one there is. */
    public void replaceNeighbour(final InetAddress address, final MacAddress mac) {
        putNeighbour(requireNeighbour(address, mac), mac);
    }

    /** Removes a neighbour; returns whether there was one. */
    public boolean removeNeighbour(final InetAddress address) {
        final IpAddress of = IpAddress.of(address);
        if (!neighbours.remove(of)) {
            return false;
        }
        neighbourChanged(of);
        return true;
    }

    private static IpAddress requireNeighbour(final InetAddress address, final MacAddress mac) {
        final IpAddress of = IpAddress.of(address);
        requireUnicast(of, "neighbour " + of);
        RoutingContext.requireUnicast(mac, "neighbour " + of);
        return of;
    }

    private void putNeighbour(final IpAddress address, final MacAddress mac) {
        neighbours.put(address, mac.value());
        neighbourChanged(address);
    }

    private void neighbourChanged(final IpAddress address) {
        final int gateway = gateways.find(address);
        if (FlatTable.ABSENT != gateway) {
            dirtyGateways.add(gateway);
        }
        changesPending = true;
    }

    /** {@link #addFdb(MacAddress, InetAddress, int, int)} with the default port and VNI. */
    public void addFdb(final MacAddress mac, final InetAddress underlay) {
        addFdb(mac, underlay, DEFAULT_PORT, DEFAULT_VNI);
    }

    /**
     * Adds an FDB entry: the VTEP with this MAC is reached at this underlay address.
     *
     * @param port UDP port, or {@link #DEFAULT_PORT}.
     * @param vni VXLAN network identifier, or {@link #DEFAULT_VNI}.
     * @throws IllegalArgumentException naming the entry, if there is one for the MAC, the MAC or the address is not
     *     unicast, the address is one of this node's, or port or VNI is out of range.
     */
    public void addFdb(final MacAddress mac, final InetAddress underlay, final int port, final int vni) {
        final IpAddress at = requireFdb(mac, underlay, port, vni);
        final int present = fdb.find(mac.value());
        if (FlatTable.ABSENT != present) {
            throw new IllegalArgumentException(
                    "fdb entry " + mac + " dst " + at + ": there is one already, dst " + fdb.underlay(present));
        }
        putFdb(mac, underlay, port, vni);
    }

    /** Adds an FDB entry, or changes the one there is. */
    public void replaceFdb(final MacAddress mac, final InetAddress underlay, final int port, final int vni) {
        requireFdb(mac, underlay, port, vni);
        putFdb(mac, underlay, port, vni);
    }

    /** The underlay addresses of all FDB entries. */
    public Set<IpAddress> underlays() {
        return fdb.underlays();
    }

    /** Removes an FDB entry; returns whether there was one. */
    public boolean removeFdb(final MacAddress mac) {
        if (!fdb.remove(mac.value())) {
            return false;
        }
        dirtyMacs.add(mac.value());
        changesPending = true;
        return true;
    }

    private IpAddress requireFdb(final MacAddress mac, final InetAddress underlay, final int port, final int vni) {
        final IpAddress at = IpAddress.of(underlay);
        final String entry = "fdb entry " + mac + " dst " + at;
        RoutingContext.requireUnicast(mac, entry);
        requireUnicast(at, entry);
        requireOther(underlay, entry);
        if (port < DEFAULT_PORT || port > RoutingContext.PORT_MAX) {
            throw new IllegalArgumentException(entry + ": port " + port + " is not in 1.." + RoutingContext.PORT_MAX);
        }
        if (vni < DEFAULT_VNI || vni > RoutingContext.VNI_MAX) {
            throw new IllegalArgumentException(entry + ": vni " + vni + " is not in 0.." + RoutingContext.VNI_MAX);
        }
        return at;
    }

    private void putFdb(final MacAddress mac, final InetAddress underlay, final int port, final int vni) {
        final int scope = underlay instanceof Inet6Address wide ? wide.getScopeId() : 0;
        fdb.put(mac.value(), IpAddress.of(underlay), scope, port, vni);
        dirtyMacs.add(mac.value());
        changesPending = true;
    }

    private static void requireUnicast(final IpAddress address, final String entry) {
        if (address.isMulticast() || address.isUnspecified() || address.isBroadcast()) {
            throw new IllegalArgumentException(entry + ": " + address + " is not a unicast address");
        }
    }

    /**
     * Makes the changes since the last time visible to the data threads, all at once, with one release store; then frees
     * what no reader can see any more. Without changes, only frees.
     */
    public void publish() {
        if (changesPending) {
            final IntHashSet moved = resolveGateways();
            routes4.apply(gateways, moved);
            routes6.apply(gateways, moved);
            retireUnusedGateways();
            dirtyGateways.clear();
            dirtyMacs.clear();
            changesPending = false;

            final RoutingSnapshot snapshot = newSnapshot(current.version() + 1);
            CURRENT.setRelease(this, snapshot);
            // A reader seen offline below must see the new snapshot when it comes back.
            VarHandle.fullFence();
            reclaimer.seal(epoch);
            EPOCH.setRelease(this, epoch + 1);
        }
        reclaim();
    }

    /** Gives each dirty gateway a new block if its content is new; returns those that had another one before. */
    private IntHashSet resolveGateways() {
        if (!dirtyMacs.isEmpty()) {
            for (int gateway = 0; gateway < gateways.limit(); gateway++) {
                if (NeighbourTable.NO_MAC != gateways.mac(gateway) && dirtyMacs.contains(gateways.mac(gateway))) {
                    dirtyGateways.add(gateway);
                }
            }
        }
        final IntHashSet moved = new IntHashSet();
        for (final int gateway : dirtyGateways) {
            if (gateways.isUsed(gateway) && resolve(gateway)) {
                moved.add(gateway);
            }
        }
        return moved;
    }

    private boolean resolve(final int gateway) {
        final long mac = encoder.encode(scratchBlock, 0, gateways.address(gateway));
        final int previous = gateways.nextHop(gateway);
        if (Gateways.NO_NEXT_HOP != previous && isUnchanged(previous)) {
            return false;
        }
        final int nextHop = rewriteBlocks.allocate(reclaimer);
        rewriteBlocks.buffer().putBytes(RewriteBlock.offset(nextHop), scratchBlock, 0, RewriteBlock.LENGTH);
        gateways.resolved(gateway, mac, nextHop);
        peers.add(peer(nextHop));
        if (Gateways.NO_NEXT_HOP == previous) {
            return false;
        }
        retireNextHop(previous);
        return true;
    }

    private void retireNextHop(final int nextHop) {
        peers.remove(peer(nextHop));
        reclaimer.retireNextHop(nextHop);
    }

    /** Where a next hop leads; null unless it is resolved. */
    private @Nullable IpAddress peer(final int nextHop) {
        final int offset = RewriteBlock.offset(nextHop);
        return RewriteBlock.RESOLVED == RewriteBlock.state(rewriteBlocks.buffer(), offset)
                ? RewriteBlock.underlayAddress(rewriteBlocks.buffer(), offset)
                : null;
    }

    private boolean isUnchanged(final int nextHop) {
        final UnsafeBuffer blocks = rewriteBlocks.buffer();
        for (int i = 0; i < RewriteBlock.LENGTH; i += Long.BYTES) {
            if (blocks.getLong(RewriteBlock.offset(nextHop) + i) != scratchBlock.getLong(i)) {
                return false;
            }
        }
        return true;
    }

    private void retireUnusedGateways() {
        for (final int gateway : dirtyGateways) {
            if (!gateways.isUsed(gateway)) {
                if (Gateways.NO_NEXT_HOP != gateways.nextHop(gateway)) {
                    retireNextHop(gateways.nextHop(gateway));
                }
                gateways.remove(gateway);
            }
        }
    }

    private RoutingSnapshot newSnapshot(final long version) {
        routes4.markPublished();
        routes6.markPublished();
        rewriteBlocks.markPublished();
        return new RoutingSnapshot(version, routes4.lookupTable(), routes6.lookupTable(), rewriteBlocks.buffer());
    }

    /** Frees what no reader can see any more; returns how many publications still wait for a reader. */
    public int reclaim() {
        long slowestEpoch = RoutingReader.OFFLINE;
        for (final RoutingReader reader : readers) {
            slowestEpoch = Math.min(slowestEpoch, reader.activeEpoch());
        }
        reclaimer.reclaim(slowestEpoch, pools, rewriteBlocks);
        return reclaimer.pending();
    }

    /** What the data threads would do with a packet to this address, from the very tables they use. */
    public Explanation explain(final InetAddress destination) {
        final IpAddress address = IpAddress.of(destination);
        final @Nullable IpPrefix route = (IpFamily.IPV4 == address.family() ? routes4 : routes6).longest(address);
        return Explanation.of(address, route, current, changesPending);
    }

    /** An FDB entry as {@link #eachFdb} tells of it. */
    public interface FdbConsumer {
        /**
         * Called for each entry.
         *
         * @param mac of the VTEP.
         * @param underlay where it is reached.
         * @param port UDP port, or {@link #DEFAULT_PORT}.
         * @param vni VXLAN network identifier, or {@link #DEFAULT_VNI}.
         */
        void accept(MacAddress mac, IpAddress underlay, int port, int vni);
    }

    /** Calls with each route and its gateway, IPv4 first; a prefix comes before those that it contains. */
    public void eachRoute(final BiConsumer<IpPrefix, IpAddress> consumer) {
        routes4.each((prefix, gateway) -> consumer.accept(prefix, gateways.address(gateway)));
        routes6.each((prefix, gateway) -> consumer.accept(prefix, gateways.address(gateway)));
    }

    /** Calls with each neighbour, in no order. */
    public void eachNeighbour(final BiConsumer<IpAddress, MacAddress> consumer) {
        neighbours.each(consumer);
    }

    /** Calls with each FDB entry, in no order. */
    public void eachFdb(final FdbConsumer consumer) {
        for (int row = fdb.next(0); FlatTable.ABSENT != row; row = fdb.next(row + 1)) {
            consumer.accept(fdb.mac(row), fdb.underlay(row), fdb.port(row), fdb.vni(row));
        }
    }

    /** A peer as {@link #takePeerChanges} tells of it. */
    public interface PeerConsumer {
        /**
         * Called for each.
         *
         * @param peer its underlay address.
         * @param isPresent whether packets are sent to it, as published.
         */
        void accept(IpAddress peer, boolean isPresent);
    }

    /** Calls with each peer that may have come or gone by the publications since the last call. */
    public void takePeerChanges(final PeerConsumer consumer) {
        peers.takeChanges(consumer);
    }

    /** Number of underlay addresses that packets are sent to, as published. */
    public int peerCount() {
        return peers.size();
    }

    /** Number of routes of both families, those not published yet included. */
    public int routeCount() {
        return routes4.size() + routes6.size();
    }

    /** Bytes that all tables take, the control thread's included; retired memory that waits for readers is not. */
    public long memoryLength() {
        return routes4.memoryLength()
                + routes6.memoryLength()
                + rewriteBlocks.touchedLength()
                + neighbours.memoryLength()
                + fdb.memoryLength()
                + peers.memoryLength();
    }

    /** Units of the lookup tables that are neither free nor retired and freed; for tests that look for leaks. */
    long liveUnits() {
        return (long) pools[0].liveUnits() + pools[1].liveUnits();
    }

    /**
     * Frees all memory. The data threads must have ended, or never acquire again.
     *
     * @throws IllegalStateException if a reader still holds a snapshot.
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        if (reclaim() > 0) {
            throw new IllegalStateException(
                    "close the routing tables after the data threads: a reader holds a snapshot");
        }
        for (final RoutingReader reader : readers) {
            if (RoutingReader.OFFLINE != reader.activeEpoch()) {
                throw new IllegalStateException(
                        "close the routing tables after the data threads: a reader holds a snapshot");
            }
        }
        closed = true;
        routes4.close();
        routes6.close();
        rewriteBlocks.close();
    }

    RoutingSnapshot current() {
        return (RoutingSnapshot) CURRENT.getVolatile(this);
    }

    long epoch() {
        return (long) EPOCH.getAcquire(this);
    }

    private RouteTable table(final IpPrefix prefix) {
        return IpFamily.IPV4 == prefix.family() ? routes4 : routes6;
    }
}
