/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import org.agrona.concurrent.UnsafeBuffer;

/** The checksum of TCP and UDP: what state it is in, and how it is completed. */
public final class TransportChecksum {
    private TransportChecksum() {}

    /**
     * What state the checksum of a packet is in. Reads all of the payload.
     *
     * <p>A field that equals the sum of the pseudo header is taken as partial without a look at the payload. One complete
     * checksum in 65 536 looks so too; such a packet is handed on as partial, and its checksum comes out the same.
     */
    public static ChecksumState state(final UnsafeBuffer buffer, final IpPacket packet) {
        return state(buffer, packet, true);
    }

    /** The same of a packet that is known not to have been left to a device: verified, wrong or none. */
    public static ChecksumState verify(final UnsafeBuffer buffer, final IpPacket packet) {
        return state(buffer, packet, false);
    }

    private static ChecksumState state(final UnsafeBuffer buffer, final IpPacket packet, final boolean mayBePartial) {
        if (!packet.hasTransport() || packet.hasStopsLeft()) {
            return ChecksumState.NONE;
        }
        final int transportOffset = packet.transportOffset();
        final int stored = InternetChecksum.load(buffer, transportOffset + packet.transportChecksumOffset());
        if (0 == stored && IpProtocol.UDP == packet.protocol()) {
            return ChecksumState.NONE;
        }
        final int transportLength = packet.transportLength();
        final long pseudoHeader = InternetChecksum.pseudoHeader(
                buffer, packet.offset(), packet.version(), packet.protocol(), transportLength);
        if (mayBePartial && stored == InternetChecksum.fold(pseudoHeader)) {
            return ChecksumState.PARTIAL;
        }
        final long sum = InternetChecksum.sum(buffer, transportOffset, transportLength, pseudoHeader);
        return InternetChecksum.ALL_ONES == InternetChecksum.fold(sum) ? ChecksumState.VERIFIED : ChecksumState.WRONG;
    }

    /**
     * Completes a checksum whose field holds the sum of the pseudo header.
     *
     * @param start where the sum begins.
     * @param checksumOffset where the field is.
     * @param end where the packet ends.
     */
    public static void complete(final UnsafeBuffer buffer, final int start, final int checksumOffset, final int end) {
        put(buffer, checksumOffset, InternetChecksum.sum(buffer, start, end - start, 0));
    }

    /** Stores a checksum. Zero, which says "none" in UDP, gets its other form: net/core/dev.c, {@code skb_checksum_help}. */
    static void put(final UnsafeBuffer buffer, final int offset, final long sum) {
        final int folded = InternetChecksum.fold(sum);
        InternetChecksum.put(buffer, offset, InternetChecksum.ALL_ONES == folded ? 0 : folded);
    }
}
