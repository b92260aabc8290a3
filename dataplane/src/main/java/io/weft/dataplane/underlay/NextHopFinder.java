/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.underlay;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.DatagramPath;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Neighbour;
import io.weft.linux.netlink.Rtnetlink;
import java.net.InetAddress;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Finds by which next hop of a link peers are reached, from the host's routes and neighbours, and has the kernel keep the next hops' MAC
 * addresses fresh: nothing that weft sends by packet socket would. Control thread alone.
 */
public final class NextHopFinder implements AutoCloseable {
    /**
     * Marks neighbours as weft's, as its routes are: the number that no protocol has (include/uapi/linux/rtnetlink.h). Others' are left
     * as they are.
     */
    private static final int PROTOCOL = 87;

    /** A look asks for so many paths again, in turn: about ten milliseconds. Paths of new peers are asked for at once. */
    private static final int PATHS_PER_LOOK = 512;

    private final Rtnetlink rtnetlink;
    private final InetAddress local;
    private final IpFamily family;
    private final int port;
    private final Map<IpAddress, Optional<DatagramPath>> paths = new HashMap<>();
    private final Set<IpAddress> turns = new LinkedHashSet<>();
    private final Set<IpAddress> kept = new HashSet<>();
    private int keptLink;
    /** What is kept on the link is of an earlier life as far as it is not wanted: later another weftd of the host may keep it. */
    private boolean isFirstLook = true;
    /** The kernel has kept one (Linux 5.16), so an entry that it does not keep has been replaced or made anew by somebody. */
    private boolean isKeeping;

    /**
     * @param rtnetlink not closed here.
     * @param local address that datagrams are sent from.
     * @param port that they go to.
     */
    public NextHopFinder(final Rtnetlink rtnetlink, final InetAddress local, final int port) {
        this.rtnetlink = rtnetlink;
        this.local = local;
        family = IpFamily.of(local);
        this.port = port;
    }

    /**
     * One look at routes and neighbours.
     *
     * @param linkIndex of the link that frames leave by.
     * @param peers all that there are.
     * @param hopLimit time to live of what leaves.
     * @return those that are reached by that link through a neighbour whose MAC address is known.
     * @throws LinuxException if the kernel does not answer.
     */
    public NextHops find(final int linkIndex, final Collection<IpAddress> peers, final int hopLimit) {
        final Link link = rtnetlink.link(linkIndex).orElse(null);
        if (null == link || null == link.mac() || !link.up() || !link.carrier()) {
            return NextHops.NONE; // the kernel has forgotten the neighbours as well
        }
        if (keptLink != linkIndex) {
            kept.clear();
            keptLink = linkIndex;
            isFirstLook = true;
        }
        followPeers(peers);
        final Map<IpAddress, Neighbour> neighbours = neighbours();
        final Map<IpAddress, NextHops.NextHop> found = new HashMap<>();
        final Set<IpAddress> wanted = new HashSet<>();
        paths.forEach((peer, path) -> path.filter(way -> linkIndex == way.linkIndex())
                .ifPresent(way -> {
                    final IpAddress hop = IpAddress.of(way.nextHop());
                    wanted.add(hop);
                    final Neighbour neighbour = neighbours.get(hop);
                    if (null != neighbour && neighbour.valid() && null != neighbour.mac()) {
                        final int mtu = 0 == way.mtu() ? link.mtu() : Math.min(way.mtu(), link.mtu());
                        found.put(peer, new NextHops.NextHop(neighbour.mac().value(), mtu));
                    }
                }));
        keep(wanted, neighbours);
        return new NextHops(link.mac().value(), hopLimit, found);
    }

    private void followPeers(final Collection<IpAddress> peers) {
        paths.keySet().retainAll(Set.copyOf(peers));
        for (int i = Math.min(PATHS_PER_LOOK, turns.size()); i > 0; i--) {
            final IpAddress peer = turns.iterator().next();
            turns.remove(peer);
            if (paths.containsKey(peer)) {
                look(peer);
            }
        }
        for (final IpAddress peer : peers) {
            if (!paths.containsKey(peer)) {
                look(peer);
            }
        }
    }

    private void look(final IpAddress peer) {
        paths.put(peer, rtnetlink.pathTo(peer.toInetAddress(), local, port));
        turns.add(peer);
    }

    private void keep(final Set<IpAddress> wanted, final Map<IpAddress, Neighbour> neighbours) {
        for (final IpAddress hop : wanted) {
            if (isToBeAskedFor(hop, neighbours.get(hop))) {
                rtnetlink.keepNeighbour(keptLink, hop.toInetAddress(), PROTOCOL);
                kept.add(hop);
            }
        }
        neighbours.forEach((hop, neighbour) -> {
            if (isKeptByWeft(neighbour) && wanted.contains(hop)) {
                kept.add(hop); // also one that an earlier life has left
            } else if (isKeptByWeft(neighbour) && (isFirstLook || kept.contains(hop))) {
                rtnetlink.deleteNeighbour(neighbour); // of a peer that is gone, or of an earlier life
            }
        });
        kept.retainAll(wanted);
        isFirstLook = false;
    }

    private static boolean isKeptByWeft(final Neighbour neighbour) {
        return neighbour.isManaged() && PROTOCOL == neighbour.protocol();
    }

    /**
     * Takes away what one that was killed had the kernel keep, where nobody goes on with it.
     *
     * @param linkIndex of the link that frames left by.
     * @throws LinuxException if the kernel refuses.
     */
    public static void removeLeft(final Rtnetlink rtnetlink, final int linkIndex) {
        rtnetlink.neighbours(linkIndex).stream()
                .filter(NextHopFinder::isKeptByWeft)
                .forEach(rtnetlink::deleteNeighbour);
    }

    /** A neighbour that is fixed, or that somebody else keeps, needs no care; on kernels that keep none it is asked for now and then. */
    private boolean isToBeAskedFor(final IpAddress hop, final @Nullable Neighbour present) {
        if (null == present) {
            return true;
        }
        final boolean isOfOthers = 0 != present.protocol() && PROTOCOL != present.protocol();
        if (present.fixed() || present.isManaged() || isOfOthers) {
            return false;
        }
        return isKeeping || !kept.contains(hop) || !present.atWork();
    }

    /** Leaves the neighbours to the kernel again. */
    @Override
    public void close() {
        if (!kept.isEmpty()) {
            keep(Set.of(), neighbours());
        }
    }

    /** Those of the underlay's family: the other one's are another finder's to keep, and to delete. */
    private Map<IpAddress, Neighbour> neighbours() {
        final Map<IpAddress, Neighbour> neighbours = new HashMap<>();
        for (final Neighbour each : rtnetlink.neighbours(keptLink)) {
            final IpAddress address = IpAddress.of(each.address());
            if (family == address.family()) {
                neighbours.put(address, each);
                isKeeping |= isKeptByWeft(each);
            }
        }
        return neighbours;
    }
}
