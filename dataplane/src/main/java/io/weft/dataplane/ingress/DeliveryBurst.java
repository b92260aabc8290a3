/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.encap.Superframe;

/**
 * How much the host has been given since others had a turn on this thread's core.
 *
 * <p>What comes in one batch from the underlay may be thousands of datagrams. Where a pod shares the core with the data thread, they all
 * are in its socket before it runs, and what does not fit there is lost, behind everything that weft counts. So the thread gives way
 * before that. Receivers of TCP and SCTP tell their sender how much they have room for, and need no such turn.
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

    private final Runnable giveWay;
    private int charge;

    /** @param giveWay lets others run on this core. */
    public DeliveryBurst(final Runnable giveWay) {
        this.giveWay = giveWay;
    }

    /** Whether others should have a turn before the host is given one more frame. */
    boolean isFullFor(final Superframe frame) {
        return charge > 0 && charge + charge(frame) > MAX_CHARGE;
    }

    /** The host is given a frame. */
    void add(final Superframe frame) {
        charge += charge(frame);
    }

    /** Gives others a turn. */
    void giveWay() {
        giveWay.run();
        onTurnOfOthers();
    }

    /** Others have a turn, since the thread has nothing to do. */
    void onTurnOfOthers() {
        charge = 0;
    }

    private static int charge(final Superframe frame) {
        return frame.isFlowControlled() ? 0 : frame.packets() * PACKET_CHARGE + frame.totalLength();
    }
}
