/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.linux.MemoryAdvice;
import org.agrona.BitUtil;
import org.agrona.UnsafeApi;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * What the frames of one worker lie in on their way to the underlay, the {@link EgressRing} first and the {@link HeldFrames} after it: one
 * buffer, so that whoever sends need not ask in which of them a frame is. Not written to when it is made, so that the system gives a page of
 * it when a frame comes to lie there, and both parts begin with a page. Made and closed by the control thread, while no other has it.
 */
public final class EgressMemory implements AutoCloseable {
    private static final int PAGE_LENGTH = UnsafeApi.pageSize();

    private final int ringLength;
    private final UnsafeBuffer buffer;
    private long allocation;

    /**
     * @param ringLength bytes of the ring, a power of two, pages of it.
     * @param heldLength bytes of held frames, likewise.
     */
    public EgressMemory(final int ringLength, final int heldLength) {
        this.ringLength = ringLength;
        final int length = Math.addExact(ringLength, heldLength);
        allocation = UnsafeApi.allocateMemory((long) length + PAGE_LENGTH);
        buffer = new UnsafeBuffer(BitUtil.align(allocation, PAGE_LENGTH), length);
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

    /**
     * Gives pages of held frames back to the host, which may refuse: whoever has a frame in them has lost it.
     *
     * @param from offset among the held frames; the page that it lies in is the first.
     * @param to where the last of the pages may end.
     */
    void giveBackPages(final int from, final int to) {
        final int first = from & -PAGE_LENGTH;
        final int end = BitUtil.align(to, PAGE_LENGTH);
        MemoryAdvice.dontNeed(buffer.addressOffset() + ringLength + first, end - first);
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
