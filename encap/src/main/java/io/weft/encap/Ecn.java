/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * Explicit congestion notification through a tunnel, as Linux does it (include/net/inet_ecn.h), which is RFC 6040 but
 * for a packet that is marked already when it enters: Linux sends it with ECT(0) outside, and so does weft, so that the
 * two cannot be told apart.
 */
public final class Ecn {
    public static final int MASK = 3;
    public static final int NOT_ECT = 0;
    public static final int ECT_1 = 1;
    public static final int ECT_0 = 2;
    public static final int CE = 3;

    private Ecn() {}

    /** The ECN bits of the outer header for an inner type of service ({@code INET_ECN_encapsulate}). */
    public static int encapsulate(final int innerTos) {
        final int inner = innerTos & MASK;
        return CE == inner ? ECT_0 : inner;
    }

    /** Whether the inner packet must be dropped: marked outside, but not capable inside (RFC 6040, section 4.2). */
    public static boolean mustDrop(final int outerTos, final int innerTos) {
        return CE == (outerTos & MASK) && NOT_ECT == (innerTos & MASK);
    }

    /**
     * The inner type of service after the tunnel ({@code INET_ECN_decapsulate}).
     *
     * @return the same value if nothing changes.
     */
    public static int decapsulate(final int outerTos, final int innerTos) {
        final int outer = outerTos & MASK;
        final int inner = innerTos & MASK;
        if (CE == outer && NOT_ECT != inner) {
            return innerTos | CE;
        }
        if (ECT_1 == outer && ECT_0 == inner) {
            return (innerTos & ~MASK) | ECT_1;
        }
        return innerTos;
    }

    /** Writes a type of service into an IPv4 or IPv6 header and keeps the IPv4 checksum right. */
    public static void put(final UnsafeBuffer buffer, final int ipOffset, final int version, final int tos) {
        if (4 == version) {
            final int versionByte = buffer.getByte(ipOffset + Ipv4Flyweight.VERSION_IHL_OFFSET) & 0xFF;
            final int was = (versionByte << Byte.SIZE) | Ipv4Flyweight.tos(buffer, ipOffset);
            final int now = (versionByte << Byte.SIZE) | tos;
            buffer.putByte(ipOffset + Ipv4Flyweight.TOS_OFFSET, (byte) tos);
            InternetChecksum.update(buffer, ipOffset + Ipv4Flyweight.CHECKSUM_OFFSET, was, now);
        } else {
            Ipv6Flyweight.trafficClass(buffer, ipOffset, tos);
        }
    }
}
