/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.dataplane.counters.CountersFile;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Clocks are set: by hand, by NTP after a boot without a battery, by a virtual machine that wakes up. Only weftd's own idea of the
 * time is changed here, by libfaketime in its process, and only that of the wall clock, as the kernel does it.
 */
@RequiresRoot
class ClockJumpTest {
    private static final long TIMEOUT_MS = TimeUnit.MINUTES.toMillis(1);
    private static final Path COUNTERS = Path.of("run/weft.1.counters");

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);

    @BeforeEach
    void setUp() throws IOException {
        topology.kernelVxlan(peer);
        writeLeases(lease(node));
        setClock("+0");
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    private static String lease(final Topology.Node of) {
        return "\"" + of.subnet().replace('/', '-') + "\":{\"PublicIP\":\"" + of.underlayAddress()
                + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + of.vtepMac() + "\"}}";
    }

    private void writeLeases(final String leases) throws IOException {
        final Path fresh = Files.writeString(
                directory.resolve("fresh"),
                "{\"config\":{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}},\"leases\":{" + leases
                        + "}}");
        Files.move(fresh, directory.resolve("leases.json"), StandardCopyOption.ATOMIC_MOVE);
    }

    /** @param offset from the machine's clock, such as {@code -1d}. */
    private void setClock(final String offset) throws IOException {
        final Path fresh = Files.writeString(directory.resolve("fresh"), offset + "\n");
        Files.move(fresh, directory.resolve("clock"), StandardCopyOption.ATOMIC_MOVE);
    }

    private static Path library() throws IOException {
        try (DirectoryStream<Path> architectures = Files.newDirectoryStream(Path.of("/usr/lib"), "*-linux-gnu")) {
            for (final Path architecture : architectures) {
                final Path library = architecture.resolve("faketime/libfaketimeMT.so.1");
                if (Files.exists(library)) {
                    return library;
                }
            }
        }
        return Path.of("none");
    }

    private BackgroundProcess start() throws IOException {
        final Path library = library();
        assumeTrue(Files.exists(library), "needs Debian's faketime");
        return node.namespace()
                .start(Stream.concat(
                                Stream.of(
                                        "env",
                                        "LD_PRELOAD=" + library,
                                        "FAKETIME_TIMESTAMP_FILE=" + directory.resolve("clock"),
                                        "FAKETIME_NO_CACHE=1",
                                        "DONT_FAKE_MONOTONIC=1"),
                                Stream.of(WeftdProcess.command(
                                        directory,
                                        "--registry=file:" + directory.resolve("leases.json"),
                                        "--iface=" + node.underlayDevice(),
                                        "--ip-masq",
                                        "--iptables-resync=1")))
                        .toArray(String[]::new));
    }

    private long heartbeatMs() {
        try (CountersFile counters = CountersFile.open(directory.resolve(COUNTERS))) {
            return counters.heartbeatMs();
        }
    }

    private boolean hasRules() {
        return node.namespace().exec("iptables-save", "-t", "nat").contains("-j MASQUERADE");
    }

    private void assertGoesOn(final BackgroundProcess weftd) {
        for (int beat = 0; beat < 2; beat++) {
            final long lastMs = heartbeatMs();
            Await.until(weftd::output, TIMEOUT_MS, () -> lastMs != heartbeatMs());
        }
        node.namespace().exec("iptables", "-t", "nat", "-F", "FLANNEL-POSTRTG");
        Await.until(weftd::output, TIMEOUT_MS, this::hasRules);
        try {
            writeLeases(lease(node));
            Await.until(weftd::output, TIMEOUT_MS, () -> !isReached());
            writeLeases(lease(node) + "," + lease(peer));
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
        assertFalse(weftd.output().contains("taken down"), weftd::output);
    }

    private boolean isReached() {
        return 0
                == node.pod()
                        .tryExec("ping", "-c", "1", "-W", "1", peer.podAddress())
                        .exitCode();
    }

    @Test
    void shouldGoOnWhenTheClockIsSet() throws IOException {
        try (BackgroundProcess weftd = start().awaitOutput("ready: weft.1 forwards", TIMEOUT_MS)) {
            Await.until(weftd::output, TIMEOUT_MS, this::hasRules);
            assertGoesOn(weftd);
            for (final String offset : new String[] {"-1d", "+400d", "-20y", "+0"}) {
                final long beforeMs = heartbeatMs();
                setClock(offset);
                Await.until(
                        () -> "the process to see its clock at " + offset + "\n" + weftd.output(),
                        TIMEOUT_MS,
                        () -> Math.abs(heartbeatMs() - beforeMs) > TimeUnit.HOURS.toMillis(1));
                assertGoesOn(weftd);
            }
            weftd.process().destroy();
            assertEquals(0, weftd.awaitExit(TIMEOUT_MS), weftd::output);
        }
    }
}
