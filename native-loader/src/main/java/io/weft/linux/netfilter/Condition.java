/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import java.util.Arrays;

/** One condition of a rule: the first bytes of a field, masked, are or are not a value. */
public final class Condition {
    /** May hold or not. */
    public static final Condition UNKNOWN = new Condition(Field.OTHER, new byte[0], new byte[0], false);

    private final Field field;
    private final byte[] mask;
    private final byte[] value;
    private final boolean isInverted;

    private Condition(final Field field, final byte[] mask, final byte[] value, final boolean isInverted) {
        this.field = field;
        this.mask = mask;
        this.value = value;
        this.isInverted = isInverted;
    }

    /**
     * Bytes that are a value under a mask, or are not.
     *
     * @param mask as long as the value, or longer.
     * @param isInverted whether the bytes must not be the value.
     */
    public static Condition of(final Field field, final byte[] mask, final byte[] value, final boolean isInverted) {
        if (mask.length < value.length) {
            return UNKNOWN;
        }
        final byte[] masked = value.clone();
        for (int i = 0; i < masked.length; i++) {
            masked[i] &= mask[i];
        }
        return new Condition(field, mask.clone(), masked, isInverted);
    }

    /** The same where all bits count. */
    static Condition of(final Field field, final byte[] value, final boolean isInverted) {
        return of(field, all(value.length), value, isInverted);
    }

    /** A mask of all bits. */
    public static byte[] all(final int length) {
        final byte[] mask = new byte[length];
        Arrays.fill(mask, (byte) 0xFF);
        return mask;
    }

    Field field() {
        return field;
    }

    /** Whether it holds for packets of whose field something is known. */
    Match match(final KnownBits known) {
        final Match equal = known.isEqual(value, mask);
        return isInverted ? equal.inverted() : equal;
    }
}
