/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.encap.SuperframeCutter;

/**
 * A way out to the underlay for the flows of one outer source port. Takes packets, and superframes either as the segments that
 * were cut of them or, where it can, unsegmented; order is that of the calls. Counts all that it takes. Owned by the egress
 * sender. Each caller has one implementation before it: the compiler sees no interface.
 */
interface UnderlaySender {
    /** Whether {@link #sendUnsegmented} may be tried with a superframe. */
    boolean takesUnsegmented(EgressFrame frame);

    /**
     * Sends a superframe unsegmented, after all that was added before.
     *
     * @return false if it was not taken; the frame is as it was, to be cut.
     */
    boolean sendUnsegmented(EgressFrame frame);

    /**
     * Adds a packet that lies in the arena as it goes out, tunnel header in front.
     *
     * @param length of both in bytes.
     */
    void add(EgressFrame frame, int length);

    /** Adds one segment of a superframe: headers from the cutter, payload from the arena. */
    void addSegment(EgressFrame frame, SuperframeCutter cutter, int segment);

    /** Sends all that waits. Afterwards the memory that was named is free, whatever became of the datagrams. */
    void flush();
}
