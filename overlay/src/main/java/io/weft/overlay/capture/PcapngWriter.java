/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.capture;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import org.agrona.BitUtil;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;

/**
 * Writes blocks of pcapng (draft-ietf-opsawg-pcapng), the least byte first, of one section with one interface. All blocks are alike:
 *
 * <pre>
 *  0      4        8
 * +------+--------+-----------------------------+----------------------------+--------+
 * | type | length | what is of this type        | options, 4-byte boundaries | length |
 * +------+--------+-----------------------------+----------------------------+--------+
 * </pre>
 */
final class PcapngWriter {
    private static final int SECTION_HEADER = 0x0A0D0D0A; // section 4.1
    private static final int INTERFACE_DESCRIPTION = 1; // section 4.2
    private static final int INTERFACE_STATISTICS = 5; // section 4.5
    private static final int ENHANCED_PACKET = 6; // section 4.3

    private static final int BYTE_ORDER_MAGIC = 0x1A2B3C4D;
    private static final short VERSION_MAJOR = 1;
    private static final short VERSION_MINOR = 0;
    private static final long LENGTH_UNKNOWN = -1;

    /** IPv4 or IPv6, without a link header: {@code LINKTYPE_RAW} of the registry of link types. */
    private static final short LINK_TYPE_RAW = 101;

    private static final short END_OF_OPTIONS = 0;
    private static final short COMMENT = 1;
    private static final short SECTION_APPLICATION = 4;
    private static final short INTERFACE_NAME = 2;
    private static final short INTERFACE_TIME_RESOLUTION = 9;
    private static final short PACKET_FLAGS = 2;
    private static final short STATISTICS_RECEIVED = 4;
    private static final short STATISTICS_DROPPED = 5;

    private static final byte NANOSECONDS = 9;
    private static final int INBOUND = 1;
    private static final int OUTBOUND = 2;

    private static final int TYPE_LENGTH = 2 * Integer.BYTES;
    private final ExpandableArrayBuffer buffer = new ExpandableArrayBuffer();
    private int position;
    private int blockStart;

    /** How many bytes were written since {@link #take}. */
    int length() {
        return position;
    }

    /** What was written since the last call, ready to be read, until something is written again. */
    ByteBuffer take() {
        final ByteBuffer written = ByteBuffer.wrap(buffer.byteArray(), 0, position);
        position = 0;
        return written;
    }

    /**
     * Begins a section with one interface.
     *
     * @param application that writes it.
     * @param interfaceName that packets are said to be seen at.
     * @param snapshotLength bytes of a packet that are kept at most.
     */
    void begin(final String application, final String interfaceName, final int snapshotLength) {
        beginBlock(SECTION_HEADER);
        putInt(BYTE_ORDER_MAGIC);
        putShort(VERSION_MAJOR);
        putShort(VERSION_MINOR);
        putLong(LENGTH_UNKNOWN);
        option(SECTION_APPLICATION, application);
        endBlock();
        beginBlock(INTERFACE_DESCRIPTION);
        putShort(LINK_TYPE_RAW);
        putShort((short) 0);
        putInt(snapshotLength);
        option(INTERFACE_NAME, interfaceName);
        option(INTERFACE_TIME_RESOLUTION, Byte.BYTES);
        putByte(NANOSECONDS);
        endBlock();
    }

    /**
     * Writes a packet in two pieces, of which each may be empty.
     *
     * @param epochNs when it was seen.
     * @param length of it in bytes, of which the pieces may be less.
     * @param comment about it; may be empty.
     */
    void packet(
            final long epochNs,
            final boolean isInbound,
            final int length,
            final DirectBuffer headers,
            final int headersLength,
            final DirectBuffer data,
            final int dataOffset,
            final int dataLength,
            final String comment) {
        beginBlock(ENHANCED_PACKET);
        putInt(0);
        putTime(epochNs);
        putInt(headersLength + dataLength);
        putInt(length);
        buffer.putBytes(position, headers, 0, headersLength);
        position += headersLength;
        buffer.putBytes(position, data, dataOffset, dataLength);
        position += dataLength;
        pad();
        if (!comment.isEmpty()) {
            option(COMMENT, comment);
        }
        option(PACKET_FLAGS, Integer.BYTES);
        putInt(isInbound ? INBOUND : OUTBOUND);
        endBlock();
    }

    /**
     * Writes what there was in all.
     *
     * @param received packets, those that are lost as well.
     * @param lost packets that are not here since there was no room.
     */
    void statistics(final long epochNs, final long received, final long lost) {
        beginBlock(INTERFACE_STATISTICS);
        putInt(0);
        putTime(epochNs);
        option(STATISTICS_RECEIVED, Long.BYTES);
        putLong(received);
        option(STATISTICS_DROPPED, Long.BYTES);
        putLong(lost);
        endBlock();
    }

    private void beginBlock(final int type) {
        blockStart = position;
        putInt(type);
        putInt(0); // the length, known in the end
    }

    private void endBlock() {
        pad();
        option(END_OF_OPTIONS, 0);
        final int length = position + Integer.BYTES - blockStart;
        buffer.putInt(blockStart + TYPE_LENGTH - Integer.BYTES, length, LITTLE_ENDIAN);
        putInt(length);
    }

    private void option(final short code, final int length) {
        pad();
        putShort(code);
        putShort((short) length);
    }

    private void option(final short code, final String text) {
        final byte[] bytes = text.getBytes(UTF_8);
        option(code, bytes.length);
        buffer.putBytes(position, bytes);
        position += bytes.length;
    }

    /** The high half first. */
    private void putTime(final long epochNs) {
        putInt((int) (epochNs >>> Integer.SIZE));
        putInt((int) epochNs);
    }

    /** Up to the next boundary of 4 bytes. */
    private void pad() {
        final int end = BitUtil.align(position, Integer.BYTES);
        while (position < end) {
            putByte((byte) 0);
        }
    }

    private void putByte(final byte value) {
        buffer.putByte(position, value);
        position += Byte.BYTES;
    }

    private void putShort(final short value) {
        buffer.putShort(position, value, LITTLE_ENDIAN);
        position += Short.BYTES;
    }

    private void putInt(final int value) {
        buffer.putInt(position, value, LITTLE_ENDIAN);
        position += Integer.BYTES;
    }

    private void putLong(final long value) {
        buffer.putLong(position, value, LITTLE_ENDIAN);
        position += Long.BYTES;
    }
}
