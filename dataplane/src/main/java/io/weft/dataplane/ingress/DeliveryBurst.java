/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.encap.Superframe;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.NanoClock;

/**
 * How much the host has been given since others had a turn on this thread's core.
 *
 * <p>What comes in one batch from the underlay may be thousands of datagrams. Where a pod shares the core with the data thread, they all
 * are in its socket before it runs, and what does not fit there is lost, behind everything that weft counts. So the thread gives way
 * before that. Receivers of TCP and SCTP tell their sender how much they have room for, and need no such turn.
 *
 * <p>While the thread gives way, what waits at the underlay grows old, and not that receiver's alone. Where packets for others come too,
 * turns end when they have cost {@link #PATIENCE_NS} since there was last nothing to receive: who gets more than it takes loses it.
 *
 * <p>A thread of real time gives way to no ordinary one: then receivers have their turn while it rests ({@link io.weft.dataplane.agent.Urgency}).
 *
 * <p>Owned by the ingress sender.
 */
public final class DeliveryBurst {
    /** {@code SKB_TRUESIZE(0)} of 64-bit kernels: what a packet is charged beside its own bytes (include/linux/skbuff.h). */
    private static final int PACKET_CHARGE = 576;

    /** {@code SK_RMEM_MAX}, which net.core.rmem_default begins with: 256 packets of 256 bytes (include/net/sock.h). */
    private static final int SOCKET_BUFFER_LENGTH = 256 * (256 + PACKET_CHARGE);

    /** Not all of a buffer: something may lie in it yet, and others may send to it too. */
    private static final int MAX_CHARGE = SOCKET_BUFFER_LENGTH / 4;

    /** About what an ordinary thread waits for the slice of another: shorter, and a single turn would use it up. */
    static final long PATIENCE_NS = TimeUnit.MILLISECONDS.toNanos(1);

    /** Who gets a packet each so often is taken for present: a ping, or the answers of a slow connection. */
    static final long PRESENCE_NS = TimeUnit.SECONDS.toNanos(1);

    private static final long NOBODY = 0;

    private final Runnable giveWay;
    private final NanoClock clock;
    private int charge;

    /** Since there was last nothing to receive. */
    private long waitedNs;

    /** The destination that turns are given to. */
    private long receiver = NOBODY;

    private boolean hasOthers;

    /** Since the last turn. */
    private boolean hasNewOthers;

    private long othersUntilNs;

    /**
     * @param giveWay lets others run on this core.
     */
    public DeliveryBurst(final Runnable giveWay, final NanoClock clock) {
        this.giveWay = giveWay;
        this.clock = clock;
        othersUntilNs = clock.nanoTime();
    }

    /** Whether others should have a turn before the host is given one more frame. */
    boolean isFullFor(final Superframe frame) {
        return charge > 0 && charge + charge(frame) > MAX_CHARGE && !(waitedNs >= PATIENCE_NS && hasOthers);
    }

    /**
     * The host is given a frame.
     *
     * @param destination as {@link Superframe#destination} has it.
     */
    void add(final Superframe frame, final long destination) {
        final int more = charge(frame);
        if (destination != receiver) {
            hasNewOthers = NOBODY != receiver;
            hasOthers |= hasNewOthers;
            receiver = more > 0 ? destination : receiver;
        }
        charge = Math.min(charge + more, MAX_CHARGE + 1); // what is more does not count, and must not come round
    }

    /** Gives others a turn. */
    void giveWay() {
        final long startNs = clock.nanoTime();
        giveWay.run();
        final long endNs = clock.nanoTime();
        waitedNs += endNs - startNs;
        if (hasNewOthers) {
            othersUntilNs = endNs + PRESENCE_NS;
            hasNewOthers = false;
        }
        hasOthers = endNs - othersUntilNs < 0;
        charge = 0;
    }

    /** Others have a turn, since the thread has nothing to do. */
    void onIdle() {
        charge = 0;
        waitedNs = 0;
    }

    /** All that came has been given to the host. */
    void onNothingWaiting() {
        waitedNs = 0;
    }

    private static int charge(final Superframe frame) {
        return frame.isFlowControlled() ? 0 : frame.packets() * PACKET_CHARGE + frame.totalLength();
    }
}
