/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.agrona.concurrent.UnsafeBuffer;

/** Bytes for tests: from annotated hex, and in memory whose bounds are checked. */
final class Bytes {
    private Bytes() {}

    /** Hex with any white space; what follows {@code #} in a line is a note. */
    static byte[] hex(final String text) {
        final StringBuilder digits = new StringBuilder();
        text.lines().forEach(line -> {
            final int note = line.indexOf('#');
            digits.append((note < 0 ? line : line.substring(0, note)).replaceAll("\\s", ""));
        });
        return HexFormat.of().parseHex(digits);
    }

    /** The annotated hex in off-heap memory that ends with the last byte: one byte further, and Agrona throws. */
    static UnsafeBuffer buffer(final String text) {
        return buffer(0, hex(text));
    }

    /** Off-heap memory of a headroom and the given bytes, and no byte more. */
    static UnsafeBuffer buffer(final int headroom, final byte[] bytes) {
        final UnsafeBuffer buffer = zeroed(headroom + bytes.length);
        buffer.putBytes(headroom, bytes);
        return buffer;
    }

    /** Off-heap memory full of zeroes. */
    static UnsafeBuffer zeroed(final int length) {
        return new UnsafeBuffer(ByteBuffer.allocateDirect(length));
    }

    /** A copy of a part of a buffer. */
    static byte[] copy(final UnsafeBuffer buffer, final int offset, final int length) {
        final byte[] bytes = new byte[length];
        buffer.getBytes(offset, bytes);
        return bytes;
    }

    /** One after the other. */
    static byte[] concat(final byte[]... parts) {
        final ByteArrayOutputStream whole = new ByteArrayOutputStream();
        for (final byte[] part : parts) {
            whole.writeBytes(part);
        }
        return whole.toByteArray();
    }
}
