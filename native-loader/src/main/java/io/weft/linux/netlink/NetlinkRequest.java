/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import static java.nio.ByteOrder.nativeOrder;

import io.weft.address.MacAddress;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * One request in the making: the message header, then the fixed part field by field, then attributes. The layouts are those
 * of {@link NetlinkMessage} and {@link Attributes}.
 */
final class NetlinkRequest {
    /** More than any request of ours takes. */
    private static final int CAPACITY = 512;

    private final UnsafeBuffer buffer = new UnsafeBuffer(BufferUtil.allocateDirectAligned(CAPACITY, Long.BYTES));
    private int length = NetlinkMessage.HEADER_LENGTH;

    NetlinkRequest(final int type, final int flags) {
        buffer.putShort(NetlinkMessage.TYPE_OFFSET, (short) type, nativeOrder());
        buffer.putShort(NetlinkMessage.FLAGS_OFFSET, (short) (flags | NetlinkMessage.NLM_F_REQUEST), nativeOrder());
    }

    NetlinkRequest u8(final int value) {
        buffer.putByte(length, (byte) value);
        length += Byte.BYTES;
        return this;
    }

    NetlinkRequest u16(final int value) {
        buffer.putShort(length, (short) value, nativeOrder());
        length += Short.BYTES;
        return this;
    }

    NetlinkRequest i32(final int value) {
        buffer.putInt(length, value, nativeOrder());
        length += Integer.BYTES;
        return this;
    }

    NetlinkRequest attribute(final int type, final int value) {
        attributeHeader(type, Integer.BYTES);
        return i32(value);
    }

    /** A port, in network order. */
    NetlinkRequest port(final int type, final int port) {
        return attribute(type, new byte[] {(byte) (port >>> Byte.SIZE), (byte) port});
    }

    NetlinkRequest attribute(final int type, final InetAddress address) {
        return attribute(type, address.getAddress());
    }

    NetlinkRequest attribute(final int type, final MacAddress mac) {
        final byte[] bytes = new byte[MacAddress.LENGTH];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (mac.value() >>> ((bytes.length - 1 - i) * Byte.SIZE));
        }
        return attribute(type, bytes);
    }

    /** A text with its terminating zero. */
    NetlinkRequest attribute(final int type, final String text) {
        return attribute(type, (text + '\0').getBytes(StandardCharsets.UTF_8));
    }

    NetlinkRequest attribute(final int type, final byte value) {
        return attribute(type, new byte[] {value});
    }

    /** An attribute that holds what the writer puts in: attributes, or a fixed part and attributes. */
    NetlinkRequest nest(final int type, final Consumer<NetlinkRequest> writer) {
        final int start = length;
        attributeHeader(type, 0);
        writer.accept(this);
        buffer.putShort(start + Attributes.LENGTH_OFFSET, (short) (length - start), nativeOrder());
        return this;
    }

    private NetlinkRequest attribute(final int type, final byte[] value) {
        attributeHeader(type, value.length);
        buffer.putBytes(length, value);
        length += NetlinkMessage.align(value.length);
        return this;
    }

    private void attributeHeader(final int type, final int valueLength) {
        if (length + Attributes.HEADER_LENGTH + NetlinkMessage.align(valueLength) > CAPACITY) {
            throw new IllegalArgumentException(
                    "a value of " + valueLength + " bytes is too long for a netlink request");
        }
        buffer.putShort(
                length + Attributes.LENGTH_OFFSET, (short) (Attributes.HEADER_LENGTH + valueLength), nativeOrder());
        buffer.putShort(length + Attributes.TYPE_OFFSET, (short) type, nativeOrder());
        length += Attributes.HEADER_LENGTH;
    }

    /** The request as it is sent under this sequence number. */
    UnsafeBuffer finish(final int sequence) {
        buffer.putInt(NetlinkMessage.LENGTH_OFFSET, length, nativeOrder());
        buffer.putInt(NetlinkMessage.SEQUENCE_OFFSET, sequence, nativeOrder());
        return buffer;
    }

    int type() {
        return buffer.getShort(NetlinkMessage.TYPE_OFFSET, nativeOrder()) & 0xFFFF;
    }

    int length() {
        return length;
    }
}
