/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A socket that refuses is given as much buffer as leaves it in four milliseconds. */
class SendBufferTest {
    private static final int INITIAL = 212_992;
    private static final long MILLISECOND = TimeUnit.MILLISECONDS.toNanos(1);

    private final RefusingPort port = new RefusingPort();
    private long nowNs;
    private final SendBuffer buffer = new SendBuffer(port, () -> nowNs);

    /** So much is taken in each millisecond, and no more. */
    private void press(final int milliseconds, final int bytes) {
        for (int i = 0; i < milliseconds; i++) {
            buffer.onRefusal();
            nowNs += MILLISECOND;
            buffer.onSent(1, bytes);
        }
    }

    @Test
    void shouldShrinkOnASlowUnderlay() {
        press(100, 25_000); // 200 Mbit/s
        assertEquals(List.of(INITIAL, 0x20000), port.sendBufferLengths());
    }

    @Test
    void shouldGrowOnAQuickUnderlayUpToABound() {
        press(100, 1_250_000); // 10 Gbit/s
        press(100, 12_500_000); // 100 Gbit/s
        assertEquals(List.of(INITIAL, 0x400000), port.sendBufferLengths());
    }

    @Test
    void shouldTakeOneMessageAtATimeOnAVerySlowUnderlay() {
        press(100, 10);
        assertEquals(List.of(INITIAL, 0x4000), port.sendBufferLengths());
    }

    /** What waits for a neighbour that does not answer is let go after seconds, all at once. */
    @Test
    void shouldLearnNothingWhileNothingLeaves() {
        for (int i = 0; i < 3_000; i++) {
            buffer.onRefusal();
            nowNs += MILLISECOND;
        }
        assertEquals(List.of(INITIAL), port.sendBufferLengths());
    }

    @Test
    void shouldLearnNothingFromTheTimeBetweenTwoBursts() {
        for (int i = 0; i < 10; i++) {
            press(5, 1_000_000);
            nowNs += TimeUnit.SECONDS.toNanos(1);
        }
        assertEquals(List.of(INITIAL), port.sendBufferLengths());
    }
}
