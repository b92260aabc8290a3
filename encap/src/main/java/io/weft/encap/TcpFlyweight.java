/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.BIG_ENDIAN;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * TCP header (RFC 9293, section 3.1).
 *
 * <pre>
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |          Source Port          |       Destination Port        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                        Sequence Number                        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                    Acknowledgment Number                      |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  | Offset|     |A|C|E|U|A|P|R|S|F|            Window             |
 *  |       |     |E|W|C|R|C|S|S|Y|I|                               |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |           Checksum            |         Urgent Pointer        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                    Options, 0 to 40 bytes                     |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * </pre>
 */
public final class TcpFlyweight {
    public static final int PORTS_OFFSET = 0;
    public static final int SEQUENCE_OFFSET = PORTS_OFFSET + Integer.BYTES;
    public static final int ACKNOWLEDGMENT_OFFSET = SEQUENCE_OFFSET + Integer.BYTES;
    public static final int DATA_OFFSET_OFFSET = ACKNOWLEDGMENT_OFFSET + Integer.BYTES;
    public static final int FLAGS_OFFSET = DATA_OFFSET_OFFSET + 1;
    public static final int WINDOW_OFFSET = FLAGS_OFFSET + 1;
    public static final int CHECKSUM_OFFSET = WINDOW_OFFSET + Short.BYTES;
    public static final int URGENT_OFFSET = CHECKSUM_OFFSET + Short.BYTES;
    public static final int MIN_LENGTH = URGENT_OFFSET + Short.BYTES;
    public static final int MAX_LENGTH = 60;

    public static final int FIN = 0x01;
    public static final int SYN = 0x02;
    public static final int RST = 0x04;
    public static final int PSH = 0x08;
    public static final int ACK = 0x10;
    public static final int URG = 0x20;
    public static final int ECE = 0x40;
    public static final int CWR = 0x80;

    private TcpFlyweight() {}

    /** Sequence number. */
    public static int sequence(final UnsafeBuffer buffer, final int offset) {
        return buffer.getInt(offset + SEQUENCE_OFFSET, BIG_ENDIAN);
    }

    /** Sets the sequence number. */
    public static void sequence(final UnsafeBuffer buffer, final int offset, final int sequence) {
        buffer.putInt(offset + SEQUENCE_OFFSET, sequence, BIG_ENDIAN);
    }

    /** Acknowledgment number. */
    public static int acknowledgment(final UnsafeBuffer buffer, final int offset) {
        return buffer.getInt(offset + ACKNOWLEDGMENT_OFFSET, BIG_ENDIAN);
    }

    /** Header length in bytes, from the data offset; 0 to 60. */
    public static int headerLength(final UnsafeBuffer buffer, final int offset) {
        return ((buffer.getByte(offset + DATA_OFFSET_OFFSET) & 0xF0) >> 4) * Integer.BYTES;
    }

    /** The eight flags from CWR to FIN. */
    public static int flags(final UnsafeBuffer buffer, final int offset) {
        return buffer.getByte(offset + FLAGS_OFFSET) & 0xFF;
    }

    /** Sets the eight flags from CWR to FIN. */
    public static void flags(final UnsafeBuffer buffer, final int offset, final int flags) {
        buffer.putByte(offset + FLAGS_OFFSET, (byte) flags);
    }

    /** Window, unscaled. */
    public static int window(final UnsafeBuffer buffer, final int offset) {
        return buffer.getShort(offset + WINDOW_OFFSET, BIG_ENDIAN) & 0xFFFF;
    }
}
