/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.tunnel;

import io.weft.encap.IcmpFlyweight;
import io.weft.encap.IpPacket;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The least MTU on the ways from the host's device to its pods, as far as routers on them told of late. Their messages that a
 * packet is too long go back to its sender, and so pass here on their way out.
 *
 * <p>A superframe of TCP that came unsegmented does not say how it is to be cut. Cut into longer segments than its sender meant
 * it may not fit where theirs do, and is dropped, again and again; into shorter ones it reaches a pod all the same. So one number
 * does for all pods.
 *
 * <p>A pod can forge such a message, and so make the segments of all pods of its node as short as {@link #LEAST_IPV4}, which is
 * slow and harms nothing else. It is forgotten when it was not told again for ten minutes; where it was true, the next packet
 * that is too long brings the message back.
 *
 * <p>One for all workers. Egress receivers tell, ingress receivers ask.
 */
public final class PodPathMtu {
    /** RFC 791, section 3.1: what every host must take. Whoever says less is not believed. */
    static final int LEAST_IPV4 = 576;

    /** RFC 8200, section 5. */
    static final int LEAST_IPV6 = 1280;

    static final int NOTHING_TOLD = 0xFFFF;

    /** RFC 1191, section 6.3. */
    static final long VALID_NS = TimeUnit.MINUTES.toNanos(10);

    private final NanoClock clock;
    private final AtomicInteger bytes = new AtomicInteger(NOTHING_TOLD);
    private volatile long untilNs;

    /** @param clock that tells how old a message is. */
    public PodPathMtu(final NanoClock clock) {
        this.clock = clock;
    }

    /** The MTU in bytes; more than any packet has while nothing was told. Any thread. */
    public int bytes() {
        final int told = bytes.getOpaque();
        if (NOTHING_TOLD != told && clock.nanoTime() - untilNs > 0) {
            bytes.compareAndSet(told, NOTHING_TOLD);
            return NOTHING_TOLD;
        }
        return told;
    }

    /** A packet that leaves may tell of an MTU. Any thread. */
    public void onLeaving(final UnsafeBuffer arena, final IpPacket packet) {
        final int told = IcmpFlyweight.pathMtu(arena, packet);
        if (0 == told) {
            return;
        }
        final int believed = Math.max(4 == packet.version() ? LEAST_IPV4 : LEAST_IPV6, told);
        if (believed <= bytes()) {
            untilNs = clock.nanoTime() + VALID_NS;
            bytes.accumulateAndGet(believed, Math::min);
        }
    }
}
