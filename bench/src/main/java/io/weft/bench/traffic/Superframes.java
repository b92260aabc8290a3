/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Datagrams that a sender hands to the kernel in one piece, to be cut by whoever has to (UDP_SEGMENT), and that a receiver takes in
 * one piece if they come so (UDP_GRO): as a media server or QUIC sends.
 */
final class Superframes {
    static final int PORT = 7003;

    /** Fits the overlay's MTU in every lab. */
    static final int SEGMENT_LENGTH = 1300;

    /** As many as an IP packet of 64 KB holds, with the tunnel's headers. */
    static final int SEGMENTS = 48;

    static final int LENGTH = SEGMENTS * SEGMENT_LENGTH;

    static final int SOCKET_BUFFER_LENGTH = 8 << 20;

    /** A wait for a socket ends so often to look whether it is over. */
    static final int POLL_MS = 100;

    private Superframes() {}

    static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, Long.BYTES));
    }
}
