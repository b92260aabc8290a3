/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import io.weft.bench.lab.Bystander;
import io.weft.bench.lab.Command;
import io.weft.bench.lab.Node;
import java.io.IOException;
import java.util.List;
import java.util.regex.Pattern;
import org.HdrHistogram.Histogram;

/** ICMP echo between two pods by ping(8), which compares each byte that comes back. */
public final class Ping {
    /** What ping says of an echo that came back changed. */
    private static final String WRONG_DATA = "wrong data";

    /** In the message when no echo came back. */
    public static final String NO_REPLY = "no reply";

    private static final int ECHOES_PER_SECOND = 200;

    /** An echo that nothing else is sent beside has come back by then on the slowest machine. */
    private static final String LONE_WAIT_S = "10";

    /** The histogram's: to a tenth of a percent. */
    private static final int SIGNIFICANT_DIGITS = 3;

    private static final Pattern ROUND_TRIP = Pattern.compile(" time=([0-9.]+) ms");

    /**
     * Sends one echo from one pod to another.
     *
     * @throws IOException if it does not come back.
     */
    public static void once(final Bystander from, final Bystander to) throws IOException {
        final Command.Result result =
                Command.tryRun(from.inPod("ping", "-n", "-c", "1", "-W", LONE_WAIT_S, to.address()));
        if (!result.ok()) {
            throw new IOException(NO_REPLY + ": " + result.output().strip());
        }
    }

    /**
     * What came of echoes sent on a schedule.
     *
     * @param answeredPercent of them.
     * @param roundTripsNs of those answered, which may be none.
     */
    public record Echoes(double answeredPercent, Histogram roundTripsNs) {}

    private Ping() {}

    /** Sends {@value #ECHOES_PER_SECOND} echoes a second from one pod to another for a time, whether they are answered or not. */
    public static Echoes scheduled(final Bystander from, final Bystander to, final double seconds) {
        final int count = (int) Math.max(1, seconds * ECHOES_PER_SECOND);
        final String intervalS = String.valueOf(1.0 / ECHOES_PER_SECOND);
        final Command.Result result = Command.tryRun(
                from.inPod("ping", "-n", "-c", String.valueOf(count), "-i", intervalS, "-W", "2", to.address()));
        return parse(result.output(), count);
    }

    /** Of lines such as {@code 64 bytes from 10.244.1.3: icmp_seq=1 ttl=62 time=0.153 ms}. */
    static Echoes parse(final String output, final int count) {
        final Histogram roundTripsNs = new Histogram(SIGNIFICANT_DIGITS);
        ROUND_TRIP
                .matcher(output)
                .results()
                .map(found -> Double.parseDouble(found.group(1)))
                .forEach(ms -> roundTripsNs.recordValue(Math.round(ms * 1e6)));
        return new Echoes(100.0 * roundTripsNs.getTotalCount() / count, roundTripsNs);
    }

    /**
     * Sends echoes of each payload length.
     *
     * @return nothing to remark.
     * @throws IOException if one does not come back, or comes back changed.
     */
    public static String exchange(final Node from, final Node to, final List<Integer> payloadLengths)
            throws IOException {
        for (final int length : payloadLengths) {
            final Command.Result result = Command.tryRun(from.inPod(
                    "ping", "-c", "2", "-i", "0.01", "-W", LONE_WAIT_S, "-s", String.valueOf(length), to.podAddress()));
            if (result.output().contains(WRONG_DATA)) {
                throw new IOException(length + " bytes: " + result.output().strip());
            }
            if (!result.ok()) {
                throw new IOException(length + " bytes: " + NO_REPLY + ": "
                        + result.output()
                                .strip()
                                .lines()
                                .reduce((first, last) -> last)
                                .orElse(""));
            }
        }
        return "";
    }
}
