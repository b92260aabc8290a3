/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.forwarding.BufferBudget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What operators are told that the defaults make of their machine is what a weftd has made that takes it for one of so many cores. */
@RequiresRoot
class DefaultsTest {
    private static final Path PAGE = Path.of("..", "docs", "performance.md");
    private static final String HEADING = "| cores | workers |";
    private static final Pattern DATA_THREAD = Pattern.compile("weft-(worker|egress|ingress|egr-.*|igr-.*)-\\d+");

    private static final Pattern QUEUES = Pattern.compile(" numqueues (\\d+) ");

    /** 8472, as /proc/net/udp writes it. */
    private static final String TUNNEL_PORT = ":2118";

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);

    @AfterEach
    void tearDown() {
        topology.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 8, 64, 260})
    void shouldMakeOfAMachineWhatThePageSays(final int cores) throws IOException {
        WeftdProcess.leases(directory, WeftdProcess.lease(node), WeftdProcess.lease(topology.node(1)));
        final List<String> command = new ArrayList<>(List.of(WeftdProcess.command(
                directory, "--registry=file:" + directory.resolve("leases.json"), "--iface=" + node.underlayDevice())));
        command.add(1, "-XX:ActiveProcessorCount=" + cores);
        try (BackgroundProcess weftd = node.namespace().start(command.toArray(String[]::new))) {
            weftd.awaitOutput("ready: weft.1 forwards", WeftdProcess.START_TIMEOUT_MS);
            assertEquals(List.of(made(cores, weftd.process().pid())), rows("| " + cores + " |"), weftd::output);
        }
    }

    @Test
    void shouldHaveSixMachinesOnThePage() throws IOException {
        assertEquals(6, rows("|").size());
    }

    private static List<String> rows(final String beginning) throws IOException {
        return Files.readAllLines(PAGE).stream()
                .dropWhile(line -> !line.startsWith(HEADING))
                .skip(2)
                .takeWhile(line -> line.startsWith("|"))
                .filter(line -> line.startsWith(beginning))
                .toList();
    }

    private String made(final int cores, final long pid) throws IOException {
        final Path process = Path.of("/proc", String.valueOf(pid));
        final int workers = workers();
        final List<String> udpPorts = Files.readAllLines(process.resolve("net/udp")).stream()
                .skip(1)
                .map(line -> line.strip().split(" +", -1)[1])
                .toList();
        final long receiving =
                udpPorts.stream().filter(port -> port.endsWith(TUNNEL_PORT)).count();
        return String.format(
                "| %d | %d | %d | %s | %d | %d | %d | %d |",
                cores,
                workers,
                dataThreads(process),
                tunQueues(),
                receiving,
                udpPorts.size() - receiving,
                BufferBudget.mebibytes(workers),
                BufferBudget.egressMebibytes(workers));
    }

    /** Those that count. */
    private int workers() {
        final Set<Integer> workers = new HashSet<>();
        try (CountersFile file = CountersFile.open(directory.resolve("run").resolve("weft.1.counters"))) {
            file.reader().forEach((id, typeId, key, label) -> {
                if (DataPlaneCounter.EGRESS_MESSAGES.id() == typeId) {
                    workers.add(key.getInt(0));
                }
            });
        }
        return workers.size();
    }

    private static long dataThreads(final Path process) throws IOException {
        try (Stream<Path> threads = Files.list(process.resolve("task"))) {
            return threads.filter(thread -> DATA_THREAD
                            .matcher(text(thread.resolve("comm")).strip())
                            .matches())
                    .count();
        }
    }

    /** Of a device with a single queue nothing is said of them. */
    private String tunQueues() {
        final Matcher queues = QUEUES.matcher(node.namespace().exec("ip", "-details", "link", "show", "weft.1"));
        return queues.find() ? queues.group(1) : "1";
    }

    /** Empty of what has gone meanwhile. */
    private static String text(final Path file) {
        try {
            return Files.readString(file);
        } catch (final IOException gone) {
            return "";
        }
    }
}
