/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A service manager keeps what a weftd has open, and the next one goes on with it. */
@RequiresRoot
class DescriptorStoreTest {
    private static final String MAC = "02:00:00:00:00:0a";
    private static final String READY = "ready: weft.1 forwards";
    private static final String GOES_ON = "goes on with what the weftd before has left";
    private static final Path SERVICE_MANAGER = Path.of(
                    System.getProperty("weft.root", ".."), "scripts/service-manager")
            .toAbsolutePath();
    private static final Pattern MAIN = Pattern.compile("main process (\\d+) with (\\d+) descriptors");
    /** Fewer than any queue on the way holds. */
    private static final int DATAGRAMS = 100;

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();
    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);

    @BeforeEach
    void setUp() throws IOException {
        resources.add(topology);
        topology.kernelVxlan(peer);
        WeftdProcess.leases(directory, WeftdProcess.lease(node, MAC), WeftdProcess.lease(peer));
        KernelVxlan.of(peer).addPeer(node.subnet(), node.subnetBase(), MAC, node.underlayAddress());
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    /** The service manager, which has started nothing yet. */
    private BackgroundProcess manager(final String... options) {
        final String[] weftd = WeftdProcess.command(
                directory,
                Stream.concat(
                                Stream.of(
                                        "--registry=file:" + directory.resolve("leases.json"),
                                        "--iface=" + node.underlayDevice()),
                                Stream.of(options))
                        .toArray(String[]::new));
        return resources
                .add(node.namespace()
                        .start(Stream.concat(
                                        Stream.of(
                                                SERVICE_MANAGER.toString(),
                                                directory.resolve("notify").toString()),
                                        Stream.of(weftd))
                                .toArray(String[]::new)))
                .awaitOutput("listens", Await.TIMEOUT_MS);
    }

    private static void start(final BackgroundProcess manager) throws IOException {
        final OutputStream input = manager.process().getOutputStream();
        input.write("start\n".getBytes(US_ASCII));
        input.flush();
    }

    private static void awaitCount(final BackgroundProcess manager, final String text, final int count) {
        Await.until(
                () -> count + " times \"" + text + "\": " + manager.output(),
                Await.TIMEOUT_MS,
                () -> count(manager, text) >= count);
    }

    private static int count(final BackgroundProcess manager, final String text) {
        return manager.output().split(Pattern.quote(text), -1).length - 1;
    }

    private void end(final BackgroundProcess manager, final String signal, final int round) {
        final Matcher main = MAIN.matcher(manager.output());
        String pid = "";
        while (main.find()) {
            pid = main.group(1);
        }
        Command.run(List.of("kill", "-" + signal, pid));
        awaitCount(manager, "has ended with", round);
    }

    /** Numbered datagrams from pod to pod, which are sent at once and awaited later. */
    private record Burst(DatagramSocket source, DatagramSocket sink) implements AutoCloseable {
        static Burst between(final Topology.Node from, final Topology.Node to) throws IOException {
            final InetAddress address = InetAddress.getByName(to.podAddress());
            final DatagramSocket sink = to.pod().call(() -> new DatagramSocket(0, address));
            final DatagramSocket source = from.pod().call(() -> new DatagramSocket());
            source.connect(address, sink.getLocalPort());
            return new Burst(source, sink);
        }

        void send(final int round) throws IOException {
            for (int i = 0; i < DATAGRAMS; i++) {
                source.send(new DatagramPacket(new byte[] {(byte) round, (byte) i}, 2));
            }
        }

        Set<Integer> received(final int round) throws IOException {
            final Set<Integer> numbers = new HashSet<>();
            final DatagramPacket datagram = new DatagramPacket(new byte[2], 2);
            sink.setSoTimeout(Await.TIMEOUT_MS);
            try {
                while (numbers.size() < DATAGRAMS) {
                    sink.receive(datagram);
                    if (datagram.getData()[0] == round) {
                        numbers.add((int) datagram.getData()[1]);
                    }
                }
            } catch (final SocketTimeoutException noMore) {
                // what has come is the answer
            }
            return numbers;
        }

        @Override
        public void close() {
            source.close();
            sink.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"TUN,UDP", "PACKET,PACKET"})
    void shouldLoseNothingThatFitsTheQueuesWhenItEndsHowever(final String podPort, final String underlayPort)
            throws Exception {
        final BackgroundProcess manager = manager("--pod-port=" + podPort, "--underlay-port=" + underlayPort);
        start(manager);
        awaitCount(manager, READY, 1);
        try (Burst to = Burst.between(node, peer);
                Burst from = Burst.between(peer, node)) {
            int round = 0;
            for (final String signal : List.of("TERM", "KILL", "KILL")) {
                round++;
                to.send(0); // neighbours are known from now on
                from.send(0);
                assertEquals(DATAGRAMS, to.received(0).size(), manager::output);
                assertEquals(DATAGRAMS, from.received(0).size(), manager::output);
                end(manager, signal, round);
                to.send(round);
                from.send(round);
                start(manager);
                awaitCount(manager, READY, 1 + round);
                assertEquals(round, count(manager, GOES_ON), manager::output);
                assertEquals(DATAGRAMS, to.received(round).size(), manager::output);
                assertEquals(DATAGRAMS, from.received(round).size(), manager::output);
            }
        }
        assertTrue(manager.output().contains("has ended with 0"), manager::output);
        assertTrue(manager.output().contains("told STOPPING"), manager::output);
    }

    @Test
    void shouldBeginAnewWhenWhatIsLeftIsOfNoUse() throws Exception {
        final BackgroundProcess manager = manager();
        start(manager);
        awaitCount(manager, READY, 1);
        end(manager, "KILL", 1);
        node.namespace().ip("link", "delete", "weft.1");
        start(manager);
        awaitCount(manager, READY, 2);
        assertTrue(manager.output().contains("Device and sockets are made anew"), manager::output);
        end(manager, "KILL", 2);
        Files.delete(directory.resolve("run/weft.1.kept"));
        start(manager);
        awaitCount(manager, READY, 3);
        assertTrue(manager.output().contains("is of no use here: nobody knows for what"), manager::output);
        try (DatagramStream to = new DatagramStream(node, peer);
                DatagramStream from = new DatagramStream(peer, node)) {
            assertEquals(0, to.finish(), manager::output);
            assertEquals(0, from.finish(), manager::output);
        }
    }
}
