/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.VxlanDatagram;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DeviceRecord;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * More is sent than a weft node takes, both ways at once: what was sent is what came out at the other side, what weft dropped by its
 * reasons, and what the host dropped before weft got it, and not one packet else. What devices of the host lose that are not weft's is
 * theirs to count.
 */
@RequiresRoot
class SumsTest {
    private static final int COUNT = 40_000;
    /** Of so many packets one is dropped for a reason. */
    private static final int DROPPED_ONE_OF = 8;

    private static final int UDP_PORT = 9;
    private static final int PAYLOAD_LENGTH = 1_000;
    private static final int HEADERS_LENGTH = 28;
    private static final String NOWHERE = "10.244.77.7";
    private static final int OTHER_VNI = 2;

    private final CloseAll resources = new CloseAll();
    private final ExecutorService senders = Executors.newFixedThreadPool(2);
    private final Topology topology = resources.add(Topology.twoNodes());
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);

    @TempDir
    private Path directory = Path.of(".");

    @BeforeEach
    void setUp() throws IOException {
        topology.kernelVxlan(peer);
        WeftdProcess.leases(directory, WeftdProcess.lease(node), WeftdProcess.lease(peer));
        for (final Topology.Node each : List.of(node, peer)) {
            each.pod().exec("sh", "-c", "iptables -w -A INPUT -p udp --dport " + UDP_PORT + " -j DROP");
        }
    }

    @AfterEach
    void tearDown() {
        senders.shutdownNow();
        resources.close();
    }

    private CountersRecord counters() {
        final Path run = directory.resolve("run");
        return new DeviceRecord("weft.1", run, run.resolve("weft.1.counters")).counters();
    }

    private static long drops(final CountersRecord counters, final Direction direction) {
        return Arrays.stream(DropReason.values())
                .filter(reason -> direction == reason.direction())
                .mapToLong(counters::total)
                .sum();
    }

    /** Datagrams that came to a pod, also where one frame has several. */
    private static long arrived(final Topology.Node at) {
        final String[] words = at.pod()
                .exec("sh", "-c", "iptables -w -nvxL INPUT | grep dpt:" + UDP_PORT)
                .strip()
                .split("\\s+", 3);
        return (Long.parseLong(words[1]) - HEADERS_LENGTH * Long.parseLong(words[0])) / PAYLOAD_LENGTH;
    }

    /** By a device that is none of weft's. */
    private static long lostBy(final NetworkNamespace namespace, final String device) {
        return Long.parseLong(namespace
                .exec("cat", "/sys/class/net/" + device + "/statistics/tx_dropped")
                .strip());
    }

    private static DatagramSocket open(final NetworkNamespace namespace) {
        return namespace.call(() -> {
            try {
                return new DatagramSocket();
            } catch (final SocketException failure) {
                throw new UncheckedIOException(failure);
            }
        });
    }

    private int sendFromPod(final DatagramSocket socket, final int count) {
        final byte[] payload = new byte[PAYLOAD_LENGTH];
        for (int i = 0; i < count; i++) {
            final String to = 0 == i % DROPPED_ONE_OF ? NOWHERE : peer.podAddress();
            send(socket, payload, new InetSocketAddress(to, UDP_PORT));
        }
        return count;
    }

    private int sendFromUnderlay(final DatagramSocket socket, final int count) {
        final byte[] datagram = datagram(KernelVxlan.VNI);
        final byte[] wrong = datagram(OTHER_VNI);
        for (int i = 0; i < count; i++) {
            send(
                    socket,
                    0 == i % DROPPED_ONE_OF ? wrong : datagram,
                    new InetSocketAddress(node.underlayAddress(), KernelVxlan.PORT));
        }
        return count;
    }

    private byte[] datagram(final int vni) {
        return new VxlanDatagram(CraftedPacket.udp(
                                PodTun.inet(peer.podAddress()),
                                PodTun.inet(node.podAddress()),
                                1000,
                                UDP_PORT,
                                CraftedPacket.payload(PAYLOAD_LENGTH, 1))
                        .bytes())
                .with(VxlanDatagram.DESTINATION_OFFSET, 2, 0, 0, 0, 0, 1)
                .with(VxlanDatagram.SOURCE_OFFSET, 2, 0, 0, 0, 0, 2)
                .with(VxlanDatagram.VNI_OFFSET, 0, 0, vni)
                .bytes();
    }

    /** Where the host has no room at once, the packet was not sent, and is sent then. */
    private static void send(final DatagramSocket socket, final byte[] bytes, final InetSocketAddress to) {
        while (true) {
            try {
                socket.send(new DatagramPacket(bytes, bytes.length, to));
                return;
            } catch (final IOException full) {
                if (!String.valueOf(full.getMessage()).contains("No buffer space")) {
                    throw new UncheckedIOException(full);
                }
            }
        }
    }

    private void sendBothWays(final DatagramSocket pod, final DatagramSocket underlay, final int count)
            throws ExecutionException, InterruptedException {
        final List<Future<Integer>> sent = List.of(
                senders.submit(() -> sendFromPod(pod, count)), senders.submit(() -> sendFromUnderlay(underlay, count)));
        for (final Future<Integer> each : sent) {
            assertEquals(count, each.get());
        }
    }

    @ParameterizedTest
    @CsvSource({"tun,udp,1", "tun,udp,2", "tun,packet,1", "packet,udp,1", "packet,packet,1"})
    void shouldAccountForEachPacketThatWasSent(final String podPort, final String underlayPort, final int workers)
            throws Exception {
        final BackgroundProcess weftd = resources
                .add(WeftdProcess.start(
                        node,
                        directory,
                        "--peer-check-interval=0",
                        "--pod-port=" + podPort,
                        "--underlay-port=" + underlayPort,
                        "--workers=" + workers))
                .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
        final long[] before = sums();
        final DatagramSocket pod = resources.add(open(node.pod()));
        final DatagramSocket underlay = resources.add(open(peer.namespace()));
        signal(weftd, "STOP");
        try {
            sendBothWays(pod, underlay, COUNT / 2);
        } finally {
            signal(weftd, "CONT");
        }
        sendBothWays(pod, underlay, COUNT / 2);
        Await.until(
                () -> told(before) + weftd.output(),
                Await.TIMEOUT_MS,
                () -> Arrays.stream(missing(before)).allMatch(each -> 0 == each));
        final CountersRecord counters = counters();
        for (final DataPlaneCounter losses :
                List.of(DataPlaneCounter.EGRESS_HOST_LOSSES, DataPlaneCounter.INGRESS_HOST_LOSSES)) {
            assertTrue(counters.total(losses) > 0, losses + ": the queues hold less than what was sent");
        }
        for (final DropReason reason : List.of(DropReason.IP_OUTNOROUTES, DropReason.VXLAN_VNI_NOT_FOUND)) {
            assertTrue(counters.total(reason) > 0, reason + ": " + told(before));
        }
    }

    /** What is told of each side: came to weft or was lost before, came out of weft or was dropped by it, arrived or was lost behind it. */
    private long[] sums() {
        final CountersRecord counters = counters();
        return new long[] {
            counters.total(DataPlaneCounter.EGRESS_RECEIVED_PACKETS)
                    + counters.total(DataPlaneCounter.EGRESS_HOST_LOSSES)
                    + lostBy(node.pod(), "eth0"),
            counters.total(DataPlaneCounter.EGRESS_FORWARDED_PACKETS) + drops(counters, Direction.EGRESS),
            counters.total(DataPlaneCounter.EGRESS_RECEIVED_PACKETS),
            counters.total(DataPlaneCounter.EGRESS_FORWARDED_PACKETS),
            arrived(peer),
            counters.total(DataPlaneCounter.INGRESS_RECEIVED_PACKETS)
                    + counters.total(DataPlaneCounter.INGRESS_HOST_LOSSES)
                    + lostBy(peer.namespace(), peer.underlayDevice()),
            counters.total(DataPlaneCounter.INGRESS_DELIVERED_PACKETS) + drops(counters, Direction.INGRESS),
            counters.total(DataPlaneCounter.INGRESS_RECEIVED_PACKETS),
            counters.total(DataPlaneCounter.INGRESS_DELIVERED_PACKETS),
            arrived(node)
        };
    }

    /** How many packets are not accounted for: before weft, in weft, behind weft; on the way out, then on the way in. */
    private long[] missing(final long[] before) {
        final long[] now = sums();
        for (int i = 0; i < now.length; i++) {
            now[i] -= before[i];
        }
        return new long[] {
            COUNT - now[0], now[2] - now[1], now[3] - now[4], COUNT - now[5], now[7] - now[6], now[8] - now[9]
        };
    }

    private String told(final long[] before) {
        return "not accounted for before, in and behind weft, out and in: " + Arrays.toString(missing(before)) + "\n"
                + counters().samples() + "\n";
    }

    private static void signal(final BackgroundProcess process, final String name) {
        Command.run(List.of("kill", "-" + name, String.valueOf(process.process().pid())));
    }
}
