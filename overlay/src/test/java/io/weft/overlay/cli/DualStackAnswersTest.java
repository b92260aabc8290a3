/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.WeftdProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the commands say of the only daemon of a host, which has two devices with names of their own: {@code weft.7} and {@code weft-v6.7}. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DualStackAnswersTest {
    private final CloseAll resources = new CloseAll();
    private final Topology topology =
            resources.add(Topology.builder().dualStack().build());
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private Operator operator = new Operator(node.namespace(), Path.of("run"));

    @BeforeAll
    void startTheDaemon(@TempDir final Path directory) throws IOException {
        operator = new Operator(node.namespace(), directory.resolve("run"));
        WeftdProcess.dualStackLeases(directory, "", 7, node, peer);
        resources.add(WeftdProcess.start(node, directory)).awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
    }

    @AfterAll
    void tearDown() {
        resources.close();
    }

    private String explain(final int exitCode, final String... arguments) {
        return operator.run(
                exitCode,
                Stream.concat(Stream.of("explain"), Stream.of(arguments)).toArray(String[]::new));
    }

    /** By the device that has the subnet, whichever is named. */
    @ParameterizedTest
    @CsvSource({
        "--output=text, --output=text",
        "--device=weft.7, --device=weft-v6.7",
    })
    void shouldExplainAddressesOfBothFamilies(final String one, final String other) {
        for (final String option : new String[] {one, other}) {
            final String ipv6 = explain(0, peer.podAddressV6(), option);
            assertTrue(ipv6.contains(" dst " + peer.underlayAddressV6() + " port 8472 vni 7\n"), ipv6);
            final String ipv4 = explain(0, peer.podAddress(), option);
            assertTrue(ipv4.contains(" dst " + peer.underlayAddress() + " port 8472 vni 7\n"), ipv4);
        }
    }

    @Test
    void shouldTellByWhichDeviceAPacketIsDelivered() {
        final String ipv6 = explain(0, node.podAddressV6(), "--from=" + peer.podAddressV6());
        assertTrue(ipv6.contains("\n  from       " + peer.underlayAddressV6() + ", of whose subnet "), ipv6);
        assertTrue(ipv6.contains("\n  delivered  to weft-v6.7: "), ipv6);
        final String ipv4 = explain(0, node.podAddress(), "--from=" + peer.podAddress());
        assertTrue(ipv4.contains("\n  delivered  to weft.7: "), ipv4);
    }

    /** Its peers and threads are of two devices: a node of both families is not two, nor has one thread two lives. */
    @Test
    void shouldTellStatusByDevice() {
        final String status = operator.status();
        assertTrue(status.contains(" 1 node by weft.7, 1 node by weft-v6.7, not checked"), status);
        assertTrue(status.contains(" weft-worker-0 of weft.7 busy "), status);
        assertTrue(status.contains(" weft-worker-0 of weft-v6.7 busy "), status);
    }

    @Test
    void shouldTellThatAnAddressHasNoRouteInEither() {
        final String answer = explain(1, "fd00:10:244:77::7");
        assertTrue(answer.contains("\n  route      none: dropped\n"), answer);
    }

    /** One shows the packets of one device: not of half of them without saying so. */
    @ParameterizedTest
    @ValueSource(strings = {"trace -n 1", "capture -w -", "counters"})
    void shouldNotChooseAmongSeveralDevices(final String line) {
        operator.run(2, line.split(" ", -1));
        assertTrue(
                operator.errors()
                        .contains(
                                " has several devices: name one by --device, of weft.7 and weft-v6.7; for both run this"
                                        + " once for each\n"),
                operator::errors);
    }
}
