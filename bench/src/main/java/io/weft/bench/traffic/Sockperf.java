/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.Node;
import java.io.File;
import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** sockperf's UDP ping-pong of 64 bytes between two pods: half a round trip, one packet under way at a time. */
public final class Sockperf implements AutoCloseable {
    /** Half round trips in microseconds. */
    public record Latency(double p50Us, double p99Us, double p999Us) {}

    private static final int PORT = 11111;
    private static final int MESSAGE_LENGTH = 64;

    private final Node from;
    private final Node to;
    private final Process server;

    private Sockperf(final Node from, final Node to, final Process server) {
        this.from = from;
        this.to = to;
        this.server = server;
    }

    /** Starts the server in the pod of {@code to} and waits until it listens. */
    public static Sockperf start(final Node from, final Node to) {
        final Process server =
                Command.start(new File("/dev/null"), to.inPod("sockperf", "server", "-i", to.podAddress()));
        try {
            Listening.await(to, "-u", PORT);
        } catch (final Command.CommandException ex) {
            Command.end(server);
            throw ex;
        }
        return new Sockperf(from, to, server);
    }

    /** Runs the ping-pong. */
    public Latency pingPong(final double seconds) throws IOException {
        final String output = Command.run(from.inPod(
                "sockperf",
                "ping-pong",
                "-i",
                to.podAddress(),
                "-t",
                String.valueOf(Math.max(1, Math.round(seconds))),
                "-m",
                String.valueOf(MESSAGE_LENGTH)));
        return parse(output);
    }

    /** Of lines such as {@code sockperf: ---> percentile 99.000 =   51.234}. */
    static Latency parse(final String output) throws IOException {
        return new Latency(percentile(output, "50.000"), percentile(output, "99.000"), percentile(output, "99.900"));
    }

    private static double percentile(final String output, final String percentile) throws IOException {
        final Matcher matcher = Pattern.compile("percentile " + Pattern.quote(percentile) + " *= *([0-9.]+)")
                .matcher(output);
        if (!matcher.find()) {
            throw new IOException("sockperf gave no percentile " + percentile + ": " + output.strip());
        }
        return Double.parseDouble(matcher.group(1));
    }

    @Override
    public void close() {
        Command.end(server);
    }
}
