/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import java.net.InetAddress;
import java.util.Arrays;

/** What is known of a field of packets: some bits of it, or all. */
final class KnownBits {
    private final byte[] value;
    private final byte[] mask;

    private KnownBits(final byte[] value, final byte[] mask) {
        this.value = value;
        this.mask = mask;
    }

    /** All of them. */
    static KnownBits all(final byte[] value) {
        return new KnownBits(value.clone(), Condition.all(value.length));
    }

    /** The first so many, as of an address in a network. */
    static KnownBits prefix(final InetAddress base, final int length) {
        final byte[] value = base.getAddress();
        final byte[] mask = new byte[value.length];
        for (int bit = 0; bit < length; bit++) {
            mask[bit / Byte.SIZE] |= (byte) (1 << (Byte.SIZE - 1 - bit % Byte.SIZE));
        }
        return new KnownBits(value, mask);
    }

    /** Whether the first bytes under a mask are a value: for all packets, for none, or for some. */
    Match isEqual(final byte[] wanted, final byte[] wantedMask) {
        if (value.length < wanted.length) {
            return Match.NONE;
        }
        boolean isAll = true;
        for (int i = 0; i < wanted.length; i++) {
            final int difference = (value[i] ^ wanted[i]) & wantedMask[i];
            if (0 != (difference & mask[i])) {
                return Match.NONE;
            }
            isAll &= 0 == (wantedMask[i] & ~mask[i]);
        }
        return isAll ? Match.ALL : Match.SOME;
    }

    @Override
    public String toString() {
        return Arrays.toString(value) + '/' + Arrays.toString(mask);
    }
}
