/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.linux.DatagramPort;
import org.agrona.BitUtil;
import org.agrona.concurrent.NanoClock;

/**
 * How much of what a socket has sent may wait in the host's queues: what leaves them in {@link #HELD_NS}, by what left them of late.
 * What waits there waits for all alike; what waits here, in the {@link FairQueue}, waits for its own flow only. Looked at while the
 * socket refuses more. Owned by one sender.
 */
final class SendBuffer {
    /** So long a data thread may be late, on a busy machine, before the device runs dry. */
    private static final long HELD_NS = 4_000_000;

    /** What a pod's own socket may have in there (net.core.wmem_default). */
    private static final int LENGTH_INITIAL = 212_992;

    /** With less a socket takes one message at a time, whatever its length. */
    private static final int LENGTH_MIN = 0x4000;

    private static final int LENGTH_MAX = 0x400000;

    /** Long enough for a rate. */
    private static final long WINDOW_NS = 2 * HELD_NS;

    /** A socket that did not refuse for so long was idle meanwhile, and how much it took tells nothing. */
    private static final long FORGET_NS = 250_000_000;

    /** What the kernel counts for a message besides its bytes, about ({@code SKB_TRUESIZE}, include/linux/skbuff.h). */
    private static final int MESSAGE_OVERHEAD = 0x300;

    private final DatagramPort port;
    private final NanoClock clock;
    private int length = LENGTH_INITIAL;
    private long sent;
    private long windowBeginNs;
    private long refusedAtNs;

    SendBuffer(final DatagramPort port, final NanoClock clock) {
        this.port = port;
        this.clock = clock;
        refusedAtNs = clock.nanoTime() - FORGET_NS;
        port.sendBufferLength(length);
    }

    /** The socket took so many messages. */
    void onSent(final int messages, final int bytes) {
        sent += bytes + (long) messages * MESSAGE_OVERHEAD;
    }

    /** The socket takes no more for now. Returns when that was. */
    long onRefusal() {
        final long nowNs = clock.nanoTime();
        final long elapsedNs = nowNs - windowBeginNs;
        if (nowNs - refusedAtNs >= FORGET_NS) {
            begin(nowNs);
        } else if (elapsedNs >= WINDOW_NS && 0 == sent) {
            begin(nowNs); // what waits may be for a neighbour that does not answer, which tells nothing of the device
        } else if (elapsedNs >= WINDOW_NS) {
            adapt((int) Math.min(LENGTH_MAX, Math.max(LENGTH_MIN, sent * HELD_NS / elapsedNs)));
            begin(nowNs);
        }
        refusedAtNs = nowNs;
        return nowNs;
    }

    private void begin(final long nowNs) {
        windowBeginNs = nowNs;
        sent = 0;
    }

    /** By powers of two, so that it comes to rest. */
    private void adapt(final int wanted) {
        final int rounded = BitUtil.findNextPositivePowerOfTwo(wanted);
        if (rounded != length) {
            length = rounded;
            port.sendBufferLength(length);
        }
    }
}
