/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

class InternetChecksumTest {
    private static int inNetworkOrder(final int folded) {
        return InternetChecksum.word(folded);
    }

    private static void assertSum(final UnsafeBuffer buffer, final byte[] bytes, final int offset, final int length) {
        final int expected = NaiveChecksum.sum(bytes, offset, length, 0);
        final int actual = inNetworkOrder(InternetChecksum.fold(InternetChecksum.sum(buffer, offset, length, 0)));
        assertEquals(expected, actual, () -> "offset " + offset + " length " + length);
    }

    @Test
    void shouldSumTheExampleOfRfc1071() {
        final UnsafeBuffer buffer = Bytes.buffer("00 01 f2 03 f4 f5 f6 f7 # RFC 1071, section 3");
        assertEquals(0xddf2, inNetworkOrder(InternetChecksum.fold(InternetChecksum.sum(buffer, 0, 8, 0))));
    }

    @Test
    void shouldAgreeWithTheNaiveSumForEveryShortLengthAndAlignment() {
        final long seed = Seed.next();
        final byte[] bytes = new byte[320];
        new Random(seed).nextBytes(bytes);
        for (int offset = 0; offset < 16; offset++) {
            for (int length = 0; length <= 300; length++) {
                final UnsafeBuffer buffer = Bytes.buffer(0, Arrays.copyOf(bytes, offset + length));
                assertSum(buffer, bytes, offset, length);
            }
        }
    }

    @Test
    void shouldAgreeWithTheNaiveSumForAnyLengthUpTo64Kilobytes() {
        final Random random = new Random(Seed.next());
        final byte[] bytes = new byte[0x10000 + 64];
        random.nextBytes(bytes);
        final UnsafeBuffer buffer = Bytes.buffer(0, bytes);
        for (int i = 0; i < 2000; i++) {
            assertSum(buffer, bytes, random.nextInt(64), random.nextInt(0x10001));
        }
    }

    @Test
    void shouldCarryWhenEveryBitIsSet() {
        final byte[] bytes = new byte[0x10000];
        Arrays.fill(bytes, (byte) 0xFF);
        final UnsafeBuffer buffer = Bytes.buffer(0, bytes);
        for (int length = 0x10000; length > 0xFF00; length--) {
            assertSum(buffer, bytes, 0x10000 - length, length);
        }
    }

    @Test
    void shouldSumInPiecesWhatItSumsAsAWhole() {
        final Random random = new Random(Seed.next());
        final byte[] bytes = new byte[4096];
        random.nextBytes(bytes);
        final UnsafeBuffer buffer = Bytes.buffer(0, bytes);
        for (int i = 0; i < 2000; i++) {
            final int length = random.nextInt(4097);
            final int first = 2 * random.nextInt(length / 2 + 1);
            final long pieces =
                    InternetChecksum.sum(buffer, first, length - first, InternetChecksum.sum(buffer, 0, first, 0));
            assertEquals(NaiveChecksum.sum(bytes, 0, length, 0), inNetworkOrder(InternetChecksum.fold(pieces)));
        }
    }

    @Test
    void shouldFoldAnySumToItsRemainder() {
        final Random random = new Random(Seed.next());
        assertEquals(0, InternetChecksum.fold(0));
        assertEquals(0xFFFF, InternetChecksum.fold(0xFFFF));
        assertEquals(1, InternetChecksum.fold(0x1_0000));
        for (int i = 0; i < 100_000; i++) {
            final long sum = random.nextLong() >>> 1 >>> random.nextInt(60);
            final long remainder = sum % 0xFFFF;
            assertEquals(0 == remainder && 0 != sum ? 0xFFFF : remainder, InternetChecksum.fold(sum));
        }
    }

    @Test
    void shouldPatchAChecksumAsIfItWereComputedAnew() {
        final Random random = new Random(Seed.next());
        final byte[] bytes = new byte[20];
        for (int i = 0; i < 20_000; i++) {
            random.nextBytes(bytes);
            bytes[0] = 0x45;
            final UnsafeBuffer buffer = Bytes.buffer(0, bytes);
            Ipv4Flyweight.updateChecksum(buffer, 0, 20);
            final int was = Ipv4Flyweight.totalLength(buffer, 0);
            final int now = random.nextInt(0x10000);
            InternetChecksum.update(buffer, Ipv4Flyweight.CHECKSUM_OFFSET, was, now);
            Ipv4Flyweight.totalLength(buffer, 0, now);
            final byte[] patched = Bytes.copy(buffer, 0, 20);
            Ipv4Flyweight.updateChecksum(buffer, 0, 20);
            assertArrayEquals(Bytes.copy(buffer, 0, 20), patched);
        }
    }
}
