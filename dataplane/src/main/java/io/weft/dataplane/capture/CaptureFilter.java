/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.capture;

import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import io.weft.dataplane.counters.Direction;
import org.jspecify.annotations.Nullable;

/**
 * Which packets a capture wants: all that is given has to hold. What has no address or port, since it is malformed or a later fragment,
 * is not wanted where such is asked for.
 *
 * @param kind which of what is dropped and what is not.
 * @param direction which way it goes; null for both.
 * @param source that the inner source is in; null for any.
 * @param destination that the inner destination is in; null for any.
 * @param protocol inner transport protocol behind all extension headers; {@link #ANY} for any.
 * @param port inner TCP or UDP port at either end; {@link #ANY} for any.
 */
public record CaptureFilter(
        Kind kind,
        @Nullable Direction direction,
        @Nullable IpPrefix source,
        @Nullable IpPrefix destination,
        int protocol,
        int port) {
    /** For a protocol or port: whichever it is. */
    public static final int ANY = -1;

    /** What became of a packet. */
    public enum Kind {
        /** Each packet as it is taken in, and once more if it is dropped later on. */
        ALL,

        /** What is dropped. */
        DROPS,

        /** Each packet at each step. */
        STEPS
    }

    /** Wants all packets of a kind. */
    public static CaptureFilter of(final Kind kind) {
        return new CaptureFilter(kind, null, null, null, ANY, ANY);
    }

    /** Data threads: whether the packet that a tap tells of is wanted. */
    boolean matches(final Tap tap) {
        return isOfKind(tap)
                && (null == direction || direction == tap.direction)
                && (isOfAllPackets() || matchesHeaders(tap.headers()));
    }

    private boolean isOfKind(final Tap tap) {
        return null != tap.reason || Kind.STEPS == kind || (Kind.ALL == kind && Step.RECEIVED == tap.step);
    }

    private boolean isOfAllPackets() {
        return null == source && null == destination && ANY == protocol && ANY == port;
    }

    private boolean matchesHeaders(final InnerHeaders headers) {
        return headers.isValid()
                && contains(source, headers.isIpv4(), headers.sourceHigh(), headers.sourceLow())
                && contains(destination, headers.isIpv4(), headers.destinationHigh(), headers.destinationLow())
                && (ANY == protocol || protocol == headers.protocol())
                && (ANY == port || port == headers.sourcePort() || port == headers.destinationPort());
    }

    private static boolean contains(
            final @Nullable IpPrefix prefix, final boolean isIpv4, final long high, final long low) {
        return null == prefix
                || ((IpFamily.IPV4 == prefix.family()) == isIpv4
                        && prefix.base().high() == (high & IpPrefix.highMask(prefix.length()))
                        && prefix.base().low() == (low & IpPrefix.lowMask(prefix.length())));
    }
}
