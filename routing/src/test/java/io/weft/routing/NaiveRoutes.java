/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import io.weft.address.IpPrefix;
import java.util.ArrayList;
import java.util.List;

/** The reference: a list of routes, walked from end to end for each lookup. */
final class NaiveRoutes {
    static final int NONE = -1;

    private final List<IpPrefix> prefixes = new ArrayList<>();
    private long[] highs = new long[16];
    private long[] lows = new long[16];
    private long[] highMasks = new long[16];
    private long[] lowMasks = new long[16];
    private int[] gateways = new int[16];

    int size() {
        return prefixes.size();
    }

    IpPrefix prefix(final int index) {
        return prefixes.get(index);
    }

    int indexOf(final IpPrefix prefix) {
        return prefixes.indexOf(prefix);
    }

    void put(final IpPrefix prefix, final int gateway) {
        int index = indexOf(prefix);
        if (index < 0) {
            index = prefixes.size();
            prefixes.add(prefix);
            if (index == highs.length) {
                highs = java.util.Arrays.copyOf(highs, 2 * index);
                lows = java.util.Arrays.copyOf(lows, 2 * index);
                highMasks = java.util.Arrays.copyOf(highMasks, 2 * index);
                lowMasks = java.util.Arrays.copyOf(lowMasks, 2 * index);
                gateways = java.util.Arrays.copyOf(gateways, 2 * index);
            }
        }
        set(index, prefix, gateway);
    }

    private void set(final int index, final IpPrefix prefix, final int gateway) {
        highs[index] = prefix.base().high();
        lows[index] = prefix.base().low();
        highMasks[index] = mask(prefix.length());
        lowMasks[index] = mask(prefix.length() - Long.SIZE);
        gateways[index] = gateway;
    }

    private static long mask(final int bits) {
        return bits <= 0 ? 0 : bits >= Long.SIZE ? -1L : ~(-1L >>> bits);
    }

    void remove(final int index) {
        final int last = prefixes.size() - 1;
        prefixes.set(index, prefixes.get(last));
        set(index, prefixes.get(last), gateways[last]);
        prefixes.remove(last);
    }

    /** The gateway of the longest prefix that contains the address, or {@link #NONE}. */
    int lookup(final long high, final long low) {
        int best = NONE;
        int longest = -1;
        for (int i = 0; i < prefixes.size(); i++) {
            if ((high & highMasks[i]) == highs[i]
                    && (low & lowMasks[i]) == lows[i]
                    && prefixes.get(i).length() > longest) {
                longest = prefixes.get(i).length();
                best = gateways[i];
            }
        }
        return best;
    }
}
