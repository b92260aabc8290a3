/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

/**
 * A hash table in one array: open addressing, linear probing, at most half full, and no tombstones, as removal moves the
 * rows after it back. A row is a key of two longs, not both zero, and some longs of value. Rows move when the table
 * changes. Control thread only.
 */
final class FlatTable {
    static final int ABSENT = -1;

    private static final int KEY_LONGS = 2;
    private static final int INITIAL_ROWS = 16;
    private static final long MULTIPLIER = 0x9e37_79b9_7f4a_7c15L; // 2^64 / golden ratio, Knuth 6.4

    private final int rowLongs;
    private long[] rows;
    private int mask;
    private int size;

    FlatTable(final int valueLongs) {
        rowLongs = KEY_LONGS + valueLongs;
        rows = new long[INITIAL_ROWS * rowLongs];
        mask = INITIAL_ROWS - 1;
    }

    int size() {
        return size;
    }

    long memoryLength() {
        return (long) rows.length * Long.BYTES;
    }

    /** The row with this key, or {@link #ABSENT}. */
    int find(final long high, final long low) {
        int row = home(high, low);
        while (isUsed(row)) {
            if (high == rows[row * rowLongs] && low == rows[row * rowLongs + 1]) {
                return row;
            }
            row = row + 1 & mask;
        }
        return ABSENT;
    }

    /** The first row that is in use from this one on, or {@link #ABSENT}; valid until the next change. */
    int next(final int from) {
        for (int row = from; row <= mask; row++) {
            if (isUsed(row)) {
                return row;
            }
        }
        return ABSENT;
    }

    long keyHigh(final int row) {
        return rows[row * rowLongs];
    }

    long keyLow(final int row) {
        return rows[row * rowLongs + 1];
    }

    /** Adds a row with a key that is not there yet; its values are zero. */
    int add(final long high, final long low) {
        if (size >= (mask + 1) >>> 1) {
            grow();
        }
        size++;
        return place(high, low);
    }

    long value(final int row, final int index) {
        return rows[row * rowLongs + KEY_LONGS + index];
    }

    void value(final int row, final int index, final long value) {
        rows[row * rowLongs + KEY_LONGS + index] = value;
    }

    /** Removes a row that {@link #find} returned. */
    void remove(final int row) {
        size--;
        int hole = row;
        int next = row + 1 & mask;
        while (isUsed(next)) {
            final int home = home(rows[next * rowLongs], rows[next * rowLongs + 1]);
            // The row may move into the hole if that is not before its home, counted around the end.
            if ((next - home & mask) >= (next - hole & mask)) {
                System.arraycopy(rows, next * rowLongs, rows, hole * rowLongs, rowLongs);
                hole = next;
            }
            next = next + 1 & mask;
        }
        for (int i = 0; i < rowLongs; i++) {
            rows[hole * rowLongs + i] = 0;
        }
    }

    private void grow() {
        final long[] old = rows;
        rows = new long[old.length * 2];
        mask = mask * 2 + 1;
        for (int from = 0; from < old.length; from += rowLongs) {
            if (0 != old[from] || 0 != old[from + 1]) {
                final int row = place(old[from], old[from + 1]);
                System.arraycopy(old, from, rows, row * rowLongs, rowLongs);
            }
        }
    }

    private int place(final long high, final long low) {
        int row = home(high, low);
        while (isUsed(row)) {
            row = row + 1 & mask;
        }
        rows[row * rowLongs] = high;
        rows[row * rowLongs + 1] = low;
        return row;
    }

    /** All rows are below this; some are not used. */
    int limit() {
        return mask + 1;
    }

    boolean isUsed(final int row) {
        return 0 != rows[row * rowLongs] || 0 != rows[row * rowLongs + 1];
    }

    private int home(final long high, final long low) {
        final long mixed = (high * MULTIPLIER ^ low) * MULTIPLIER;
        return (int) (mixed >>> Integer.SIZE) & mask;
    }
}
