/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import io.weft.bench.lab.Lab;
import io.weft.bench.lab.Node;
import io.weft.bench.lab.Offload;
import io.weft.bench.lab.Overlay;
import io.weft.bench.lab.Teardown;
import io.weft.bench.lab.Weftd;
import io.weft.bench.stats.CpuTime;
import io.weft.bench.stats.Heap;
import io.weft.bench.traffic.Iperf;
import io.weft.bench.traffic.PeerProxy;
import io.weft.bench.traffic.Sockperf;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Two nodes of one pairing, up for the whole run, with the generators and sinks in their pods. */
final class Testbed {
    private static final Path JAVA_HOME = Path.of(System.getProperty("java.home"));

    private static final int CONNECTIONS_AT_A_TIME = 64;
    private static final int FLOW_PAYLOAD_LENGTH = 64;
    private static final Map<Metric, Integer> ANSWER_LENGTHS = Map.of(
            Metric.ANSWERS_100B_PER_SECOND, 100,
            Metric.ANSWERS_1KB_PER_SECOND, 1_000,
            Metric.ANSWERS_10KB_PER_SECOND, 10_000);

    private final Pairing pairing;
    private final Lab lab;
    private final Overlay overlay;
    private final Iperf iperf;
    private final Sockperf sockperf;
    private final PeerPair peers;
    private final Flood flood;
    private final DaemonMeter meter;

    private Testbed(
            final Pairing pairing,
            final Lab lab,
            final Overlay overlay,
            final Iperf iperf,
            final Sockperf sockperf,
            final PeerPair peers,
            final Flood flood) {
        this.pairing = pairing;
        this.lab = lab;
        this.overlay = overlay;
        this.iperf = iperf;
        this.sockperf = sockperf;
        this.peers = peers;
        this.flood = flood;
        meter = new DaemonMeter(overlay);
    }

    /** Brings the nodes up; each resource is given to the teardown as soon as it exists. */
    static Testbed up(
            final Pairing pairing, final String labPrefix, final Weftd weftd, final Plan plan, final Teardown teardown)
            throws IOException {
        final Lab lab = teardown.add(new Lab(labPrefix + "-" + pairing));
        lab.up(pairing.planes().size());
        if (null != plan.congestionControl()) {
            lab.congestionControl(plan.congestionControl());
        }
        final Overlay overlay = teardown.add(new Overlay(lab, plan.absentNodes()));
        overlay.start(pairing.planes(), weftd);
        final Node from = lab.node(0);
        final Node to = lab.node(1);
        final Iperf iperf = teardown.add(Iperf.start(from, to));
        final PeerPair peers =
                new PeerPair(from, to, teardown.add(PeerProxy.start(from)), teardown.add(PeerProxy.start(to)));
        return new Testbed(
                pairing,
                lab,
                overlay,
                iperf,
                teardown.add(Sockperf.start(from, to)),
                peers,
                new Flood(iperf, peers, to, lab.addBystander(from), lab.addBystander(to)));
    }

    Pairing pairing() {
        return pairing;
    }

    PeerPair peers() {
        return peers;
    }

    void offload(final Offload offload) {
        lab.offload(offload);
    }

    /** Takes one measurement, of any measure that is not searched. */
    Map<Metric, Double> measure(final Measure measure, final double seconds) throws IOException {
        return switch (measure) {
            case TCP1 -> tcp(measure, seconds, 1);
            case TCP4 -> tcp(measure, seconds, 4);
            case UDP64 -> udp(measure, seconds, 64);
            case UDP512 -> udp(measure, seconds, 512);
            case UDP1300 -> udp(measure, seconds, 1300);
            case UDPGSO -> superframes(seconds);
            case FLOWS1 -> flows(measure, seconds, 1);
            case FLOWS100 -> flows(measure, seconds, 100);
            case FLOWS10000 -> flows(measure, seconds, 10_000);
            case REQUESTS1 -> requests(measure, seconds, 1);
            case REQUESTS64 -> requests(measure, seconds, CONNECTIONS_AT_A_TIME);
            case CONNECTIONS -> connections(seconds);
            case LATENCY -> latency(seconds);
            case FLOOD64 -> flood(measure, seconds, 64);
            case FLOOD1300 -> flood(measure, seconds, 1300);
            case LOSSFREE, LOSSFREE512, LOSSFREE1300 ->
                throw new IllegalArgumentException("the loss-free rate is searched, not sampled");
        };
    }

    private Map<Metric, Double> tcp(final Measure measure, final double seconds, final int streams) throws IOException {
        meter.begin();
        final double machineS = CpuTime.machineSeconds();
        final Iperf.Tcp tcp = iperf.tcp(seconds, streams);
        final Map<Metric, Double> values = new EnumMap<>(Metric.class);
        values.put(Metric.GIGABITS_PER_SECOND, tcp.gigabitsPerSecond());
        values.put(Metric.RETRANSMITS, tcp.retransmits());
        values.put(Metric.CPU_SECONDS_PER_GIGABIT, (CpuTime.machineSeconds() - machineS) / tcp.gigabits());
        final double daemonS = meter.end(values, measure);
        if (pairing.hasProcess()) {
            values.put(Metric.DAEMON_SECONDS_PER_GIGABIT, daemonS / tcp.gigabits());
        }
        return values;
    }

