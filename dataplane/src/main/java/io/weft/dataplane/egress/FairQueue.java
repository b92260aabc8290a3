/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.encap.FlowHash;
import io.weft.encap.IpPacket;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Frames that wait until the underlay takes more, by flow, as in fq_codel (RFC 8290): each flow in its order, flows in turn by deficit round
 * robin, and before them one that has not waited yet; of a flow that waits for long some are dropped ({@link CoDel}). They lie in
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

    static final int MOST_OF_FREE = 8;

    /**
     * A frame that waited for longer is given up: as long as the kernel asks for a neighbour's MAC address and keeps what is sent to it
     * ({@code mcast_solicit} times {@code retrans_time_ms}, Documentation/networking/ip-sysctl.rst). Whoever sent it has sent it again.
     */
    static final long MAX_WAIT_NS = 3_000_000_000L;

    /** A superframe: a flow that has no more than one waiting does not wait for long, whatever CoDel says. */
    private static final int SHORT_LENGTH = 0x10000;

    /** With more than this in all, many flows have no more each, and they do. */
    private static final int SHORT_TOTAL = 4 * SHORT_LENGTH;

    private static final int NONE = HeldFrames.NONE;

    /** After the flows: what all of them hold. */
    private static final int TOTAL = FLOWS;

    private final HeldFrames frames;
    private final CoDel coDel = new CoDel(FLOWS);
    private final int limit;
    private final int socketMask;
    private final int[] firstFrames = new int[FLOWS];
    private final int[] lastFrames = new int[FLOWS];
    private final int[] deficits = new int[FLOWS];
    private final boolean[] isListed = new boolean[FLOWS];
    private final int[] nextFlows = new int[FLOWS];
    private final AtomicIntegerArray heldBytes = new AtomicIntegerArray(FLOWS + 1);
    private final FlowList[] fresh;
    private final FlowList[] served;
    private final int[] framesOfSocket;
    private final int[] flowsOfSocket;

    /**
     * @param memory whose second part frames wait in.
     * @param sockets that flows are spread over, a power of two.
     */
    public FairQueue(final EgressMemory memory, final int sockets) {
        frames = new HeldFrames(memory);
        limit = frames.limit();
        socketMask = sockets - 1;
        Arrays.fill(firstFrames, NONE);
        Arrays.fill(lastFrames, NONE);
        fresh = new FlowList[sockets];
        served = new FlowList[sockets];
        Arrays.setAll(fresh, i -> new FlowList());
        Arrays.setAll(served, i -> new FlowList());
        framesOfSocket = new int[sockets];
        flowsOfSocket = new int[sockets];
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

        void clear() {
            for (int flow = first; NONE != flow; flow = nextFlows[flow]) {
                isListed[flow] = false;
            }
            first = NONE;
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
        final int total = heldBytes.getOpaque(TOTAL);
        return 0 != total && heldBytes.getOpaque(flow) >= (long) MOST_OF_FREE * (limit - total);
    }

    /** Whether nothing waits at all. */
    boolean isEmpty() {
        return 0 == heldBytes.getPlain(TOTAL);
    }

    /** What all frames that wait take, in bytes. */
    int heldBytes() {
        return heldBytes.getPlain(TOTAL);
    }

    /** Whether anything waits for this socket. */
    boolean waitsFor(final int socket) {
        return 0 != framesOfSocket[socket];
    }

    /** How many flows wait for this socket. */
    int flows(final int socket) {
        return flowsOfSocket[socket];
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
            flowsOfSocket[socket(flow)]++;
        } else {
            frames.next(lastFrames[flow], added);
            frames.previous(added, lastFrames[flow]);
        }
        lastFrames[flow] = added;
        charge(flow, frames.memoryLength(added));
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
        return peek(socket, false);
    }

    /** The same, if it is of a flow that has not waited yet. */
    int peekFresh(final int socket) {
        return peek(socket, true);
    }

    private int peek(final int socket, final boolean isFreshWanted) {
        while (true) {
            final boolean isFresh = NONE != fresh[socket].first;
            if (isFreshWanted && !isFresh) {
                return NONE;
            }
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

    /** A frame waits no more: it is sent now, or given up. Its own memory is not wanted from now on, unless it is put into a batch. */
    void remove(final int frame) {
        final int flow = frames.flow(frame);
        join(flow, frames.previous(frame), frames.next(frame));
        charge(flow, -frames.memoryLength(frame));
        frames.forget(frame);
        if (isShort(flow)) {
            coDel.onShort(flow);
        }
        final int socket = socket(flow);
        flowsOfSocket[socket] -= NONE == firstFrames[flow] ? 1 : 0;
        framesOfSocket[socket]--;
        if (0 == framesOfSocket[socket]) {
            fresh[socket].clear(); // no flow has had a turn before another that comes now
            served[socket].clear();
        }
    }

    private boolean isShort(final int flow) {
        return NONE == firstFrames[flow]
                || (heldBytes.getPlain(flow) <= SHORT_LENGTH && heldBytes.getPlain(TOTAL) <= SHORT_TOTAL);
    }

    /** Makes two frames of a flow, either of which may be {@link HeldFrames#NONE}, follow one another. */
    private void join(final int flow, final int frame, final int next) {
        if (NONE == frame) {
            firstFrames[flow] = next;
        } else {
            frames.next(frame, next);
        }
        if (NONE == next) {
            lastFrames[flow] = frame;
        } else {
            frames.previous(next, frame);
        }
    }

    /** Copies a frame that waits behind all others in memory; in its flow it stays where it is. Returns whether there was room. */
    boolean moveBack(final int frame) {
        final int copy = frames.putAgain(frame);
        if (NONE == copy) {
            return false;
        }
        final int flow = frames.flow(frame);
        join(flow, frames.previous(frame), copy);
        join(flow, copy, frames.next(frame));
        frames.forget(frame);
        return true;
    }

    /** Whether a frame that was just removed is to be dropped, for its flow waits for long. */
    boolean shouldDrop(final int frame, final long nowNs) {
        final int flow = frames.flow(frame);
        return !isShort(flow) && coDel.shouldDrop(flow, frames.sinceNs(frame), nowNs);
    }

    /** A flow was sent so many bytes, which are its turn's. */
    void onSent(final int flow, final int bytes) {
        deficits[flow] -= bytes;
    }

    private void charge(final int flow, final int bytes) {
        heldBytes.setOpaque(flow, heldBytes.getPlain(flow) + bytes);
        heldBytes.setOpaque(TOTAL, heldBytes.getPlain(TOTAL) + bytes);
    }
}
