/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.ingress.Offender;
import io.weft.overlay.lifecycle.LogFields;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.ToLongFunction;
import org.agrona.concurrent.NanoClock;

/**
 * Tells operators who was refused last, for each reason: beside the counters, where it outlives the daemon, and in the log when it begins,
 * after a minute without any; that it goes on is told by {@link DropLog}. Control thread alone.
 */
final class IngressOffenders {
    private static final System.Logger LOG = System.getLogger(IngressOffenders.class.getName());
    private static final long SILENCE_NS = TimeUnit.MINUTES.toNanos(1);

    private final CountersFile counters;
    private final NanoClock clock;
    private final DropLog dropLog;
    private final Map<DropReason, Integer> remarks = new EnumMap<>(DropReason.class);
    private final Map<DropReason, String> last = new EnumMap<>(DropReason.class);
    private final Map<DropReason, Long> lastNs = new EnumMap<>(DropReason.class);

    IngressOffenders(final String deviceName, final CountersFile counters, final NanoClock clock) {
        this.counters = counters;
        this.clock = clock;
        dropLog = new DropLog(deviceName, clock.nanoTime());
    }

    void take(final Offender offender) {
        final DropReason reason = offender.reason();
        final String remark = "last " + reason + ": from " + offender.addresses();
        final Integer present = remarks.get(reason);
        if (null == present) {
            remarks.put(reason, counters.remark(remark));
        } else {
            counters.changeRemark(present, remark);
        }
        last.put(reason, offender.addresses());
        final Long before = lastNs.put(reason, clock.nanoTime());
        if (null == before || clock.nanoTime() - before >= SILENCE_NS) {
            LOG.log(
                    WARNING,
                    "refused, as are others that are counted under {0}: from {1}. {2}{3}",
                    reason,
                    offender.addresses(),
                    advice(offender),
                    LogFields.of("reason", reason, "offender", offender.addresses()));
        }
    }

    /**
     * Has the log told of drops that go on, if that is due.
     *
     * @param dropped how many packets each reason has counted.
     */
    void tellWhatGoesOn(final ToLongFunction<DropReason> dropped) {
        dropLog.look(clock.nanoTime(), dropped, reason -> last.getOrDefault(reason, ""))
                .forEach(line -> LOG.log(WARNING, line));
    }

    private static String advice(final Offender offender) {
        final String admission = "--ingress-allow=" + offender.sender() + " admits it";
        return switch (offender.reason()) {
            case UNKNOWN_SENDER ->
                "No lease or Node names this sender; if it is a node behind a NAT, or one with several addresses, "
                        + admission;
            case OTHER_NODES_SOURCE ->
                "The source is of another node's subnet; if that node sends by this address, " + admission;
            default -> offender.reason().description() + '.';
        };
    }
}
