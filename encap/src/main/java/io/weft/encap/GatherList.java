/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.nativeOrder;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * Pieces of memory that make one packet, in the layout of {@code struct iovec} on 64-bit Linux
 * (include/uapi/linux/uio.h).
 *
 * <pre>
 *  0                               8                              16
 * +-------------------------------+-------------------------------+
 * | address                       | length in bytes               |
 * +-------------------------------+-------------------------------+
 * </pre>
 */
public final class GatherList {
    public static final int ADDRESS_OFFSET = 0;
    public static final int LENGTH_OFFSET = ADDRESS_OFFSET + Long.BYTES;
    public static final int ENTRY_LENGTH = LENGTH_OFFSET + Long.BYTES;

    private GatherList() {}

    /** Writes the entry at {@code offset}. */
    public static void put(final UnsafeBuffer list, final int offset, final long address, final long length) {
        list.putLong(offset + ADDRESS_OFFSET, address, nativeOrder());
        list.putLong(offset + LENGTH_OFFSET, length, nativeOrder());
    }

    /** The address of the entry at {@code offset}. */
    public static long address(final UnsafeBuffer list, final int offset) {
        return list.getLong(offset + ADDRESS_OFFSET, nativeOrder());
    }

    /** The length of the entry at {@code offset}. */
    public static int length(final UnsafeBuffer list, final int offset) {
        return (int) list.getLong(offset + LENGTH_OFFSET, nativeOrder());
    }
}
