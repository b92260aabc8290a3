/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.tunnel;

import io.weft.encap.IcmpFlyweight;
import io.weft.encap.IpPacket;
import java.util.concurrent.atomic.AtomicInteger;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The least MTU on the ways from the host's device to its pods, as far as routers on them told. Their messages that a packet is
 * too long go back to its sender, and so pass here on their way out.
 *
 * <p>A superframe of TCP that came unsegmented does not say how it is to be cut. Cut into longer segments than its sender meant
 * it may not fit where theirs do, and is dropped, again and again; into shorter ones it reaches a pod all the same. So one number
 * does for all pods, and it never rises: an MTU that has risen again costs nothing that could be felt.
 *
 * <p>One for all workers. Egress receivers tell, ingress receivers ask.
 */
public final class PodPathMtu {
    /** RFC 1191, section 7: the least MTU that a link had. Whoever says less, a pod perhaps, is not believed. */
    private static final int LEAST = 296;

    private static final int NOTHING_TOLD = 0xFFFF;

    private final AtomicInteger bytes = new AtomicInteger(NOTHING_TOLD);

    /** The MTU in bytes; more than any packet has while nothing was told. Any thread. */
    public int bytes() {
        return bytes.getOpaque();
    }

    /** A packet that leaves may tell of an MTU. Any thread. */
    public void onLeaving(final UnsafeBuffer arena, final IpPacket packet) {
        final int told = IcmpFlyweight.pathMtu(arena, packet);
        if (0 != told && told < bytes()) {
            bytes.accumulateAndGet(Math.max(LEAST, told), Math::min);
        }
    }
}
