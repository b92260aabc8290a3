/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.capture.Capture;
import io.weft.dataplane.capture.CaptureFilter;
import io.weft.dataplane.capture.CapturedPacket;
import io.weft.dataplane.capture.Captures;
import io.weft.dataplane.counters.DropReason;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;

/** A capture of what a node drops, from its beginning to its end, beside what the node counts. */
final class DropCapture implements AutoCloseable {
    private static final int SNAPSHOT_LENGTH = 64;

    private final Captures captures;
    private final Capture capture = new Capture(CaptureFilter.of(CaptureFilter.Kind.DROPS), SNAPSHOT_LENGTH);
    private final Map<DropReason, Long> seen = new EnumMap<>(DropReason.class);

    DropCapture(final Captures captures) {
        this.captures = captures;
        captures.add(capture);
    }

    /** Takes in what was captured. */
    void read() {
        capture.read(this::onPacket, Integer.MAX_VALUE);
    }

    private void onPacket(final CapturedPacket packet) {
        final DropReason reason = Objects.requireNonNull(packet.reason(), "only drops were asked for");
        assertEquals(reason.direction(), packet.direction(), reason::name);
        seen.merge(reason, (long) packet.packets(), Long::sum);
    }

    /** While the node stands still. */
    void assertAsCounted(final NodeCounters counters) {
        read();
        assertEquals(0, capture.lost());
        assertEquals(counters.drops(), seen, "what is counted and what is captured");
    }

    @Override
    public void close() {
        captures.remove(capture);
        capture.close();
    }
}
