/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

import io.weft.bench.lab.Node;
import io.weft.bench.lab.Teardown;
import io.weft.bench.traffic.KernelCounters;
import io.weft.bench.traffic.PeerProxy;
import java.io.IOException;
import java.util.concurrent.Future;

/** Two pods that send each other packets on a fixed schedule, whether they arrive or not. */
final class PacketExchange {
    private static final int PAYLOAD_LENGTH = 64;

    private final Node near;
    private final Node far;
    private final PeerProxy nearPeer;
    private final PeerProxy farPeer;
    private final Aside aside;
    private int run;

    PacketExchange(final Node near, final Node far, final Aside aside, final Teardown teardown) throws IOException {
        this.near = near;
        this.far = far;
        this.aside = aside;
        nearPeer = teardown.add(PeerProxy.start(near));
        farPeer = teardown.add(PeerProxy.start(far));
    }

    /**
     * Sends for a while, and meanwhile does something.
     *
     * @param packetsPerSecond each way.
     * @param event what is done.
     */
    Outcome<PacketInterval> interval(final int packetsPerSecond, final int seconds, final Event event)
            throws IOException {
        run++;
        final int count = packetsPerSecond * seconds;
        nearPeer.receive(run, far);
        farPeer.receive(run, near);
        final long overflowedBefore = overflowed();
        final Future<Integer> out = aside.run(() -> nearPeer.send(run, far, packetsPerSecond, count, PAYLOAD_LENGTH));
        final Future<Integer> in = aside.run(() -> farPeer.send(run, near, packetsPerSecond, count, PAYLOAD_LENGTH));
        event.happen();
        final boolean isWithin = !out.isDone() && !in.isDone();
        final int sentOut = Aside.result(out);
        final int sentIn = Aside.result(in);
        final PeerProxy.Arrival atFar = farPeer.collect(sentOut);
        final PeerProxy.Arrival atNear = nearPeer.collect(sentIn);
        final long sent = (long) sentOut + sentIn;
        return new Outcome<>(
                new PacketInterval(
                        sent,
                        sent - atFar.received() - atNear.received(),
                        overflowed() - overflowedBefore,
                        Math.max(
                                        atFar.latencies().getMaxValue(),
                                        atNear.latencies().getMaxValue())
                                / 1e6,
                        Math.max(atFar.longestSilenceNs(), atNear.longestSilenceNs()) / 1e6),
                isWithin);
    }

    private long overflowed() {
        return KernelCounters.ofPod(near, "snmp", "Udp", "RcvbufErrors")
                + KernelCounters.ofPod(far, "snmp", "Udp", "RcvbufErrors");
    }
}
