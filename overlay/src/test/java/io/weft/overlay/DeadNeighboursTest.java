/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DaemonRecord;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nodes without power on the link of one that lives: a rack of them, as their leases last for a day. */
@RequiresRoot
class DeadNeighboursTest {
    private static final String MAC = "02:00:00:00:00:0a";
    private static final int FIRST = 100;
    private static final int DEAD = 40;
    private static final int PORT = 9;
    /** More than the sockets of a worker may have out, if the host kept it for neighbours that do not answer. */
    private static final int ROUNDS = 30;

    private static final int PAYLOAD = 1_400;
    /** So long nobody is sent to that there are no packets for, less a margin. */
    private static final long FORGOTTEN_NS = TimeUnit.SECONDS.toNanos(20);

    private static final int FLOWS = 16;

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();
    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private final List<DatagramSocket> flows = new ArrayList<>();

    @BeforeEach
    void setUp() throws IOException {
        resources.add(topology);
        topology.kernelVxlan(peer);
        KernelVxlan.of(peer).addPeer(node.subnet(), node.subnetBase(), MAC, node.underlayAddress());
        final List<String> leases = new ArrayList<>();
        leases.add(WeftdProcess.lease(node, MAC));
        leases.add(WeftdProcess.lease(peer));
        for (int dead = FIRST; dead < FIRST + DEAD; dead++) {
            leases.add(WeftdProcess.lease(
                    "10.244." + dead + ".0/24", "192.168.100." + dead, "02:00:00:00:01:" + Integer.toHexString(dead)));
        }
        WeftdProcess.leases(directory, leases.toArray(String[]::new));
        for (int i = 0; i < FLOWS; i++) {
            flows.add(resources.add(node.pod().call(() -> new DatagramSocket())));
        }
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private BackgroundProcess start(final String... options) {
        final List<String> all = new ArrayList<>(List.of(options));
        all.add("--registry=file:" + directory.resolve("leases.json"));
        all.add("--iface=" + node.underlayDevice());
        final BackgroundProcess weftd =
                resources.add(WeftdProcess.start(node.namespace(), directory, all.toArray(String[]::new)));
        weftd.awaitOutput("ready: weft.1", WeftdProcess.START_TIMEOUT_MS);
        Await.until(weftd::output, Await.TIMEOUT_MS, () -> PodTraffic.reaches(node, peer, false));
        return weftd;
    }

    private void send(final int dead, final int length) {
        final InetSocketAddress pod = new InetSocketAddress("10.244." + dead + ".2", PORT);
        try {
            for (final DatagramSocket flow : flows) {
                flow.send(new DatagramPacket(new byte[length], length, pod));
            }
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private CountersRecord counters() {
        return DaemonRecord.readAll(directory.resolve("run"), System.currentTimeMillis())
                .get(0)
                .devices()
                .get(0)
                .counters();
    }

    /** Sends some to all of them, no more than the device's ring holds, and waits until weftd has taken them in. */
    private void sendToAll(final BackgroundProcess weftd, final int length) {
        final long before = counters().total(DataPlaneCounter.EGRESS_RECEIVED_PACKETS);
        for (int dead = FIRST; dead < FIRST + DEAD; dead++) {
            send(dead, length);
        }
        Await.until(
                weftd::output,
                Await.TIMEOUT_MS,
                () -> counters().total(DataPlaneCounter.EGRESS_RECEIVED_PACKETS) >= before + DEAD * FLOWS);
    }

    /** All of them are found out, each with a few packets. */
    private void awaitRefused(final BackgroundProcess weftd) {
        Await.until(weftd::output, Await.TIMEOUT_MS, () -> {
            final long before = counters().total(DropReason.UNDERLAY_UNREACHABLE);
            sendToAll(weftd, 1);
            return counters().total(DropReason.UNDERLAY_UNREACHABLE) >= before + DEAD * FLOWS;
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"udp", "packet"})
    void shouldLoseNothingOfOthersForNeighboursThatDoNotAnswer(final String underlayPort) throws Exception {
        final BackgroundProcess weftd = start("--underlay-port=" + underlayPort);
        awaitRefused(weftd);
        final long refusedNs = System.nanoTime();
        // what was sent before they were found out
        Await.until(
                weftd::output,
                Await.TIMEOUT_MS,
                () -> node.namespace()
                        .ip("neigh", "show", "dev", node.underlayDevice(), "nud", "incomplete")
                        .isBlank());
        try (DatagramStream to = new DatagramStream(node, peer)) {
            for (int round = 0; round < ROUNDS; round++) {
                sendToAll(weftd, PAYLOAD);
            }
            assumeTrue(
                    System.nanoTime() - refusedNs < FORGOTTEN_NS, "this machine took longer than nobody is asked for");
            assertEquals(0, to.finish(), weftd::output);
        }
    }

    @Test
    void shouldSendToOneThatAnswersAgain() {
        final BackgroundProcess weftd = start();
        awaitRefused(weftd);
        peer.namespace().exec("nft", "add", "table", "ip", "seen");
        peer.namespace().exec("nft", "add chain ip seen input { type filter hook input priority 0 ; }");
        final String address = "192.168.100." + FIRST;
        peer.namespace().exec("nft", "add rule ip seen input ip daddr " + address + " udp dport 8472 counter");
        peer.namespace().ip("address", "add", address + "/24", "dev", peer.underlayDevice());
        Await.until(weftd::output, Await.TIMEOUT_MS, () -> {
            send(FIRST, 1);
            return !peer.namespace().exec("nft", "list", "table", "ip", "seen").contains("packets 0 ");
        });
    }
}
