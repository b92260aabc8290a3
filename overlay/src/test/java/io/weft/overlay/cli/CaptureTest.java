/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.capture.Capture;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.WeftdProcess;
import io.weft.overlay.ops.ControlStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** What tshark reads of the packets of a daemon with a kernel node as its peer, while it forwards. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CaptureTest {
    private static final String NOWHERE = "10.244.77.7";
    private static final String NO_ROUTE =
            "dropped: IP_OUTNOROUTES (1), no route to the destination; the sender was told by ICMP";
    private static final String EVERYTHING = "capture all - - - - - inner 0 131072";

    private final CloseAll resources = new CloseAll();
    private final StringWriter errors = new StringWriter();
    private final Topology topology = resources.add(Topology.builder().nodes(2).build());
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private Path directory = Path.of("run");
    private @Nullable BackgroundProcess weftd;

    @BeforeAll
    void startTheDaemon(@TempDir final Path temporary) throws IOException {
        directory = temporary;
        topology.kernelVxlan(peer);
        WeftdProcess.leases(directory, WeftdProcess.lease(node), WeftdProcess.lease(peer));
        weftd = resources
                .add(WeftdProcess.start(node, directory))
                .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
    }

    @AfterAll
    void tearDown() {
        resources.close();
    }

    private BackgroundProcess ping(final String address) {
        return node.pod().start("ping", "-i", "0.2", address);
    }

    private String weft(final String arguments) {
        return String.join(" ", WeftdProcess.java(WeftMain.class)) + " " + arguments + " --run-dir="
                + directory.resolve("run");
    }

    private String capture(final String... arguments) {
        final List<String> all = new ArrayList<>(List.of(arguments));
        all.add(0, "capture");
        all.add("--run-dir=" + directory.resolve("run"));
        final CommandLine line = WeftCommand.commandLine();
        line.setErr(new PrintWriter(errors, true));
        final StringWriter out = new StringWriter();
        line.setOut(new PrintWriter(out, true));
        assertEquals(0, line.execute(all.toArray(String[]::new)), errors::toString);
        return out.toString();
    }

    private static String golden(final String name) throws IOException {
        return Files.readString(Path.of("src/test/golden").resolve(name));
    }

    private static String tshark(final Path file, final String... arguments) {
        final List<String> command = new ArrayList<>(List.of("tshark", "-r", file.toString()));
        command.addAll(List.of(arguments));
        return Command.run(command);
    }

    @Test
    void shouldShowDropsToTsharkAtOnce() {
        try (BackgroundProcess pinging = ping(NOWHERE);
                BackgroundProcess shown = node.namespace()
                        .start(
                                "sh",
                                "-c",
                                weft("capture drop -n 2 -w - --to " + NOWHERE)
                                        + " | tshark -l -r - -T fields -e ip.src -e ip.dst -e frame.comment")) {
            assertEquals(0, shown.awaitExit(Await.TIMEOUT_MS), shown::output);
            final String line = node.podAddress() + "\t" + NOWHERE + "\t" + NO_ROUTE;
            assertEquals(2, shown.output().lines().filter(line::equals).count(), shown::output);
            assertTrue(shown.output().contains("2 packets captured, 0 lost"), shown::output);
            assertTrue(pinging.process().isAlive(), pinging::output);
        }
    }

    @Test
    void shouldWriteBothDirectionsWithDirectionAndDevice() throws IOException {
        final Path file = directory.resolve("both.pcapng");
        try (BackgroundProcess pinging = ping(peer.podAddress())) {
            final String[] arguments = {"-n4", "-w" + file, "--proto=icmp"};
            errors.getBuffer().setLength(0);
            assertEquals("", capture(arguments), "standard output may be the packets'");
            assertEquals(golden("capture.txt"), errors.toString());
            assertEquals(
                    golden("capture.json"),
                    capture(arguments[0], arguments[1], arguments[2], "--output=json")
                            .replace(file.toString(), "FILE"));
            assertTrue(pinging.process().isAlive(), pinging::output);
        }
        final String request = "weft.1\t0x00000002\t" + node.podAddress() + "\t" + peer.podAddress() + "\t8\n";
        final String reply = "weft.1\t0x00000001\t" + peer.podAddress() + "\t" + node.podAddress() + "\t0\n";
        final String found = tshark(
                file,
                "-T",
                "fields",
                "-e",
                "frame.interface_name",
                "-e",
                "frame.packet_flags_direction",
                "-e",
                "ip.src",
                "-e",
                "ip.dst",
                "-e",
                "icmp.type");
        assertEquals(4, found.lines().count(), found);
        assertTrue(found.contains(request), found);
        assertTrue(found.contains(reply), found);
    }

    @Test
    void shouldShowTheDatagramsThatPacketsAreIn() {
        final Path file = directory.resolve("outer.pcapng");
        try (BackgroundProcess pinging = ping(peer.podAddress())) {
            capture("-n2", "-w" + file, "--view=outer", "--from=10.244.0.0/16");
            assertTrue(pinging.process().isAlive(), pinging::output);
        }
        final String found = tshark(
                file,
                "-d",
                "udp.port==8472,vxlan",
                "-o",
                "ip.check_checksum:TRUE",
                "-T",
                "fields",
                "-e",
                "ip.src",
                "-e",
                "ip.dst",
                "-e",
                "udp.dstport",
                "-e",
                "vxlan.vni",
                "-e",
                "ip.checksum.status");
        final String out = node.underlayAddress() + "," + node.podAddress() + "\t" + peer.underlayAddress() + ","
                + peer.podAddress() + "\t8472\t1\t1,1\n";
        final String in = peer.underlayAddress() + "," + peer.podAddress() + "\t" + node.underlayAddress() + ","
                + node.podAddress() + "\t8472\t1\t1,1\n";
        assertTrue(found.equals(out + in) || found.equals(in + out), found);
    }

    /** What is another number each time is left out. */
    private static String steady(final String text) {
        return text.replaceAll("\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z", "TIME")
                .replaceAll("from port \\d+ by (UDP|packet) socket, in (its )?batch \\d+", "from port PORT by SOCKET")
                .replaceAll("(192.168.100.2) port (?!8472)\\d+", "$1 port PORT")
                .replaceAll("(worker(?:\":)? ?)\\d+", "$1N")
                .replaceAll("next hop \\d+", "next hop N");
    }

    private String trace(final String... options) {
        final StringWriter out = new StringWriter();
        final List<String> all = new ArrayList<>(List.of("trace", "-n1", "--proto=icmp"));
        all.addAll(List.of(options));
        all.add("--run-dir=" + directory.resolve("run"));
        final CommandLine line = WeftCommand.commandLine();
        line.setOut(new PrintWriter(out, true));
        line.setErr(new PrintWriter(errors, true));
        assertEquals(0, line.execute(all.toArray(String[]::new)), errors::toString);
        return steady(out.toString());
    }

    /** A packet that leaves, one that comes, and one that has no way. */
    @ParameterizedTest
    @ValueSource(strings = {"text", "json"})
    void shouldTellTheWholeWayOfThePacketsThatPass(final String form) throws IOException {
        final String output = "--output=" + form;
        final StringBuilder found = new StringBuilder();
        try (BackgroundProcess pinging = ping(peer.podAddress());
                BackgroundProcess astray = ping(NOWHERE)) {
            found.append(trace(output, "--from=" + node.podAddress(), "--to=" + peer.podAddress()));
            found.append(trace(output, "--from=" + peer.podAddress()));
            found.append(trace(output, "--to=" + NOWHERE));
            assertTrue(pinging.process().isAlive() && astray.process().isAlive(), pinging::output);
        }
        assertEquals(golden("trace." + ("text".equals(form) ? "txt" : "json")), found.toString());
        assertTrue(errors.toString().contains("1 packets traced, 0 steps lost"), errors::toString);
    }

    @Test
    void shouldEndWhenNobodyReadsAnyMore() {
        try (BackgroundProcess pinging = ping(peer.podAddress())) {
            for (final String command : List.of("trace -n 100000", "top --interval=1")) {
                try (BackgroundProcess shown = node.namespace().start("sh", "-c", weft(command) + " | head -n 1")) {
                    assertEquals(0, shown.awaitExit(Await.TIMEOUT_MS), shown::output);
                    assertFalse(shown.output().isBlank(), command);
                }
            }
            assertTrue(pinging.process().isAlive(), pinging::output);
        }
    }

    /** Who waits for packets learns that none can come. */
    @Test
    void shouldTellThatTheDaemonWasStoppedMeanwhile() {
        final String pid =
                String.valueOf(Objects.requireNonNull(weftd).process().pid());
        try (BackgroundProcess pinging = ping(peer.podAddress());
                BackgroundProcess traced = node.namespace().start("sh", "-c", "exec " + weft("trace -n 1000000"))) {
            traced.awaitOutput(peer.podAddress(), Await.TIMEOUT_MS);
            Command.run(List.of("kill", "-STOP", pid));
            try {
                traced.awaitOutput(" cannot answer. weft status: process stopped: process " + pid, Await.TIMEOUT_MS);
            } finally {
                Command.run(List.of("kill", "-CONT", pid));
            }
            assertTrue(traced.process().isAlive() && pinging.process().isAlive(), traced::output);
        }
    }

    @Test
    void shouldEndTheFileInOrderWhenItIsToldToEnd() {
        final Path file = directory.resolve("ended.pcapng");
        try (BackgroundProcess pinging = ping(peer.podAddress());
                BackgroundProcess capturing =
                        node.namespace().start(weft("capture egress -w " + file).split(" ", -1))) {
            Await.until(
                    "packets in " + file,
                    Await.TIMEOUT_MS,
                    () -> Files.exists(file) && file.toFile().length() > 400);
            capturing.process().destroy();
            assertEquals(0, capturing.awaitExit(Await.TIMEOUT_MS), capturing::output);
            assertTrue(capturing.output().contains(" packets captured, 0 lost"), capturing::output);
            assertTrue(pinging.process().isAlive(), pinging::output);
        }
        final long packets = tshark(file).lines().count();
        final String statistics = Command.run(List.of("capinfos", "-c", file.toString()));
        assertTrue(packets > 0 && statistics.contains(String.valueOf(packets)), statistics);
    }

    @Test
    void shouldEndTheFileInOrderWhenItsTimeIsOver() {
        final Path file = directory.resolve("timed.pcapng");
        try (BackgroundProcess pinging = ping(peer.podAddress());
                BackgroundProcess capture =
                        node.namespace().start("sh", "-c", "exec " + weft("capture --duration=1 -w " + file))) {
            assertEquals(0, capture.awaitExit(Await.TIMEOUT_MS), capture::output);
            assertTrue(
                    Pattern.compile("(?m)^\\d+ packets captured, 0 lost")
                            .matcher(capture.output())
                            .find(),
                    capture::output);
            final long captured = Long.parseLong(capture.output().replaceAll("(?s).*?(\\d+) packets captured.*", "$1"));
            assertEquals(captured, tshark(file).lines().count(), capture::output);
            assertTrue(pinging.process().isAlive(), pinging::output);
        }
    }

    @Test
    void shouldEndATraceInOrderWhenItIsToldToEnd() {
        try (BackgroundProcess pinging = ping(peer.podAddress());
                BackgroundProcess tracing =
                        node.namespace().start(weft("trace -n 100000").split(" ", -1))) {
            Await.until(
                    tracing::output, Await.TIMEOUT_MS, () -> tracing.output().contains(peer.podAddress()));
            tracing.process().destroy();
            assertEquals(0, tracing.awaitExit(Await.TIMEOUT_MS), tracing::output);
            assertTrue(tracing.output().contains(" packets traced, 0 steps lost"), tracing::output);
            assertTrue(pinging.process().isAlive(), pinging::output);
        }
    }

    /** Also where there was a file before that others may read. */
    @Test
    void shouldBeNobodyElsesToRead() throws IOException {
        final Path file = directory.resolve("private.pcapng");
        Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-r--r--")));
        try (BackgroundProcess pinging = ping(peer.podAddress())) {
            capture("-n1", "-w" + file);
            assertTrue(pinging.process().isAlive(), pinging::output);
        }
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    }

    /** The headers that are put in front are not of the packet that was kept. */
    @ParameterizedTest
    @ValueSource(strings = {"inner", "outer"})
    void shouldKeepNoMoreOfAPacketThanTheFileSays(final String view) throws IOException {
        final Path file = directory.resolve("short-" + view + ".pcapng");
        try (BackgroundProcess pinging = ping(peer.podAddress())) {
            capture("-n2", "-w" + file, "--view=" + view, "-s64", "--proto=icmp");
            assertTrue(pinging.process().isAlive(), pinging::output);
        }
        // The section's header, and behind it the interface's, with the limit at its bytes 12 to 15.
        final ByteBuffer blocks = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        final int limit = blocks.getInt(blocks.getInt(Integer.BYTES) + 3 * Integer.BYTES);
        tshark(file, "-T", "fields", "-e", "frame.cap_len")
                .lines()
                .forEach(length -> assertTrue(Integer.parseInt(length) <= limit, () -> length + " of " + limit));
    }

    /** The reader takes nothing: the ring and the socket fill, and packets go their way. */
    @Test
    void shouldForwardAndCountWhatIsLostWhenNobodyTakesThePackets() throws IOException {
        final int sent = 8_000;
        try (ControlStream stream = ControlStream.open(directory.resolve("run/weft.1.sock"), EVERYTHING)) {
            final long before = received();
            try (DatagramSocket socket = node.pod().call(CaptureTest::socket)) {
                send(socket, sent);
            }
            assertEquals(
                    0,
                    node.pod()
                            .tryExec("ping", "-c", "3", "-i", "0.2", peer.podAddress())
                            .exitCode());
            final long received = received() - before;
            stream.end();
            for (byte[] part = stream.next(); null != part; part = stream.next()) {
                assertTrue(part.length > 0 && part.length < 1 << 17, "memory that the daemon keeps for a part");
            }
            final String words = stream.words();
            assertTrue(words.matches("\\d+ packets captured, [1-9]\\d* lost"), words);
            final String[] numbers = words.split("\\D+", -1);
            final long seen = Long.parseLong(numbers[0]) + Long.parseLong(numbers[1]);
            assertTrue(received > 0 && seen >= received, () -> words + " of " + received + " that came in");
        }
    }

    /** While packets come as fast as they are taken: what was in the ring when the end was said still comes, and no more. */
    @Test
    void shouldEndWhilePacketsGoOnComing() throws IOException {
        final int perPart = 512;
        try (ControlStream stream = ControlStream.open(directory.resolve("run/weft.1.sock"), EVERYTHING);
                DatagramSocket socket = node.pod().call(CaptureTest::socket)) {
            send(socket, 8_000);
            stream.end();
            long length = 0;
            for (byte[] part = stream.next(); null != part; part = stream.next()) {
                length += part.length;
                assertTrue(length < 3L * Capture.RING_LENGTH, "what comes after the end was said");
                send(socket, perPart);
            }
            assertTrue(stream.words().matches("\\d+ packets captured, \\d+ lost"), stream::words);
        }
    }

    /** Packets from pods and from the underlay. */
    private long received() {
        final StringWriter out = new StringWriter();
        final CommandLine line = WeftCommand.commandLine();
        line.setOut(new PrintWriter(out, true));
        assertEquals(0, line.execute("show", "ports", "--run-dir=" + directory.resolve("run")));
        return Pattern.compile("from (?:pods|underlay): packets (\\d+)")
                .matcher(out.toString())
                .results()
                .mapToLong(found -> Long.parseLong(found.group(1)))
                .sum();
    }

    private void send(final DatagramSocket socket, final int packets) throws IOException {
        final InetAddress to = InetAddress.getByName(peer.podAddress());
        final byte[] payload = new byte[1000];
        for (int i = 0; i < packets; i++) {
            socket.send(new DatagramPacket(payload, payload.length, to, 9));
        }
    }

    private static DatagramSocket socket() throws SocketException {
        return new DatagramSocket();
    }
}
