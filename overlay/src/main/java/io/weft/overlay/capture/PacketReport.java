/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.capture;

import io.weft.dataplane.capture.CapturedPacket;
import java.nio.ByteBuffer;

/** What is made of captured packets for who asked for them. Used by one thread. */
interface PacketReport {
    /** Takes a packet in, which is another one afterwards. */
    void add(CapturedPacket packet);

    /** Whether there is as much as was asked for. */
    boolean isEnough();

    /** No packet has come for a while, or none will come any more. */
    void settle();

    /**
     * Ends it.
     *
     * @param lost packets that found no room.
     * @return what is to be said in the end.
     */
    String end(long lost);

    /** Bytes that were made since {@link #take}. */
    int length();

    /** What was made since the last call, ready to be read until something is added again. */
    ByteBuffer take();
}
