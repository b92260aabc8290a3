/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import io.weft.bench.lab.Node;
import io.weft.bench.lab.Offload;
import io.weft.bench.stats.CpuTime;
import io.weft.bench.stats.LossFreeSearch;
import io.weft.bench.traffic.PeerProxy;
import java.io.IOException;

/**
 * Has our own programs talk from one pod to the other: datagrams on a fixed schedule, to search the loss-free rate and take latencies
 * at a rate, superframes as fast as can be, requests and their answers.
 */
final class PeerPair {
    private static final int SHORT_ANSWER_LENGTH = 100;

    /** The search ends when it has the rate to this fraction of the first try. */
    private static final double RESOLUTION = 0.02;

    /** Faster than a sender can be, so that it says how fast it is. */
    private static final double UNBOUNDED = 2_000_000;

    private final Node from;
    private final Node to;
    private final PeerProxy sender;
    private final PeerProxy receiver;
    private int run;

    PeerPair(final Node from, final Node to, final PeerProxy sender, final PeerProxy receiver) {
        this.from = from;
        this.to = to;
        this.sender = sender;
        this.receiver = receiver;
    }

    /**
     * The highest rate without loss, in packets per second.
     *
     * @param trialS how long a trial takes.
     */
    double searchLossFreeRate(final Measure measure, final double trialS) throws IOException {
        final int length = measure.searchedLength();
        final int offered = (int) (UNBOUNDED * trialS);
        final long startNs = System.nanoTime();
        final double sentPerSecond = send(UNBOUNDED, offered, length).sent / ((System.nanoTime() - startNs) / 1e9);
        return new LossFreeSearch(RESOLUTION).search(sentPerSecond, rate -> {
            final int count = (int) (rate * trialS);
            return 1 - (double) send(rate, count, length).arrival.received() / count;
        });
    }

    /** Latencies at a rate. */
    Curve curve(
            final Pairing pairing,
            final Offload offload,
            final Measure measure,
            final int loadPercent,
            final double packetsPerSecond,
            final double seconds)
            throws IOException {
        final double machineS = CpuTime.machineSeconds();
        final Outcome outcome = send(packetsPerSecond, (int) (packetsPerSecond * seconds), measure.searchedLength());
        final double cpuS = CpuTime.machineSeconds() - machineS;
        final long received = outcome.arrival.received();
        return new Curve(
                pairing,
                offload,
                measure,
                loadPercent,
                packetsPerSecond,
                outcome.sent,
                outcome.sent - received,
                cpuS / (received / 1e6),
                Curve.points(outcome.arrival.latencies()));
    }

    /** Gigabits of payload that came of UDP superframes sent for a time, as fast as can be. */
    double superframeGigabits(final double seconds) throws IOException {
        final long before = receiver.superframeBytes();
        sender.superframes(to, Math.round(seconds * 1e3));
        return (receiver.superframeBytes() - before) * 8 / 1e9;
    }

    /** Datagrams per second that came of a number of flows, sent for a time as fast as can be. */
    double flowDatagramsPerSecond(final int flows, final int payloadLength, final double seconds) throws IOException {
        final long before = receiver.flowBytes();
        sender.flows(to, flows, payloadLength, Math.round(seconds * 1e3));
        return (double) (receiver.flowBytes() - before) / payloadLength / seconds;
    }

    /** Requests answered per second, over connections that stay. */
    double answersPerSecond(final int connections, final int answerLength, final double seconds) throws IOException {
        return sender.requests(to, connections, answerLength, Math.round(seconds * 1e3)) / seconds;
    }

    /** Connections per second that were set up, had a short request answered and were closed. */
    double connectionsPerSecond(final int atATime, final double seconds) throws IOException {
        return sender.connections(to, atATime, SHORT_ANSWER_LENGTH, Math.round(seconds * 1e3)) / seconds;
    }

    private record Outcome(int sent, PeerProxy.Arrival arrival) {}

    private Outcome send(final double packetsPerSecond, final int count, final int payloadLength) throws IOException {
        run++;
        receiver.receive(run, from);
        final int sent = sender.send(run, to, packetsPerSecond, count, payloadLength);
        return new Outcome(sent, receiver.collect(sent));
    }
}
