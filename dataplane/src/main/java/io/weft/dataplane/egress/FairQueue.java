/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.encap.FlowHash;
import io.weft.encap.IpPacket;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;

/**
 * Frames that wait until the underlay takes more, by flow: each in its order, flows in turn by deficit round robin, and one that has
 * not waited before them first (RFC 8290, section 4, without CoDel). Holds no memory of its own: frames lie in the {@link EgressRing}.
 *
 * <p>A flow may hold as much as is free, as the ports of a switch share its memory (Choudhury and Hahne, Dynamic Queue Length
 * Thresholds, 1998): a single one half of it, two a third each. So whoever sends more than the underlay carries is refused, and there
 * is room for all others.
 *
 * <p>Owned by the egress sender, but for {@link #refuses}, which the egress receiver asks too, so that what is too much takes no memory.
 */
public final class FairQueue {
    /** As many as fq_codel has, and more than any worker has sockets; a power of two. */
    static final int FLOWS = 1024;

    /** What a flow may send before the next one has its turn: a superframe is paid for in several turns. */
    private static final int QUANTUM = 0x2000;

    /** The part of a ring that may wait. While a frame has its turn after as many of others, there is room for as many more. */
    private static final int SHARE = 4;

    private static final int NONE = -1;

    /** After the flows: what all of them hold. */
    private static final int TOTAL = FLOWS;

    private final int limit;
    private final int frameCost;
    private final int socketMask;
    private final EgressFrame[] firstFrames = new EgressFrame[FLOWS];
    private final EgressFrame[] lastFrames = new EgressFrame[FLOWS];
    private final int[] deficits = new int[FLOWS];
    private final boolean[] isListed = new boolean[FLOWS];
    private final int[] nextFlows = new int[FLOWS];
    private final AtomicIntegerArray held = new AtomicIntegerArray(FLOWS + 1);
    private final FlowList[] fresh;
    private final FlowList[] served;
    private final int[] framesOfSocket;

    /**
     * @param ringLength bytes of the ring that frames lie in, and
     * @param ringFrames how many it has at most: a quarter of both may wait, for other frames pass those that do.
     * @param sockets that flows are spread over, a power of two.
     */
    public FairQueue(final int ringLength, final int ringFrames, final int sockets) {
        limit = ringLength / SHARE;
        frameCost = ringLength / ringFrames;
        socketMask = sockets - 1;
        fresh = new FlowList[sockets];
        served = new FlowList[sockets];
        Arrays.setAll(fresh, i -> new FlowList());
        Arrays.setAll(served, i -> new FlowList());
        framesOfSocket = new int[sockets];
    }

    /** Flows of one socket that have their turn one after the other. */
    private final class FlowList {
        private int first = NONE;
        private int last = NONE;

        void add(final int flow) {
            nextFlows[flow] = NONE;
            if (NONE == first) {
                first = flow;
            } else {
                nextFlows[last] = flow;
            }
            last = flow;
        }

        void removeFirst() {
            first = nextFlows[first];
        }
    }

    /** The flow that a packet belongs to. Any thread. */
    static int flow(final IpPacket packet) {
        return (FlowHash.spread(packet.flowHash()) >>> Short.SIZE) & (FLOWS - 1);
    }

    /** The socket that a flow is sent by. Any thread. */
    int socket(final int flow) {
        return flow & socketMask;
    }

    /** Egress receiver, and sender: whether a flow has its share of what may wait, so that no more of it is taken. */
    boolean refuses(final int flow) {
        final int total = held.getOpaque(TOTAL);
        return 0 != total && held.getOpaque(flow) >= limit - total;
    }

    /** Whether nothing waits at all. */
    boolean isEmpty() {
        return 0 == held.getPlain(TOTAL);
    }

    /** Whether anything waits for this socket. */
    boolean waitsFor(final int socket) {
        return 0 != framesOfSocket[socket];
    }

    /** A frame waits, behind those of its flow. */
    void add(final EgressFrame frame) {
        final int flow = frame.flow;
        frame.waits = true;
        frame.next = null;
        final EgressFrame last = lastFrames[flow];
        if (null == last) {
            firstFrames[flow] = frame;
        } else {
            last.next = frame;
        }
        lastFrames[flow] = frame;
        hold(flow, cost(frame));
        framesOfSocket[socket(flow)]++;
        if (!isListed[flow]) {
            isListed[flow] = true;
            deficits[flow] = QUANTUM;
            fresh[socket(flow)].add(flow);
        }
    }

    /** The frame of a socket that is to be sent next, or null. It waits until it is {@link #remove}d. */
    @Nullable
    EgressFrame peek(final int socket) {
        while (true) {
            final boolean isFresh = NONE != fresh[socket].first;
            final FlowList list = isFresh ? fresh[socket] : served[socket];
            final int flow = list.first;
            if (NONE == flow) {
                return null;
            }
            final EgressFrame frame = firstFrames[flow];
            if (null != frame && deficits[flow] > 0) {
                return frame;
            }
            list.removeFirst();
            if (null != frame) {
                deficits[flow] += QUANTUM;
                served[socket].add(flow);
            } else if (isFresh && NONE != served[socket].first) {
                // Else it would be first again as soon as it has a frame, before those that wait.
                served[socket].add(flow);
            } else {
                isListed[flow] = false;
            }
        }
    }

    /** A frame, the first of its flow, waits no more: it is sent now, or given up. */
    void remove(final EgressFrame frame) {
        final int flow = frame.flow;
        frame.waits = false;
        firstFrames[flow] = frame.next;
        if (null == frame.next) {
            lastFrames[flow] = null;
        }
        frame.next = null;
        deficits[flow] -= frame.packet.totalLength();
        hold(flow, -cost(frame));
        framesOfSocket[socket(flow)]--;
    }

    private int cost(final EgressFrame frame) {
        return Math.max(frameCost, frame.packet.totalLength());
    }

    private void hold(final int flow, final int bytes) {
        held.setOpaque(flow, held.getPlain(flow) + bytes);
        held.setOpaque(TOTAL, held.getPlain(TOTAL) + bytes);
    }
}
