/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.encap.FlowHash;
import io.weft.encap.IpPacket;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Frames that wait until the underlay takes more, by flow: each in its order, flows in turn by deficit round robin, and one that has
 * not waited before them first (RFC 8290, section 4); whether one waited too long is for {@link CoDel} to say. They lie in
 * {@link HeldFrames}, and are named as there.
 *
 * <p>A flow may hold {@value #MOST_OF_FREE} times what is free, as the ports of a switch share its memory (Choudhury and Hahne, Dynamic Queue
 * Length Thresholds, 1998): a single one eight ninths of it, so that a burst is not lost, two eight seventeenths each. So whoever sends
 * more than the underlay carries is refused in the end, and there is room for all others.
 *
 * <p>Owned by the egress sender, but for {@link #refuses}, which the egress receiver asks too, so that what is too much is not copied.
 */
public final class FairQueue {
    /** As many as fq_codel has, and more than any worker has sockets; a power of two. */
    static final int FLOWS = 1024;

    /** What a flow may send before the next one has its turn: a superframe is paid for in several turns. */
    private static final int QUANTUM = 0x2000;

    private static final int MOST_OF_FREE = 8;

    private static final int NONE = HeldFrames.NONE;

    /** After the flows: what all of them hold. */
    private static final int TOTAL = FLOWS;

    private final HeldFrames frames;
    private final int limit;
    private final int socketMask;
    private final int[] firstFrames = new int[FLOWS];
    private final int[] lastFrames = new int[FLOWS];
    private final int[] deficits = new int[FLOWS];
    private final boolean[] isListed = new boolean[FLOWS];
    private final int[] nextFlows = new int[FLOWS];
    private final AtomicIntegerArray held = new AtomicIntegerArray(FLOWS + 1);
    private final FlowList[] fresh;
    private final FlowList[] served;
    private final int[] framesOfSocket;

    /**
     * @param memory whose second part frames wait in.
     * @param sockets that flows are spread over, a power of two.
     */
    public FairQueue(final EgressMemory memory, final int sockets) {
        frames = new HeldFrames(memory.buffer(), memory.ringLength(), memory.heldLength());
        limit = frames.limit();
        socketMask = sockets - 1;
        Arrays.fill(firstFrames, NONE);
        Arrays.fill(lastFrames, NONE);
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
        return 0 != total && held.getOpaque(flow) >= (long) MOST_OF_FREE * (limit - total);
    }

    /** Whether nothing waits at all. */
    boolean isEmpty() {
        return 0 == held.getPlain(TOTAL);
    }

    /** Whether anything waits for this socket. */
    boolean waitsFor(final int socket) {
        return 0 != framesOfSocket[socket];
    }

    /** The memory that frames wait in. */
    HeldFrames frames() {
        return frames;
    }

    /**
     * A copy of a frame waits, behind those of its flow.
     *
     * @param nowNs since when it waits.
     * @return false if there is no room.
     */
    boolean add(final EgressFrame frame, final long nowNs) {
        final int added = frames.put(frame, nowNs);
        if (NONE == added) {
            return false;
        }
        final int flow = frame.flow;
        if (NONE == lastFrames[flow]) {
            firstFrames[flow] = added;
        } else {
            frames.next(lastFrames[flow], added);
        }
        lastFrames[flow] = added;
        hold(flow, frames.memoryLength(added));
        framesOfSocket[socket(flow)]++;
        if (!isListed[flow]) {
            isListed[flow] = true;
            deficits[flow] = QUANTUM;
            fresh[socket(flow)].add(flow);
        }
        return true;
    }

    /** The frame of a socket that is to be sent next, or {@link HeldFrames#NONE}. It waits until it is {@link #remove}d. */
    int peek(final int socket) {
        while (true) {
            final boolean isFresh = NONE != fresh[socket].first;
            final FlowList list = isFresh ? fresh[socket] : served[socket];
            final int flow = list.first;
            if (NONE == flow) {
                return NONE;
            }
            final int frame = firstFrames[flow];
            if (NONE != frame && deficits[flow] > 0) {
                return frame;
            }
            list.removeFirst();
            if (NONE != frame) {
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
    void remove(final int frame) {
        final int flow = frames.flow(frame);
        final int next = frames.next(frame);
        firstFrames[flow] = next;
        if (NONE == next) {
            lastFrames[flow] = NONE;
        }
        deficits[flow] -= frames.ipLength(frame);
        hold(flow, -frames.memoryLength(frame));
        framesOfSocket[socket(flow)]--;
        frames.forget(frame);
    }

    /** Whether none of a flow's frames waits. */
    boolean isEmpty(final int flow) {
        return NONE == firstFrames[flow];
    }

    private void hold(final int flow, final int bytes) {
        held.setOpaque(flow, held.getPlain(flow) + bytes);
        held.setOpaque(TOTAL, held.getPlain(TOTAL) + bytes);
    }
}
