/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.dataplane.counters.PathCheck;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.counters.PeerTable;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.routing.RoutingTables;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the {@link PeerTable} of a forwarder: who is a peer, by the tables in use; who was heard, and what the underlay says of them.
 * Control thread alone.
 */
final class PeerWatch implements AutoCloseable {
    private final PeerTable peers;
    private final @Nullable UnderlayErrors errors;
    private final Consumer<IngressPolicy> publisher;
    private IngressPolicy policy = IngressPolicy.ANYTHING;

    /**
     * @param family of the underlay.
     * @param port UDP port of peers.
     * @param publisher hands a policy to the data threads.
     */
    PeerWatch(final PeerTable peers, final IpFamily family, final int port, final Consumer<IngressPolicy> publisher) {
        this.peers = peers;
        this.publisher = publisher;
        errors = UnderlayErrors.open(family, port, peers);
    }

    /** From now on this policy holds, by the numbers of the peers that are known already. */
    void ingressPolicy(final IngressPolicy now) {
        policy = now;
        publisher.accept(now.numbered(peers::find));
    }

    /** The tables were published: new peers have a number now, by which they are to be counted when they answer. */
    void published(final RoutingTables tables) {
        final Set<IpAddress> present = new HashSet<>();
        tables.eachPeer(present::add);
        peers.present(present);
        publisher.accept(policy.numbered(peers::find));
    }

    /** The way to a peer was checked. */
    void checked(final IpAddress peer, final PathState state, final int pathMtu) {
        final int number = peers.find(peer);
        if (PeerTable.NOBODY != number) {
            peers.check(number, new PathCheck(state, System.currentTimeMillis()), pathMtu);
        }
    }

    /** Looks at what came since the last time; about once a second. */
    void look(final long nowMs) {
        peers.sample(nowMs);
        if (null != errors) {
            errors.take(nowMs);
        }
    }

    @Override
    public void close() {
        if (null != errors) {
            errors.close();
        }
    }
}
