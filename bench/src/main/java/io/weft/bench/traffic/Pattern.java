/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Bytes that both ends of a transfer can make: byte {@code i} is byte {@code i mod 8} of the {@code i / 8}th output of
 * SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). No two stretches look
 * alike, so bytes that were lost, doubled or moved are seen as surely as changed ones.
 */
final class Pattern {
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    private final long seed;

    Pattern(final long seed) {
        this.seed = seed;
    }

    /** The {@code length} bytes from {@code offset} on; offset is a multiple of 8. */
    byte[] bytes(final long offset, final int length) {
        final ByteBuffer buffer = ByteBuffer.allocate((length + 7) & ~7).order(ByteOrder.LITTLE_ENDIAN);
        for (long word = offset / Long.BYTES; buffer.hasRemaining(); word++) {
            buffer.putLong(mix(seed + (word + 1) * GOLDEN_GAMMA));
        }
        final byte[] bytes = new byte[length];
        buffer.get(0, bytes);
        return bytes;
    }

    private static long mix(final long value) {
        final long first = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
        final long second = (first ^ (first >>> 27)) * 0x94D049BB133111EBL;
        return second ^ (second >>> 31);
    }
}
