/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import io.weft.dataplane.counters.DropReason;
import io.weft.overlay.lifecycle.LogFields;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/**
 * What the log is told of drops that go on: a line a minute for each reason that was counted in this minute and in the one before. What
 * comes once and passes is in {@code weft show drops} alone, and what is for groups: the host itself asks every device again and again
 * for routers, which no overlay carries. Control thread alone.
 */
final class DropLog {
    private static final long INTERVAL_NS = TimeUnit.MINUTES.toNanos(1);

    private final String deviceName;
    private final long[] totals = new long[DropReason.ID_LIMIT];
    private final boolean[] wereThere = new boolean[DropReason.ID_LIMIT];
    private long nextNs;

    /** @param nowNs of a monotonic clock. */
    DropLog(final String deviceName, final long nowNs) {
        this.deviceName = deviceName;
        nextNs = nowNs + INTERVAL_NS;
    }

    /**
     * What has been counted until now, by a process whose counters go on here, is of no minute that this one tells of.
     *
     * @param dropped how many packets each reason has counted.
     */
    void begin(final ToLongFunction<DropReason> dropped) {
        for (final DropReason reason : DropReason.values()) {
            totals[reason.id()] = dropped.applyAsLong(reason);
        }
    }

    /**
     * The lines that are due.
     *
     * @param nowNs of the clock of the constructor.
     * @param dropped how many packets each reason has counted.
     * @param offender whom the last one was from; empty where that is not kept.
     */
    List<String> look(
            final long nowNs, final ToLongFunction<DropReason> dropped, final Function<DropReason, String> offender) {
        if (nowNs - nextNs < 0) {
            return List.of();
        }
        nextNs = nowNs + INTERVAL_NS;
        final List<String> lines = new ArrayList<>();
        for (final DropReason reason : DropReason.values()) {
            final long total = dropped.applyAsLong(reason);
            final long packets = total - totals[reason.id()];
            if (packets > 0 && wereThere[reason.id()] && DropReason.MULTICAST != reason) {
                lines.add(line(reason, packets, total, offender.apply(reason)));
            }
            wereThere[reason.id()] = packets > 0;
            totals[reason.id()] = total;
        }
        return lines;
    }

    private String line(final DropReason reason, final long packets, final long total, final String offender) {
        return "drops go on, " + packets + " packets in the last minute: " + reason.description()
                + (offender.isEmpty() ? "" : "; the last from " + offender) + '.'
                + LogFields.of(
                        "device",
                        deviceName,
                        "reason",
                        reason,
                        "direction",
                        reason.direction().label(),
                        "packets",
                        packets,
                        "total",
                        total)
                + (offender.isEmpty() ? "" : LogFields.of("offender", offender));
    }
}
