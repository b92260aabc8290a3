/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Addresses of one family, each with a value: a hash table with open addressing, at most half full, its rows in pages. A copy shares the
 * pages with what it was made of, until one of the two changes something in a page: so a table that other threads read is published
 * whole, at a cost that goes with what has changed and not with what is in it. Changed by one thread; what nobody changes any
 * more, any thread may read.
 */
public final class AddressTable<V> {
    private static final int INITIAL_ROWS = 8;
    private static final int PAGE_SHIFT = 5;
    private static final int PAGE_ROWS = 1 << PAGE_SHIFT;
    private static final int KEY_LONGS = 2;
    private static final long MULTIPLIER = 0x9e37_79b9_7f4a_7c15L; // 2^64 / golden ratio, Knuth 6.4

    private Page[] pages;
    private int mask;
    private int size;
    /** Whether another table has the same array of pages. */
    private boolean isShared;
    /** By which pages are known that no other table has. */
    private Object writer = new Object();

    /** Some rows; one without a value is free. */
    private static final class Page {
        private final Object writer;
        private final long[] keys;
        private final @Nullable Object[] values;

        Page(final Object writer, final long[] keys, final @Nullable Object[] values) {
            this.writer = writer;
            this.keys = keys;
            this.values = values;
        }

        Page copy(final Object copier) {
            return new Page(copier, keys.clone(), values.clone());
        }
    }

    /** An empty table. */
    public AddressTable() {
        pages = new Page[0];
        clear(INITIAL_ROWS);
    }

    private AddressTable(final AddressTable<V> original) {
        pages = original.pages;
        mask = original.mask;
        size = original.size;
        isShared = true;
    }

    private void clear(final int rows) {
        pages = new Page[(rows + PAGE_ROWS - 1) >>> PAGE_SHIFT];
        final int pageRows = Math.min(rows, PAGE_ROWS);
        Arrays.setAll(pages, i -> new Page(writer, new long[pageRows * KEY_LONGS], new Object[pageRows]));
        mask = rows - 1;
        isShared = false;
    }

    /** A table that has the same, and goes its own way from here. */
    public AddressTable<V> copy() {
        writer = new Object();
        isShared = true;
        return new AddressTable<>(this);
    }

    /** Number of addresses. */
    public int size() {
        return size;
    }

    /** The value of an address, whose halves are as in {@link io.weft.address.IpAddress}; null without one. */
    @SuppressWarnings("unchecked") // put() has written it
    public @Nullable V find(final long high, final long low) {
        return (V) value(row(high, low));
    }

    /** Gives an address a value, in place of the one that it had. */
    public void put(final long high, final long low, final V value) {
        int row = row(high, low);
        if (null == value(row)) {
            if (2 * (size + 1) > mask + 1) {
                grow();
                row = row(high, low);
            }
            size++;
        }
        set(row, high, low, value);
    }

    /** Forgets an address. */
    public void remove(final long high, final long low) {
        int hole = row(high, low);
        if (null == value(hole)) {
            return;
        }
        size--;
        for (int next = (hole + 1) & mask; null != value(next); next = (next + 1) & mask) {
            final Page page = pages[next >>> PAGE_SHIFT];
            final int at = next & (PAGE_ROWS - 1);
            final long nextHigh = page.keys[KEY_LONGS * at];
            final long nextLow = page.keys[KEY_LONGS * at + 1];
            // The row may move into the hole if that is not before its home, counted around the end.
            if (((next - home(nextHigh, nextLow)) & mask) >= ((next - hole) & mask)) {
                set(hole, nextHigh, nextLow, page.values[at]);
                hole = next;
            }
        }
        set(hole, 0, 0, null);
    }

    private @Nullable Object value(final int row) {
        return pages[row >>> PAGE_SHIFT].values[row & (PAGE_ROWS - 1)];
    }

    private void set(final int row, final long high, final long low, final @Nullable Object value) {
        final Page page = own(row >>> PAGE_SHIFT);
        final int at = row & (PAGE_ROWS - 1);
        page.keys[KEY_LONGS * at] = high;
        page.keys[KEY_LONGS * at + 1] = low;
        page.values[at] = value;
    }

    /** A page that no other table has. */
    private Page own(final int index) {
        final Page present = pages[index];
        if (writer == present.writer) {
            return present;
        }
        if (isShared) {
            pages = pages.clone();
            isShared = false;
        }
        final Page copy = present.copy(writer);
        pages[index] = copy;
        return copy;
    }

    private void grow() {
        final Page[] before = pages;
        clear(2 * (mask + 1));
        for (final Page page : before) {
            for (int at = 0; at < page.values.length; at++) {
                if (null != page.values[at]) {
                    final long high = page.keys[KEY_LONGS * at];
                    final long low = page.keys[KEY_LONGS * at + 1];
                    set(row(high, low), high, low, page.values[at]);
                }
            }
        }
    }

    private int home(final long high, final long low) {
        final long mixed = (high * MULTIPLIER ^ low) * MULTIPLIER;
        return (int) (mixed >>> Integer.SIZE) & mask;
    }

    /** Where the address is, or would be. */
    private int row(final long high, final long low) {
        int row = home(high, low);
        while (true) {
            final Page page = pages[row >>> PAGE_SHIFT];
            final int at = row & (PAGE_ROWS - 1);
            if (null == page.values[at]
                    || (high == page.keys[KEY_LONGS * at] && low == page.keys[KEY_LONGS * at + 1])) {
                return row;
            }
            row = (row + 1) & mask;
        }
    }
}