    private Map<Metric, Double> udp(final Measure measure, final double seconds, final int payloadLength)
            throws IOException {
        final double allocated = pairing.hasWeft() ? allocatedBytes() : 0;
        meter.begin();
        final double machineS = CpuTime.machineSeconds();
        final Iperf.Udp udp = iperf.udp(seconds, 1, payloadLength);
        final double millions = udp.received() / 1e6;
        final Map<Metric, Double> values = new EnumMap<>(Metric.class);
        values.put(Metric.SENT_PER_SECOND, udp.sentPerSecond());
        values.put(Metric.RECEIVED_PER_SECOND, udp.receivedPerSecond());
        values.put(Metric.LOSS_PERCENT, udp.lossPercent());
        values.put(Metric.CPU_SECONDS_PER_MILLION, (CpuTime.machineSeconds() - machineS) / millions);
        final double daemonS = meter.end(values, measure);
        if (pairing.hasProcess()) {
            values.put(Metric.DAEMON_SECONDS_PER_MILLION, daemonS / millions);
        }
        if (pairing.hasWeft()) {
            values.put(Metric.ALLOCATED_BYTES_PER_PACKET, (allocatedBytes() - allocated) / udp.received());
        }
        return values;
    }

    private Map<Metric, Double> superframes(final double seconds) throws IOException {
        meter.begin();
        final double machineS = CpuTime.machineSeconds();
        final double gigabits = peers.superframeGigabits(seconds);
        final Map<Metric, Double> values = new EnumMap<>(Metric.class);
        values.put(Metric.GIGABITS_PER_SECOND, gigabits / seconds);
        values.put(Metric.CPU_SECONDS_PER_GIGABIT, (CpuTime.machineSeconds() - machineS) / gigabits);
        meter.end(values, Measure.UDPGSO);
        return values;
    }

    private Map<Metric, Double> flows(final Measure measure, final double seconds, final int flows) throws IOException {
        final Map<Metric, Double> values = new EnumMap<>(Metric.class);
        meter.begin();
        values.put(Metric.RECEIVED_PER_SECOND, peers.flowDatagramsPerSecond(flows, FLOW_PAYLOAD_LENGTH, seconds));
        meter.end(values, measure);
        return values;
    }

    private Map<Metric, Double> requests(final Measure measure, final double seconds, final int connections)
            throws IOException {
        final Map<Metric, Double> values = new EnumMap<>(Metric.class);
        meter.begin();
        for (final Map.Entry<Metric, Integer> answer : ANSWER_LENGTHS.entrySet()) {
            values.put(
                    answer.getKey(),
                    peers.answersPerSecond(connections, answer.getValue(), seconds / ANSWER_LENGTHS.size()));
        }
        meter.end(values, measure);
        return values;
    }

    private Map<Metric, Double> connections(final double seconds) throws IOException {
        final Map<Metric, Double> values = new EnumMap<>(Metric.class);
        meter.begin();
        values.put(Metric.CONNECTIONS_PER_SECOND, peers.connectionsPerSecond(CONNECTIONS_AT_A_TIME, seconds));
        meter.end(values, Measure.CONNECTIONS);
        return values;
    }

    private Map<Metric, Double> latency(final double seconds) throws IOException {
        meter.begin();
        final Sockperf.Latency latency = sockperf.pingPong(seconds);
        final Map<Metric, Double> values = new EnumMap<>(Metric.class);
        values.put(Metric.P50_US, latency.p50Us());
        values.put(Metric.P99_US, latency.p99Us());
        values.put(Metric.P999_US, latency.p999Us());
        meter.end(values, Measure.LATENCY);
        return values;
    }

    /** The flood goes on before and after what is measured beside it. */
    private Map<Metric, Double> flood(final Measure measure, final double seconds, final int payloadLength)
            throws IOException {
        meter.begin();
        final Map<Metric, Double> values = flood.measure(seconds, payloadLength);
        meter.end(values, measure);
        return values;
    }

    private double allocatedBytes() {
        return overlay.userspaceNodes().stream()
                .mapToDouble(node ->
                        Heap.allocatedBytes(JAVA_HOME, overlay.process(node).pid()))
                .sum();
    }

    /** How the daemons of weft fared so far. */
    List<JvmReport> jvmReports() throws IOException {
        final List<JvmReport> reports = new ArrayList<>();
        for (final Node node : overlay.userspaceNodes()) {
            final List<Double> pausesMs = Heap.pausesMs(overlay.gcLog(node));
            reports.add(new JvmReport(
                    pairing,
                    node.letter(),
                    pausesMs.size(),
                    pausesMs.stream().mapToDouble(Double::doubleValue).max().orElse(0),
                    CpuTime.processSeconds(overlay.process(node).pid())));
        }
        return reports;
    }
}
