/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.address.IpPrefix;
import io.weft.routing.AddressTable;
import java.util.ArrayList;
import org.jspecify.annotations.Nullable;

/**
 * Prefixes of one family, each with a value, for a longest-prefix match: an {@link AddressTable} for each length that there is, which of
 * nodes' subnets and addresses is two or three. A copy costs what has changed since the last one. Changed by one thread; what
 * nobody changes any more, any thread may read.
 */
final class PrefixTable<V> {
    private final ArrayList<OfLength<V>> longestFirst = new ArrayList<>(4);

    private record OfLength<V>(int length, AddressTable<V> prefixes) {}

    /** A table that has the same, and goes its own way from here. */
    PrefixTable<V> copy() {
        final PrefixTable<V> copy = new PrefixTable<>();
        for (final OfLength<V> each : longestFirst) {
            copy.longestFirst.add(new OfLength<>(each.length, each.prefixes.copy()));
        }
        return copy;
    }

    /** Gives a prefix a value, in place of the one that it had. */
    void put(final IpPrefix prefix, final V value) {
        int at = 0;
        while (at < longestFirst.size() && longestFirst.get(at).length > prefix.length()) {
            at++;
        }
        if (at == longestFirst.size() || longestFirst.get(at).length != prefix.length()) {
            longestFirst.add(at, new OfLength<>(prefix.length(), new AddressTable<>()));
        }
        longestFirst.get(at).prefixes.put(prefix.base().high(), prefix.base().low(), value);
    }

    /** Forgets a prefix. */
    void remove(final IpPrefix prefix) {
        for (final OfLength<V> each : longestFirst) {
            if (each.length == prefix.length()) {
                each.prefixes.remove(prefix.base().high(), prefix.base().low());
            }
        }
        longestFirst.removeIf(each -> 0 == each.prefixes.size());
    }

    /** The value of exactly this prefix; null without one. */
    @Nullable
    V get(final IpPrefix prefix) {
        for (final OfLength<V> each : longestFirst) {
            if (each.length == prefix.length()) {
                return each.prefixes.find(prefix.base().high(), prefix.base().low());
            }
        }
        return null;
    }

    /** The value of the longest prefix that an address is in; null without one. */
    @Nullable
    V find(final long high, final long low) {
        for (int i = 0; i < longestFirst.size(); i++) {
            final OfLength<V> each = longestFirst.get(i);
            final V value =
                    each.prefixes.find(high & IpPrefix.highMask(each.length), low & IpPrefix.lowMask(each.length));
            if (null != value) {
                return value;
            }
        }
        return null;
    }
}
