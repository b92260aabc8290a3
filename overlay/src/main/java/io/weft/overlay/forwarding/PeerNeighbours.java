/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.DEBUG;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.PeerTable;
import io.weft.dataplane.underlay.UnansweredPeers;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Neighbour;
import io.weft.linux.netlink.Rtnetlink;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.agrona.concurrent.NanoClock;

/**
 * Finds out which peers on the underlay's link do not answer when the host asks for their MAC addresses, as nodes without power, and keeps
 * the data threads from sending to them; asks for those in their place that there are packets for, and admits them when they answer, or when
 * the way to them is another. Control thread alone.
 */
final class PeerNeighbours implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(PeerNeighbours.class.getName());

    /** A peer that nobody has had packets for is sent to as any, for it may be there by now; and its first packet waits for its answer. */
    private static final long FORGOTTEN_NS = TimeUnit.SECONDS.toNanos(30);

    private final PeerTable peers;
    private final UnansweredPeers unanswered;
    private final InetAddress local;
    private final int port;
    private final LongSupplier sent;
    private final Rtnetlink rtnetlink = Rtnetlink.open();
    private final NanoClock clock;
    private final Map<Integer, Refused> refused = new HashMap<>();
    /** Those that were asked for at the last look, which may have been but just now. */
    private Set<Integer> asked = new HashSet<>();

    private long sentBefore;

    /**
     * A peer that is not sent to.
     *
     * @param wantedNs when there were packets for it last.
     */
    private record Refused(InetAddress address, long wantedNs) {}

    /**
     * @param unanswered is told who does not answer.
     * @param local address that packets are sent from.
     * @param port that they go to.
     * @param sent tells how many packets were sent: the host asks for nobody while there are none.
     */
    PeerNeighbours(
            final PeerTable peers,
            final UnansweredPeers unanswered,
            final InetAddress local,
            final int port,
            final LongSupplier sent,
            final NanoClock clock) {
        this.peers = peers;
        this.unanswered = unanswered;
        this.local = local;
        this.port = port;
        this.sent = sent;
        this.clock = clock;
    }

    /** One look at the neighbours on the underlay's link; a few times a second. */
    void look(final int linkIndex) {
        final long now = sent.getAsLong();
        if (now == sentBefore && refused.isEmpty() && asked.isEmpty()) {
            return;
        }
        sentBefore = now;
        try {
            compare(linkIndex);
        } catch (final LinuxException failure) {
            LOG.log(DEBUG, "{0}. Neighbours are looked at again", failure.getMessage());
        }
    }

    private void compare(final int linkIndex) {
        final Set<Integer> askedNow = new HashSet<>();
        for (final Neighbour neighbour : rtnetlink.neighbours(linkIndex)) {
            final int peer = peers.find(IpAddress.of(neighbour.address()));
            if (PeerTable.NOBODY == peer) {
                continue;
            }
            final boolean isInVain = neighbour.isFailed() || (neighbour.isAskedFor() && asked.contains(peer));
            if (neighbour.isAskedFor()) {
                askedNow.add(peer);
            } else if (neighbour.valid()) {
                admit(peer);
            }
            if (isInVain && !refused.containsKey(peer) && isNextHop(linkIndex, neighbour.address())) {
                refused.put(peer, new Refused(neighbour.address(), clock.nanoTime()));
                unanswered.refuse(peer);
            }
        }
        asked = askedNow;
        askForWanted(linkIndex);
    }

    private void admit(final int peer) {
        if (null != refused.remove(peer)) {
            unanswered.admit(peer);
        }
    }

    /** The kernel soon forgets whom it asked for in vain: nobody that there are packets for is admitted because nothing is known of him. */
    private void askForWanted(final int linkIndex) {
        final long nowNs = clock.nanoTime();
        for (final Map.Entry<Integer, Refused> each : Map.copyOf(refused).entrySet()) {
            final int peer = each.getKey();
            final InetAddress address = each.getValue().address();
            final boolean isAnothersRow = peer != peers.find(IpAddress.of(address));
            final boolean isWanted = unanswered.takeWanted(peer);
            if (isAnothersRow || (isWanted && !isNextHop(linkIndex, address))) {
                admit(peer);
            } else if (isWanted) {
                refused.put(peer, new Refused(address, nowNs));
                rtnetlink.askNeighbour(linkIndex, address);
            } else if (nowNs - each.getValue().wantedNs() > FORGOTTEN_NS) {
                admit(peer);
            }
        }
    }

    /** Whether a peer is reached by the link without a gateway. */
    private boolean isNextHop(final int linkIndex, final InetAddress peer) {
        return rtnetlink
                .pathTo(peer, local, port)
                .filter(path -> linkIndex == path.linkIndex() && peer.equals(path.nextHop()))
                .isPresent();
    }

    @Override
    public void close() {
        rtnetlink.close();
    }
}
