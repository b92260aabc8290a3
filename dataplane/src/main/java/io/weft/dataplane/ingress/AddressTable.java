/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import java.util.Arrays;

/**
 * Addresses of one family, each with a number: a hash table with open addressing, at most half full. Filled by one thread, then
 * published, and not changed after: any thread may read.
 */
final class AddressTable {
    /** No such address: less than any number that {@link #put} takes. */
    static final int ABSENT = Integer.MIN_VALUE;

    private static final int INITIAL_ROWS = 8;
    private static final int KEY_LONGS = 2;
    private static final long MULTIPLIER = 0x9e37_79b9_7f4a_7c15L; // 2^64 / golden ratio, Knuth 6.4

    private long[] keys = new long[INITIAL_ROWS * KEY_LONGS];
    private int[] values = rows(INITIAL_ROWS);
    private int mask = INITIAL_ROWS - 1;
    private int size;

    private static int[] rows(final int count) {
        final int[] rows = new int[count];
        Arrays.fill(rows, ABSENT);
        return rows;
    }

    int size() {
        return size;
    }

    /** Gives an address a number, in place of the one that it had. Before the publication alone. */
    void put(final long high, final long low, final int value) {
        if (2 * (size + 1) > values.length) {
            grow();
        }
        final int row = row(high, low);
        size += ABSENT == values[row] ? 1 : 0;
        keys[KEY_LONGS * row] = high;
        keys[KEY_LONGS * row + 1] = low;
        values[row] = value;
    }

    private void grow() {
        final long[] oldKeys = keys;
        final int[] oldValues = values;
        keys = new long[oldKeys.length * 2];
        values = rows(oldValues.length * 2);
        mask = values.length - 1;
        for (int old = 0; old < oldValues.length; old++) {
            if (ABSENT != oldValues[old]) {
                final long high = oldKeys[KEY_LONGS * old];
                final long low = oldKeys[KEY_LONGS * old + 1];
                final int row = row(high, low);
                keys[KEY_LONGS * row] = high;
                keys[KEY_LONGS * row + 1] = low;
                values[row] = oldValues[old];
            }
        }
    }

    /** The number of an address, or {@link #ABSENT}. */
    int find(final long high, final long low) {
        return values[row(high, low)];
    }

    /** Where the address is, or would be. */
    private int row(final long high, final long low) {
        final long mixed = (high * MULTIPLIER ^ low) * MULTIPLIER;
        int row = (int) (mixed >>> Integer.SIZE) & mask;
        while (ABSENT != values[row] && (high != keys[KEY_LONGS * row] || low != keys[KEY_LONGS * row + 1])) {
            row = (row + 1) & mask;
        }
        return row;
    }
}
