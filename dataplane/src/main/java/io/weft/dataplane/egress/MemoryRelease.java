/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.dataplane.agent.Doorbell;
import io.weft.dataplane.counters.DropReason;
import org.jspecify.annotations.Nullable;

/**
 * Gives back the memory of frames that are dealt with, of the {@link EgressRing} and of the {@link HeldFrames}, each in its order. What a
 * stalled sender keeps is moved out of the ring before that is full, and what came early and still waits does not hold what came and went
 * behind it. Owned by the egress sender.
 */
final class MemoryRelease {
    /** Bytes that are moved in one turn, which has other work. */
    private static final int MOVED_MOST = 0x100000;

    /** Frames that are given up in one, likewise. */
    private static final int GIVEN_UP_MOST = 512;

    private final EgressRing ring;
    private final FairQueue waiting;
    private final HeldFrames held;
    private final UnderlaySender[] senders;
    private final EgressOutcomes outcomes;
    private final Doorbell receiverDoorbell;

    /** The one that is given up now. */
    private final EgressFrame given = new EgressFrame(0);

    /** The first and the last frame that were polled and are not released; both null if there is none. */
    private @Nullable EgressFrame oldest;

    private @Nullable EgressFrame newest;

    /**
     * @param senders by socket.
     * @param receiverDoorbell of the thread that the egress receiver runs on.
     */
    MemoryRelease(
            final EgressRing ring,
            final FairQueue waiting,
            final UnderlaySender[] senders,
            final EgressOutcomes outcomes,
            final Doorbell receiverDoorbell) {
        this.ring = ring;
        this.waiting = waiting;
        held = waiting.frames();
        this.senders = senders;
        this.outcomes = outcomes;
        this.receiverDoorbell = receiverDoorbell;
    }

    /** A frame came from the ring, behind all before, and was sent, dropped or put into a batch, or a copy of it waits. */
    void onPolled(final EgressFrame frame) {
        if (null == oldest) {
            oldest = frame;
        }
        newest = frame;
    }

    /**
     * Gives back what can be.
     *
     * @param isPressed whether a sender is stalled or a frame waits.
     * @param nowNs when the last turn began that found something waiting.
     */
    void release(final boolean isPressed, final long nowNs) {
        releaseRing(isPressed, nowNs);
        releaseHeld(nowNs);
    }

    /** Up to the first frame that is not dealt with; where the ring is short that one is moved out. */
    private void releaseRing(final boolean isPressed, final long nowNs) {
        EgressFrame frame = oldest;
        @Nullable EgressFrame last = null;
        if (!isPressed) {
            last = newest;
            frame = null;
        }
        while (null != frame && null != newest) {
            if (frame.batch >= sender(frame.flow).batch()) {
                if (!ring.isShort(frame, newest)) {
                    break;
                }
                moveOut(frame, nowNs);
            }
            last = frame;
            frame = frame == newest ? null : ring.following(frame);
        }
        oldest = frame;
        if (null == frame) {
            newest = null;
        }
        if (null != last) {
            ring.release(last);
            receiverDoorbell.ring();
        }
    }

    /** A stalled sender keeps this frame: out of the ring, if there is room. */
    private void moveOut(final EgressFrame frame, final long nowNs) {
        final UnderlaySender sender = sender(frame.flow);
        final int copy = held.put(frame, nowNs);
        if (HeldFrames.NONE == copy) {
            sender.abandon();
            return;
        }
        held.batch(copy, frame.batch);
        sender.onMoved(
                frame.ipOffset - EgressFrame.HEADROOM,
                EgressFrame.HEADROOM + frame.packet.totalLength(),
                HeldFrames.headroomOffset(copy));
    }

    /**
     * Up to the first frame that is not dealt with; one that has waited for too long is given up, and where memory is short one that only
     * came early is put behind the others.
     */
    private void releaseHeld(final long nowNs) {
        int moved = 0;
        int givenUp = 0;
        while (!held.isEmpty() && givenUp < GIVEN_UP_MOST) {
            final int frame = held.oldest();
            if (!isDone(frame)) {
                if (nowNs - held.sinceNs(frame) > FairQueue.MAX_WAIT_NS) {
                    givenUp++;
                    giveUp(frame);
                } else if (held.isShort() && moved < MOVED_MOST) {
                    moved += held.memoryLength(frame);
                    moveBack(frame);
                } else {
                    break;
                }
            }
            held.releaseOldest();
        }
    }

    private boolean isDone(final int frame) {
        final long batch = held.batch(frame);
        return EgressFrame.NO_BATCH == batch || batch < sender(held.flow(frame)).batch();
    }

    private void moveBack(final int frame) {
        if (held.waits(frame)) {
            if (!waiting.moveBack(frame)) {
                giveUp(frame);
            }
            return;
        }
        final int copy = held.putAgain(frame);
        if (HeldFrames.NONE == copy) {
            giveUp(frame);
        } else {
            sender(held.flow(frame)).onMoved(frame, held.memoryLength(frame), copy);
        }
    }

    private void giveUp(final int frame) {
        if (held.waits(frame)) {
            held.load(frame, given);
            waiting.remove(frame);
            outcomes.drop(given, DropReason.UNDERLAY_BUSY, given.segments());
        } else {
            sender(held.flow(frame)).abandon();
        }
    }

    private UnderlaySender sender(final int flow) {
        return senders[waiting.socket(flow)];
    }

    /** Gives up all that waits and all that a sender keeps. */
    void abandon() {
        for (final UnderlaySender sender : senders) {
            if (sender.isStalled()) {
                sender.abandon();
            }
        }
        while (!held.isEmpty()) {
            final int frame = held.oldest();
            if (held.waits(frame)) {
                giveUp(frame);
            }
            held.releaseOldest();
        }
    }
}
