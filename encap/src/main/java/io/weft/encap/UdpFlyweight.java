/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.BIG_ENDIAN;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * UDP header (RFC 768).
 *
 * <pre>
 *  0               2               4               6               8
 * +---------------+---------------+---------------+---------------+
 * | source port   | dest. port    | length        | checksum      |
 * +---------------+---------------+---------------+---------------+
 * </pre>
 */
public final class UdpFlyweight {
    public static final int SOURCE_PORT_OFFSET = 0;
    public static final int DESTINATION_PORT_OFFSET = SOURCE_PORT_OFFSET + Short.BYTES;
    public static final int LENGTH_OFFSET = DESTINATION_PORT_OFFSET + Short.BYTES;
    public static final int CHECKSUM_OFFSET = LENGTH_OFFSET + Short.BYTES;
    public static final int LENGTH = CHECKSUM_OFFSET + Short.BYTES;

    private UdpFlyweight() {}

    /** The port that the datagram goes to. */
    public static int destinationPort(final UnsafeBuffer buffer, final int offset) {
        return buffer.getShort(offset + DESTINATION_PORT_OFFSET, BIG_ENDIAN) & 0xFFFF;
    }

    /** Length in bytes of header and payload. */
    public static int length(final UnsafeBuffer buffer, final int offset) {
        return buffer.getShort(offset + LENGTH_OFFSET, BIG_ENDIAN) & 0xFFFF;
    }

    /** Sets the length in bytes of header and payload. */
    public static void length(final UnsafeBuffer buffer, final int offset, final int length) {
        buffer.putShort(offset + LENGTH_OFFSET, (short) length, BIG_ENDIAN);
    }

    /** The checksum field; 0 says that there is none. */
    public static int checksum(final UnsafeBuffer buffer, final int offset) {
        return buffer.getShort(offset + CHECKSUM_OFFSET, BIG_ENDIAN) & 0xFFFF;
    }
}
