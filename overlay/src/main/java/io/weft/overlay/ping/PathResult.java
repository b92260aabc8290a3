/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import io.weft.dataplane.counters.PathState;
import io.weft.overlay.record.PeerPath;

/**
 * What was found of a way to a peer.
 *
 * @param underlayErrno why this node did not even send to the underlay address; 0 where it did.
 * @param overlayErrno the same of the overlay address.
 * @param hostWay where the host's own routes lead packets for the overlay address: an answer to what has gone another way than by the
 *     tunnel says nothing of the overlay.
 * @param underlayRttNs round trip to the peer's underlay address; {@link #NONE} if it does not answer.
 * @param overlayRttNs round trip to the peer's overlay address, likewise.
 * @param underlayMtu bytes of the longest IP packet that is carried unfragmented on the underlay, up to {@code underlayNeeded}; 0 if
 *     it does not answer, or not always.
 * @param underlayNeeded bytes of the longest that weft sends.
 * @param overlayMtu the same through the overlay, up to {@code overlayNeeded}.
 * @param overlayNeeded bytes of the longest that pods send.
 * @param isUnsteady whether the overlay answered a packet, and a little later did not answer another of the same length or a shorter one.
 * @param losses of packets that are alike, through the overlay.
 * @param isForwarded whether its host answers no ping through the overlay, and forwards to its pods what comes that way.
 * @param isForAnyMac whether the peer answers what is for all MACs, and not what is for that of its lease.
 */
public record PathResult(
        PeerPath path,
        int underlayErrno,
        int overlayErrno,
        HostWay hostWay,
        long underlayRttNs,
        long overlayRttNs,
        int underlayMtu,
        int underlayNeeded,
        int overlayMtu,
        int overlayNeeded,
        boolean isUnsteady,
        Losses losses,
        boolean isForwarded,
        boolean isForAnyMac) {
    /** There was no answer. */
    public static final long NONE = -1;

    /** With what is lost. Of a node that limits pings no search for a length tells anything, and slow questions as long as pods' packets were answered. */
    PathResult with(final Losses found) {
        return new PathResult(
                path,
                underlayErrno,
                overlayErrno,
                hostWay,
                underlayRttNs,
                overlayRttNs,
                found.isLimit() ? underlayNeeded : underlayMtu,
                underlayNeeded,
                found.isLimit() ? overlayNeeded : overlayMtu,
                overlayNeeded,
                isUnsteady,
                found,
                isForwarded,
                isForAnyMac);
    }

    /** A node whose firewall refuses ICMP on the underlay is well if the overlay is. */
    public PathState state() {
        if (HostWay.Kind.NOT_FOR_PODS == hostWay.kind()
                || (0 == underlayErrno && HostWay.Kind.ELSEWHERE == hostWay.kind())) {
            return PathState.ROUTE;
        }
        if (HostWay.Kind.ROUTELESS == hostWay.kind()) {
            return PathState.LOCAL;
        }
        if (NONE == overlayRttNs) {
            if (0 != underlayErrno || 0 != overlayErrno) {
                return PathState.LOCAL;
            }
            return isForAnyMac ? PathState.MAC : NONE == underlayRttNs ? PathState.FABRIC : PathState.OVERLAY;
        }
        if (losses.isOfPods() || (isUnsteady && !losses.isLimit() && !isUnderlayNarrow())) {
            return PathState.LOSS;
        }
        if (fabricMtu() < underlayNeeded) {
            return PathState.FABRIC_MTU;
        }
        return overlayMtu < overlayNeeded ? PathState.OVERLAY_MTU : PathState.OK;
    }

    /**
     * Bytes of the longest IP packet that the fabric carries. Where pings of the underlay do not tell, the overlay's own packets
     * do: a tunnel's device takes in longer ones than its MTU and answers them in fragments, so it is not what keeps them away.
     */
    public int fabricMtu() {
        return isSeenByTheOverlay() ? overlayMtu + underlayNeeded - overlayNeeded : underlayMtu;
    }

    /** Of that the fabric itself tells, however unsteady the overlay is on it. */
    private boolean isUnderlayNarrow() {
        return underlayMtu > 0 && underlayMtu < underlayNeeded;
    }

    /** Whether only the overlay's packets tell how long ones the fabric carries. */
    public boolean isSeenByTheOverlay() {
        return 0 == underlayMtu && overlayMtu > 0;
    }
}
