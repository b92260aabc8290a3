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
    private static final int PAGE_SHIFT = 6;
    private static final int PAGE_ROWS = 1 << PAGE_SHIFT;
    private static final long MULTIPLIER = 0x9e37_79b9_7f4a_7c15L; // 2^64 / golden ratio, Knuth 6.4

    private Page<V>[] pages;
    private int mask;
    private int size;
    /** Whether another table has the same array of pages. */
    private boolean isShared;
    /** By which pages are known that no other table has. */
    private Object writer = new Object();

    private record Row<V>(long high, long low, V value) {}

    private static final class Page<V> {
        private final Object writer;
        private final @Nullable Row<V>[] rows;

        Page(final Object writer, final @Nullable Row<V>[] rows) {
            this.writer = writer;
            this.rows = rows;
        }
    }

    /** An empty table. */
    public AddressTable() {
        pages = emptyPages(INITIAL_ROWS);
        mask = INITIAL_ROWS - 1;
    }

    private AddressTable(final AddressTable<V> original) {
        pages = original.pages;
        mask = original.mask;
        size = original.size;
        isShared = true;
    }

    @SuppressWarnings({"unchecked", "rawtypes"}) // there are no arrays of a type with parameters
    private Page<V>[] emptyPages(final int rows) {
        final Page<V>[] empty = new Page[(rows + PAGE_ROWS - 1) >>> PAGE_SHIFT];
        Arrays.setAll(empty, i -> new Page<>(writer, new Row[Math.min(rows, PAGE_ROWS)]));
        return empty;
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
    public @Nullable V find(final long high, final long low) {
        for (int at = home(high, low); true; at = (at + 1) & mask) {
            final Row<V> row = row(at);
            if (null == row) {
                return null;
            }
            if (high == row.high && low == row.low) {
                return row.value;
            }
        }
    }

    /** Gives an address a value, in place of the one that it had. */
    public void put(final long high, final long low, final V value) {
        int at = place(high, low);
        if (null == row(at)) {
            if (2 * (size + 1) > mask + 1) {
                grow();
                at = place(high, low);
            }
            size++;
        }
        set(at, new Row<>(high, low, value));
    }

    /** Forgets an address. */
    public void remove(final long high, final long low) {
        int hole = place(high, low);
        if (null == row(hole)) {
            return;
        }
        size--;
        int next = (hole + 1) & mask;
        for (Row<V> row = row(next); null != row; row = row(next)) {
            // The row may move into the hole if that is not before its home, counted around the end.
            if (((next - home(row.high, row.low)) & mask) >= ((next - hole) & mask)) {
                set(hole, row);
                hole = next;
            }
            next = (next + 1) & mask;
        }
        set(hole, null);
    }

    private @Nullable Row<V> row(final int at) {
        return pages[at >>> PAGE_SHIFT].rows[at & (PAGE_ROWS - 1)];
    }

    private void set(final int at, final @Nullable Row<V> row) {
        own(at >>> PAGE_SHIFT).rows[at & (PAGE_ROWS - 1)] = row;
    }

    /** A page that no other table has. */
    private Page<V> own(final int index) {
        final Page<V> present = pages[index];
        if (writer == present.writer) {
            return present;
        }
        if (isShared) {
            pages = pages.clone();
            isShared = false;
        }
        final Page<V> copy = new Page<>(writer, present.rows.clone());
        pages[index] = copy;
        return copy;
    }

    private void grow() {
        final Page<V>[] before = pages;
        final int rows = 2 * (mask + 1);
        pages = emptyPages(rows);
        mask = rows - 1;
        isShared = false;
        for (final Page<V> page : before) {
            for (final Row<V> row : page.rows) {
                if (null != row) {
                    set(place(row.high, row.low), row);
                }
            }
        }
    }

    private int home(final long high, final long low) {
        final long mixed = (high * MULTIPLIER ^ low) * MULTIPLIER;
        return (int) (mixed >>> Integer.SIZE) & mask;
    }

    /** Where the address is, or would be. */
    private int place(final long high, final long low) {
        int at = home(high, low);
        for (Row<V> row = row(at); null != row && (high != row.high || low != row.low); row = row(at)) {
            at = (at + 1) & mask;
        }
        return at;
    }
}
