/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.Node;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** iperf3 between two pods. The server stays, so that a measurement costs no start. */
public final class Iperf implements AutoCloseable {
    static final int PORT = 5201;

    /** TCP as the receiver saw it, headers not counted, and the congestion control that the sender had. */
    public record Tcp(double gigabitsPerSecond, double retransmits, double gigabits, String congestionControl) {}

    /** UDP as sender and receiver saw it, in packets per second. */
    public record Udp(double sentPerSecond, double receivedPerSecond, double lossPercent, double received) {}

    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * What a client says whose server has not yet ended the test before: the server denies access, and may close the connection
     * before that is read (iperf_server_api.c, iperf_accept). It is asked again for so long.
     */
    private static final List<String> BUSY = List.of("the server is busy running a test", "Connection reset by peer");

    private static final long BUSY_LIMIT_NS = TimeUnit.MINUTES.toNanos(1);

    private final Node from;
    private final Node to;
    private final Process server;

    private Iperf(final Node from, final Node to, final Process server) {
        this.from = from;
        this.to = to;
        this.server = server;
    }

    /** Starts the server in the pod of {@code to} and waits until it listens. */
    public static Iperf start(final Node from, final Node to) {
        final Process server = Command.start(new File("/dev/null"), to.inPod("iperf3", "-s"));
        try {
            Listening.await(to, "-t", PORT);
        } catch (final Command.CommandException ex) {
            Command.end(server);
            throw ex;
        }
        return new Iperf(from, to, server);
    }

    /** Bulk TCP over a number of streams. */
    public Tcp tcp(final double seconds, final int streams) throws IOException {
        final JsonNode end = run(seconds, "-P", String.valueOf(streams));
        final JsonNode received = end.path("sum_received");
        return new Tcp(
                received.path("bits_per_second").asDouble() / 1e9,
                end.path("sum_sent").path("retransmits").asDouble(),
                received.path("bytes").asDouble() * 8 / 1e9,
                end.path("sender_tcp_congestion").asString(""));
    }

    /** As many UDP packets of a payload length as the sender can make, in a number of streams. */
    public Udp udp(final double seconds, final int streams, final int payloadLength) throws IOException {
        final JsonNode sum = run(
                        seconds, "-u", "-b", "0", "-P", String.valueOf(streams), "-l", String.valueOf(payloadLength))
                .path("sum");
        final double packets = sum.path("packets").asDouble();
        final double lossPercent = sum.path("lost_percent").asDouble();
        final double received = packets * (100 - lossPercent) / 100;
        final double measuredS = sum.path("seconds").asDouble();
        return new Udp(packets / measuredS, received / measuredS, lossPercent, received);
    }

    private JsonNode run(final double seconds, final String... more) throws IOException {
        final List<String> words = new ArrayList<>(from.inPod("iperf3", "-J", "-c", to.podAddress()));
        words.addAll(List.of("-t", String.valueOf(Math.max(1, Math.round(seconds)))));
        words.addAll(List.of(more));
        final long deadlineNs = System.nanoTime() + BUSY_LIMIT_NS;
        Command.Result result;
        JsonNode json;
        do {
            result = Command.tryRun(words);
            json = JSON.readTree(result.output());
        } while (isBusy(json.path("error").asString("")) && System.nanoTime() < deadlineNs);
        if (!result.ok() || json.has("error")) {
            throw new IOException("iperf3 from pod " + from.letter() + " to " + to.letter() + ": "
                    + json.path("error").asString(result.output()));
        }
        return json.path("end");
    }

    private static boolean isBusy(final String error) {
        return BUSY.stream().anyMatch(error::contains);
    }

    @Override
    public void close() {
        Command.end(server);
    }
}
