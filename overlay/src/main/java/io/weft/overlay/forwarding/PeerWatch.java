/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.PathCheck;
import io.weft.dataplane.counters.PeerTable;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.routing.RoutingTables;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the {@link PeerTable} of a forwarder: who is a peer, by the tables in use; who was heard, and what the underlay says of them.
 * Control thread alone.
 */
final class PeerWatch implements AutoCloseable {
    /** One check may fail for a reason of its own, and the next come late. */
    private static final int INTERVALS_VALID = 3;

    /** What a check of all takes where nobody answers, with some to spare: {@code overlay.ping.PeerMonitor}. */
    private static final long CHECK_MS = TimeUnit.MINUTES.toMillis(1);

    private static final long CHECK_MS_PER_PEER = 500;

    private final PeerTable peers;
    private final @Nullable UnderlayErrors errors;
    private final long checkIntervalMs;
    private final Consumer<IngressPolicy> publisher;
    private IngressPolicy policy = IngressPolicy.ANYTHING;
    /** Those whose ways are new or others since that was last asked for. */
    private final Set<IpAddress> changed = new HashSet<>();

    private long numberedOf;
    private int present;

    /**
     * @param errors that the underlay sends; null where they cannot be had.
     * @param checkIntervalMs how often the ways to peers are checked; 0 for never.
     * @param publisher hands a policy to the data threads.
     */
    PeerWatch(
            final PeerTable peers,
            final @Nullable UnderlayErrors errors,
            final long checkIntervalMs,
            final Consumer<IngressPolicy> publisher) {
        this.peers = peers;
        this.errors = errors;
        this.checkIntervalMs = checkIntervalMs;
        this.publisher = publisher;
    }

    /** From now on this policy holds, by the numbers of the peers that are known already. */
    void ingressPolicy(final IngressPolicy now) {
        policy = now;
        number();
    }

    private void number() {
        numberedOf = peers.given();
        publisher.accept(policy.numbered(peers.numbers()));
    }

    /** The tables were published: new peers have a number now, by which they are to be counted when they answer. */
    void published(final RoutingTables tables) {
        tables.takePeerChanges((peer, isPresent) -> {
            peers.present(peer, isPresent);
            if (isPresent && checkIntervalMs > 0) {
                changed.add(peer);
            }
        });
        present = tables.peerCount();
        if (numberedOf != peers.given()) {
            number();
        }
    }

    /** The peers whose ways are new or others since the last call. */
    Set<IpAddress> takeChanged() {
        final Set<IpAddress> taken = Set.copyOf(changed);
        changed.clear();
        return taken;
    }

    /** How often ways have changed, as {@link #checked} is to be told. */
    long changes() {
        return peers.changes();
    }

    /**
     * The way to a peer was checked.
     *
     * @param changes as of the tables that it was found in: what was found of another way than today's is of no use.
     */
    void checked(final IpAddress peer, final long changes, final PathCheck check, final int pathMtu) {
        final int number = peers.find(peer);
        if (PeerTable.NOBODY != number && peers.isAsOf(number, changes)) {
            peers.check(number, check, pathMtu);
        }
    }

    /** Looks at what came since the last time; about once a second. */
    void look(final long nowMs) {
        peers.sample(nowMs);
        peers.forgetChecks(
                nowMs,
                0 == checkIntervalMs ? 0 : INTERVALS_VALID * checkIntervalMs + CHECK_MS + present * CHECK_MS_PER_PEER);
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
