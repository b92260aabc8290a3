/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.address.IpPrefix;

/**
 * Prefixes of one family, each with a number, for a longest-prefix match: an {@link AddressTable} for each length that there is,
 * which of nodes' subnets and addresses is two or three. Filled by one thread, then published, and not changed after: any thread may
 * read.
 */
final class PrefixTable {
    static final int ABSENT = AddressTable.ABSENT;

    private static final int[] NO_LENGTHS = {};

    /** The lengths that there are, the longest first. */
    private int[] lengths = NO_LENGTHS;

    private final AddressTable[] byLength = new AddressTable[2 * Long.SIZE + 1];

    /** Gives a prefix a number, in place of the one that it had. Before the publication alone. */
    void put(final IpPrefix prefix, final int value) {
        final int length = prefix.length();
        AddressTable table = byLength[length];
        if (null == table) {
            table = new AddressTable();
            byLength[length] = table;
            addLength(length);
        }
        table.put(prefix.base().high(), prefix.base().low(), value);
    }

    private void addLength(final int length) {
        final int[] more = new int[lengths.length + 1];
        int at = 0;
        while (at < lengths.length && lengths[at] > length) {
            more[at] = lengths[at];
            at++;
        }
        more[at] = length;
        System.arraycopy(lengths, at, more, at + 1, lengths.length - at);
        lengths = more;
    }

    /** The number of the longest prefix that an address is in, or {@link #ABSENT}. */
    int find(final long high, final long low) {
        for (final int length : lengths) {
            final int value = byLength[length].find(high & IpPrefix.highMask(length), low & IpPrefix.lowMask(length));
            if (ABSENT != value) {
                return value;
            }
        }
        return ABSENT;
    }
}
