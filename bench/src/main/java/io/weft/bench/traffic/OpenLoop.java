/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

/**
 * The datagram of the open-loop probe, big-endian, padded with zeros to the length asked for.
 *
 * <pre>
 *  0               4               8                              16
 * +---------------+---------------+-------------------------------+
 * | run           | sequence      | intended send time, ns        |
 * +---------------+---------------+-------------------------------+
 * </pre>
 *
 * The time is when the schedule says that the packet leaves, not when it does, so a stall counts for every packet that
 * it held up: no coordinated omission. Both ends read CLOCK_MONOTONIC, which is one for the whole machine.
 */
final class OpenLoop {
    static final int PORT = 7002;
    /** Another, so that a pod can send and receive. */
    static final int SOURCE_PORT = 7004;

    static final int RUN_OFFSET = 0;
    static final int SEQUENCE_OFFSET = RUN_OFFSET + Integer.BYTES;
    static final int INTENDED_NS_OFFSET = SEQUENCE_OFFSET + Integer.BYTES;
    static final int MIN_LENGTH = INTENDED_NS_OFFSET + Long.BYTES;

    /**
     * Both buffers of both ends. The kernel's default of 208 KB holds under 300 packets, so a short stall of the receiver
     * would lose some; a great one would hide that a data plane is slower than the sender for as long as a trial takes.
     */
    static final int SOCKET_BUFFER_LENGTH = 512 * 1024;

    private OpenLoop() {}
}
