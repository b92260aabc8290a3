/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import org.agrona.BitUtil;
import org.agrona.UnsafeApi;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * What the frames of one worker lie in on their way to the underlay, the {@link EgressRing} first and the {@link HeldFrames} after it: one
 * buffer, so that whoever sends need not ask in which of them a frame is. Not written to when it is made, so that the system gives a page of
 * it when a frame comes to lie there. Made and closed by the control thread, while no other has it.
 */
public final class EgressMemory implements AutoCloseable {
    private final int ringLength;
    private final UnsafeBuffer buffer;
    private long allocation;

    /**
     * @param ringLength bytes of the ring, a power of two.
     * @param heldLength bytes of held frames, a power of two.
     */
    public EgressMemory(final int ringLength, final int heldLength) {
        this.ringLength = ringLength;
        final int length = Math.addExact(ringLength, heldLength);
        allocation = UnsafeApi.allocateMemory((long) length + BitUtil.CACHE_LINE_LENGTH);
        buffer = new UnsafeBuffer(BitUtil.align(allocation, BitUtil.CACHE_LINE_LENGTH), length);
    }

    UnsafeBuffer buffer() {
        return buffer;
    }

    int ringLength() {
        return ringLength;
    }

    int heldLength() {
        return buffer.capacity() - ringLength;
    }

    /** Gives the memory back, once. */
    @Override
    public void close() {
        if (0 != allocation) {
            UnsafeApi.freeMemory(allocation);
            allocation = 0;
        }
    }
}
