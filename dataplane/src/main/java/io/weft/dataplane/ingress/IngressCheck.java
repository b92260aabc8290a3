/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import static java.nio.ByteOrder.nativeOrder;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.PeerTable;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.underlay.UnansweredPeers;
import io.weft.encap.IpPacket;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.Ipv6Flyweight;
import java.util.concurrent.atomic.AtomicReference;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/** Holds what comes against the {@link IngressPolicy}. Owned by the ingress receiver. */
public final class IngressCheck {
    /** Source and destination lie one behind the other in both headers. */
    private static final int IPV6_ADDRESSES_LENGTH = 2 * Ipv6Flyweight.ADDRESS_LENGTH;

    private static final int IPV4_ADDRESSES_LENGTH = 2 * Integer.BYTES;

    private final AtomicReference<IngressPolicy> published;
    private final UnansweredPeers unanswered;
    private final WorkerCounters counters;
    private IngressPolicy policy = IngressPolicy.ANYTHING;
    /** Of the message before, which most often is by the same peer as the next. */
    private long sourceHigh;

    private long sourceLow;
    private boolean isIpv4;
    private Claim sender = IngressPolicy.MARTIAN; // as :: is, which the fields above say
    private int peer = PeerTable.NOBODY;

    /** Of the last packet of this sender that passed, version and addresses as they lie in its header: the next is most often alike. */
    private int passedVersion;

    private final long[] passed = new long[IPV6_ADDRESSES_LENGTH / Long.BYTES];

    /**
     * @param published by the control thread.
     * @param unanswered is told whom something came from.
     */
    public IngressCheck(
            final AtomicReference<IngressPolicy> published,
            final UnansweredPeers unanswered,
            final WorkerCounters counters) {
        this.published = published;
        this.unanswered = unanswered;
        this.counters = counters;
    }

    /** From here on the policy holds that is published now. */
    void beginBatch() {
        final IngressPolicy current = published.getAcquire();
        if (policy != current) {
            policy = current;
            findSender();
        }
    }

    private void findSender() {
        sender = policy.sender(isIpv4, sourceHigh, sourceLow);
        peer = policy.peer(isIpv4, sourceHigh, sourceLow);
        passedVersion = 0;
    }

    /** Why nothing of a message may pass, by who sent it, and it is counted then; null if it may. */
    @Nullable
    DropReason refusalOfSender(final ReceivedMessage message) {
        if (sourceHigh != message.sourceHigh || sourceLow != message.sourceLow || isIpv4 != message.isIpv4) {
            sourceHigh = message.sourceHigh;
            sourceLow = message.sourceLow;
            isIpv4 = message.isIpv4;
            findSender();
        }
        final @Nullable DropReason reason = policy.refusal(sender);
        if (null == reason) {
            unanswered.hear(peer);
            return null;
        }
        final int datagrams = message.segmentLength > 0
                ? Math.max(1, (message.length + message.segmentLength - 1) / message.segmentLength)
                : 1;
        counters.add(DataPlaneCounter.INGRESS_RECEIVED_PACKETS, datagrams);
        counters.drop(reason, datagrams);
        return reason;
    }

    /** The row of the {@link PeerTable} that the sender of the last message has. */
    int peer() {
        return peer;
    }

    /** Why a packet may not pass, out of a message that may, by its addresses; null if it may. The drop is not counted yet. */
    @Nullable
    DropReason refusal(final UnsafeBuffer arena, final IpPacket packet) {
        if (!policy.isRestricting() || isAsBefore(arena, packet)) {
            return null;
        }
        final @Nullable DropReason reason = policy.refusal(sender, arena, packet);
        if (null == reason) {
            keepPassed(arena, packet);
        }
        return reason;
    }

    /** Whether a packet is between the same addresses as the one that passed last. */
    private boolean isAsBefore(final UnsafeBuffer arena, final IpPacket packet) {
        if (packet.version() != passedVersion) {
            return false;
        }
        final int addresses = packet.offset() + addressesOffset(passedVersion);
        final int length = addressesLength(passedVersion);
        for (int i = 0; i < length; i += Long.BYTES) {
            if (passed[i / Long.BYTES] != arena.getLong(addresses + i, nativeOrder())) {
                return false;
            }
        }
        return true;
    }

    private void keepPassed(final UnsafeBuffer arena, final IpPacket packet) {
        passedVersion = packet.version();
        final int addresses = packet.offset() + addressesOffset(passedVersion);
        final int length = addressesLength(passedVersion);
        for (int i = 0; i < length; i += Long.BYTES) {
            passed[i / Long.BYTES] = arena.getLong(addresses + i, nativeOrder());
        }
    }

    private static int addressesOffset(final int version) {
        return 4 == version ? Ipv4Flyweight.SOURCE_OFFSET : Ipv6Flyweight.SOURCE_OFFSET;
    }

    private static int addressesLength(final int version) {
        return 4 == version ? IPV4_ADDRESSES_LENGTH : IPV6_ADDRESSES_LENGTH;
    }
}
