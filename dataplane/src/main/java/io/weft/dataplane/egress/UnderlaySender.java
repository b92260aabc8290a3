/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.dataplane.capture.Step;
import io.weft.encap.SuperframeCutter;

/**
 * A way out to the underlay for the flows of one outer source port. Takes packets, and superframes either as the segments that
 * were cut of them or, where it can, unsegmented; order is that of the calls. Counts all that it takes. Owned by the egress
 * sender. Each caller has one implementation before it: the compiler sees no interface.
 */
interface UnderlaySender {
    /**
     * Sees to it that a frame can be added, or sent unsegmented, at once.
     *
     * @param datagrams that it makes.
     * @return false if what was added before cannot be sent for now, so that this frame has to wait.
     */
    boolean prepare(EgressFrame frame, int datagrams);

    /** Whether {@link #sendUnsegmented} may be tried with a superframe. */
    boolean takesUnsegmented(EgressFrame frame);

    /**
     * Sends a superframe unsegmented, after all that was added before.
     *
     * @return false if it was not taken; the frame is as it was, to be cut.
     */
    boolean sendUnsegmented(EgressFrame frame);

    /**
     * Adds a packet, after {@link #prepare}, that lies in the arena as it goes out, tunnel header in front.
     *
     * @param length of both in bytes.
     */
    void add(EgressFrame frame, int length);

    /** Adds one segment of a superframe, after {@link #prepare}: headers from the cutter, payload from the arena. */
    void addSegment(EgressFrame frame, SuperframeCutter cutter, int segment);

    /** Which way the frame goes that was added last. */
    Step step();

    /**
     * Sends all that was added. Afterwards the memory that was named is free, whatever became of the datagrams, unless this sender
     * {@link #isStalled}: then it is when a later {@link #batch} has begun.
     */
    void flush();

    /** Whether the underlay takes no more for now, and what was added before is kept until {@link #tryAgain}. */
    boolean isStalled();

    /**
     * The same as {@link #flush}, also where the sender is stalled; what has been kept for too long is given up.
     *
     * @param nowNs by the clock of the sender.
     */
    void tryAgain(long nowNs);

    /**
     * Memory of what is kept has been copied: from now on it is the copy that is sent.
     *
     * @param from offset of the memory in the arena.
     * @param length of it in bytes.
     * @param to offset of the copy.
     */
    void onMoved(int from, int length, int to);

    /** Gives up what is kept. */
    void abandon();

    /** The number of the batch that is being filled: all batches before it are dealt with. */
    long batch();

    /** The descriptor that becomes writable when a stalled sender may try again. */
    int fd();
}
