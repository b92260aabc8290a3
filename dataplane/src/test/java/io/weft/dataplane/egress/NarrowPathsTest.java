/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.testing.PodTun;
import io.weft.linux.SocketAddress;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A path that was too narrow is remembered by its peer and the length that did not fit, for a while and for so many peers. */
class NarrowPathsTest {
    private static final int NAME = 8;
    private static final int MANY = 1_000;

    private final UnsafeBuffer arena = new UnsafeBuffer(new byte[64]);
    private long nowNs;
    private final NarrowPaths paths = new NarrowPaths(() -> nowNs);
    private int nameLength;

    private void peer(final String prefix, final int number) {
        nameLength = SocketAddress.put(arena, NAME, PodTun.inet(prefix + number), 8472);
    }

    private boolean isTooLong(final int length) {
        return paths.isTooLong(arena, NAME, nameLength, length);
    }

    private void add(final int length) {
        paths.add(arena, NAME, nameLength, length);
    }

    @ParameterizedTest
    @ValueSource(strings = {"192.0.2.", "2001:db8::"})
    void shouldRememberTheShortestLengthOfAPeer(final String prefix) {
        peer(prefix, 1);
        assertFalse(isTooLong(1_472));
        add(1_472);
        add(1_200);
        add(1_300);
        assertTrue(isTooLong(1_472) && isTooLong(1_200));
        assertFalse(isTooLong(1_199));
        peer(prefix, 2);
        assertFalse(isTooLong(1_472), "another peer's path is wide");
    }

    @Test
    void shouldRememberAPeerThatTakesNoLength() {
        peer("192.0.2.", 1);
        add(1_472);
        add(0);
        assertTrue(isTooLong(1));
    }

    @ParameterizedTest
    @ValueSource(strings = {"192.0.2.", "2001:db8::"})
    void shouldAskAgainTenTimesASecond(final String prefix) {
        peer(prefix, 1);
        add(1_472);
        nowNs += TimeUnit.MILLISECONDS.toNanos(50);
        peer(prefix, 2);
        add(1_472);
        nowNs += TimeUnit.MILLISECONDS.toNanos(50);
        assertTrue(isTooLong(1_472));
        peer(prefix, 1);
        assertFalse(isTooLong(1_472));
        add(1_300);
        assertFalse(isTooLong(1_299), "what was known before counts no more");
        assertTrue(isTooLong(1_300));
    }

    @ParameterizedTest
    @ValueSource(strings = {"192.0.", "2001:db8::"})
    void shouldRememberManyPeersAndTheLastOneForSure(final String prefix) {
        int remembered = 0;
        for (int i = 0; i < MANY; i++) {
            one(prefix, i);
            assertFalse(isTooLong(1_472), "not found yet: " + i);
            add(1_472);
            assertTrue(isTooLong(1_472));
        }
        for (int i = 0; i < MANY; i++) {
            one(prefix, i);
            remembered += isTooLong(1_472) ? 1 : 0;
        }
        assertTrue(remembered > MANY / 2, () -> "too many have a place together with another");
    }

    private void one(final String prefix, final int number) {
        final boolean isIpv4 = prefix.endsWith(".");
        peer(isIpv4 ? prefix + number / 250 + "." : prefix, number % 250 + (isIpv4 ? 0 : number / 250 * 1_000));
    }
}
