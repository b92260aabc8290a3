/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.PeerTable;
import io.weft.dataplane.underlay.UnansweredPeers;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Neighbour;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.lifecycle.LogFields;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.agrona.concurrent.NanoClock;
import org.jspecify.annotations.Nullable;

/**
 * Finds out which peers on the underlay's link do not answer when the host asks for their MAC addresses, as nodes without power, and keeps
 * the data threads from sending to them; asks for those in their place that there are packets for, and admits them when they answer, or when
 * the way to them is another. Who sends and does not answer all the same is refused at each look, and sent to in between. Control thread alone.
 */
final class PeerNeighbours implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(PeerNeighbours.class.getName());

    /** A peer that nobody has had packets for is sent to as any, for it may be there by now; and its first packet waits for its answer. */
    private static final long FORGOTTEN_NS = TimeUnit.SECONDS.toNanos(30);

    /** At one look the kernel is asked for so many at most: about a millisecond. */
    private static final int LOOKS_MAX = 32;

    private final PeerTable peers;
    private final UnansweredPeers unanswered;
    private final InetAddress local;
    private final int port;
    private final LongSupplier sent;
    private final Rtnetlink rtnetlink = Rtnetlink.open();
    private final NanoClock clock;
    private final Map<Integer, Refused> refused = new HashMap<>();
    /** Those that the log tells of as not answering. */
    private final Set<InetAddress> told = new HashSet<>();
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
        refused.keySet().removeIf(unanswered::isAdmitted);
        final Map<Integer, Neighbour> present = new HashMap<>();
        final Set<Integer> askedNow = new HashSet<>();
        for (final Neighbour neighbour : rtnetlink.neighbours(linkIndex)) {
            final int peer = peers.find(IpAddress.of(neighbour.address()));
            if (PeerTable.NOBODY == peer) {
                continue;
            }
            present.put(peer, neighbour);
            if (neighbour.valid()) {
                answers(peer, neighbour.address());
            } else if (neighbour.isAskedFor()) {
                askedNow.add(peer);
                if (asked.contains(peer) && !refused.containsKey(peer)) {
                    refuse(peer, neighbour.address(), linkIndex);
                }
            }
        }
        asked = askedNow;
        int looks = LOOKS_MAX;
        for (final Map.Entry<Integer, Refused> each : Map.copyOf(refused).entrySet()) {
            final boolean isDue = !askedNow.contains(each.getKey()) && looks > 0;
            looks -= isDue && follow(each.getKey(), each.getValue(), present.get(each.getKey()), linkIndex) ? 1 : 0;
        }
    }

    /** Not by what the kernel once found, which it may not have forgotten for days: a peer that was away may be there. */
    private void refuse(final int peer, final InetAddress address, final int linkIndex) {
        if (isNextHop(linkIndex, address)) {
            refused.put(peer, new Refused(address, clock.nanoTime()));
            unanswered.refuse(peer);
            if (told.add(address)) {
                tell(address, "does not answer on its link: what goes there is dropped until it does");
            }
        }
    }

    private void answers(final int peer, final InetAddress address) {
        admit(peer);
        if (told.remove(address)) {
            tell(address, "answers again");
        }
    }

    private static void tell(final InetAddress peer, final String what) {
        LOG.log(INFO, "peer {0} {1}{2}", IpAddress.of(peer), what, LogFields.of("peer", IpAddress.of(peer)));
    }

    private void admit(final int peer) {
        if (null != refused.remove(peer)) {
            unanswered.admit(peer);
        }
    }

    /**
     * Goes on with a peer that the kernel asks nothing at present.
     *
     * @param neighbour as the kernel has it, if it has not forgotten it.
     * @return whether the kernel was asked for something, which takes a while with many peers.
     */
    private boolean follow(
            final int peer, final Refused refusal, final @Nullable Neighbour neighbour, final int linkIndex) {
        final boolean isAnothersRow = peer != peers.find(IpAddress.of(refusal.address()));
        if (isAnothersRow || clock.nanoTime() - refusal.wantedNs() > FORGOTTEN_NS) {
            admit(peer);
            return false;
        }
        if (!unanswered.takeWanted(peer)) {
            return false;
        }
        refused.put(peer, new Refused(refusal.address(), clock.nanoTime()));
        try {
            if (!isNextHop(linkIndex, refusal.address())) {
                admit(peer);
            } else if (null == neighbour || !neighbour.isManaged()) { // else the kernel asks by itself
                rtnetlink.askNeighbour(linkIndex, refusal.address());
            }
        } catch (final LinuxException failure) {
            LOG.log(DEBUG, "{0}. It is tried again", failure.getMessage());
        }
        return true;
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
