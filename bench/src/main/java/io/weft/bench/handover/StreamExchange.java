/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

import io.weft.bench.lab.Node;
import io.weft.bench.lab.Teardown;
import io.weft.bench.traffic.Iperf;
import io.weft.bench.traffic.KernelCounters;
import java.io.IOException;
import java.util.concurrent.Future;

/** Two pods of which one sends TCP streams to the other at full rate. */
final class StreamExchange {
    private static final int STREAMS = 4;

    private final Node near;
    private final Node far;
    private final Iperf out;
    private final Iperf in;
    private final Aside aside;

    StreamExchange(final Node near, final Node far, final Aside aside, final Teardown teardown) {
        this.near = near;
        this.far = far;
        this.aside = aside;
        out = teardown.add(Iperf.start(near, far));
        in = teardown.add(Iperf.start(far, near));
    }

    /**
     * Sends for a while, and meanwhile does something.
     *
     * @param isOut from the near pod; otherwise to it.
     * @param event what is done.
     */
    Outcome<StreamInterval> interval(final boolean isOut, final int seconds, final Event event) throws IOException {
        final long timeoutsBefore = timeouts();
        final Future<Iperf.Tcp> streams = aside.run(() -> (isOut ? out : in).tcp(seconds, STREAMS));
        event.happen();
        final boolean isWithin = !streams.isDone();
        double gigabitsPerSecond = 0;
        String trouble = "";
        try {
            gigabitsPerSecond = Aside.result(streams).gigabitsPerSecond();
        } catch (final IOException ended) {
            trouble = String.valueOf(ended.getMessage());
        }
        return new Outcome<>(new StreamInterval(gigabitsPerSecond, timeouts() - timeoutsBefore, trouble), isWithin);
    }

    private long timeouts() {
        return KernelCounters.ofPod(near, "netstat", "TcpExt", "TCPTimeouts")
                + KernelCounters.ofPod(far, "netstat", "TcpExt", "TCPTimeouts");
    }
}
