/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.encap.ChecksumState;
import io.weft.encap.FlowHash;
import io.weft.encap.IpPacket;
import org.jspecify.annotations.Nullable;

/**
 * Joins the packets of one batch into superframes of the ring, by flow. Within a flow, order is kept: a packet that does not
 * continue its flow's superframe begins the next one, and nothing is appended to the one before any more. Owned by the ingress
 * receiver.
 */
final class FlowJoiner {
    private static final int OPEN_FLOWS = 64;
    private static final int FLOW_SHIFT = Integer.SIZE - Integer.numberOfTrailingZeros(OPEN_FLOWS);

    private final IngressRing ring;

    /** The latest superframe of each flow; flows that fall together have one place. */
    private final @Nullable IngressFrame[] open = new IngressFrame[OPEN_FLOWS];

    FlowJoiner(final IngressRing ring) {
        this.ring = ring;
    }

    /**
     * Appends a packet to its flow's superframe, or begins a new one with it, for which the ring {@linkplain IngressRing#hasFrame() has}
     * a frame.
     *
     * @param unsegmentedGsoSize as {@link io.weft.encap.Superframe#begin} takes it.
     * @return the frame that the packet is in.
     */
    IngressFrame join(final IpPacket packet, final ChecksumState state, final int unsegmentedGsoSize) {
        if (!packet.isFlowKnown()) {
            // It may belong to any: in none may it be overtaken by what comes after.
            endBatch();
        }
        final int flow = FlowHash.spread(packet.flowHash()) >>> FLOW_SHIFT;
        final @Nullable IngressFrame latest = open[flow];
        if (null != latest && latest.superframe.append(ring.arena(), packet, state)) {
            return latest;
        }
        final IngressFrame frame = ring.claimFrame();
        frame.superframe.begin(ring.arena(), packet, state, unsegmentedGsoSize);
        open[flow] = frame;
        return frame;
    }

    /** Nothing is appended any more to what was joined so far. */
    void endBatch() {
        // Not by Arrays.fill: the JDK's other uses of it had this one compiled anew in the first stream.
        for (int flow = 0; flow < OPEN_FLOWS; flow++) {
            open[flow] = null;
        }
    }
}
