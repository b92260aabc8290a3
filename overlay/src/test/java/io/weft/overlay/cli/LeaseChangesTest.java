/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertFalse;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.WeftdProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What status and explain say, whose peers are checked once in a while, when a lease or this host's routes change in between. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LeaseChangesTest {
    private static final String WRONG_MAC = "02:00:00:00:00:99";
    private static final String WRONG_ADDRESS = "192.168.100.77";

    private final CloseAll resources = new CloseAll();
    private final Topology topology = resources.add(Topology.twoNodes());
    private final Topology.Node node = topology.node(0);
    private final Topology.Node other = topology.node(1);
    private Path directory = Path.of(".");
    private Operator operator = new Operator(node.namespace(), Path.of("."));

    /** The other one asks once a second. */
    @BeforeAll
    void startTwoDaemons(@TempDir final Path temporary) throws IOException {
        directory = Files.createDirectory(temporary.resolve("node"));
        operator = new Operator(node.namespace(), directory.resolve("run"));
        start(node, directory, 3_600);
        start(other, Files.createDirectory(temporary.resolve("other")), 1);
    }

    private void start(final Topology.Node on, final Path place, final int intervalSeconds) throws IOException {
        WeftdProcess.leases(place, WeftdProcess.lease(node), WeftdProcess.lease(other));
        resources
                .add(WeftdProcess.start(on, place, "--peer-check-interval=" + intervalSeconds))
                .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
    }

    @AfterAll
    void tearDown() {
        resources.close();
    }

    private void awaitWell() {
        operator.awaitStatus("  peers     ok     1 node, all answer, checked ");
        operator.awaitExplanation(0, other.podAddress());
    }

    private void lease(final String address, final String mac) throws IOException {
        WeftdProcess.leases(directory, WeftdProcess.lease(node), WeftdProcess.lease(other.subnet(), address, mac));
    }

    /** The MAC that a lease has now is not the one that was found wrong. */
    @Test
    void shouldForgetWhatWasFoundByAFormerLease() throws IOException {
        awaitWell();
        lease(other.underlayAddress(), WRONG_MAC);
        final String fault = other.underlayAddress() + " mac: the node takes what is for all MACs";
        operator.awaitStatus(fault, WRONG_MAC);
        operator.awaitExplanation(1, other.podAddress(), other.underlayAddress() + " was found mac ");
        lease(other.underlayAddress(), other.vtepMac());
        Await.until(
                "the lease",
                Await.TIMEOUT_MS,
                () -> operator.run(0, "show", "fdb").contains(other.vtepMac()));
        final String status = operator.status();
        assertFalse(status.contains(" mac: the node takes"), status);
        awaitWell();
    }

    /** It is asked for at once, and so it is known that nobody is there. */
    @Test
    void shouldNotTakeAPeerThatIsNewForOneThatAnswers() throws IOException {
        awaitWell();
        lease(WRONG_ADDRESS, other.vtepMac());
        operator.awaitExplanation(
                0,
                other.podAddress(),
                "  check      " + WRONG_ADDRESS
                        + " was not checked yet by the way that its lease names now: weft ping ");
        final String words = "the lease of " + other.subnet() + " names " + WRONG_ADDRESS
                + ", and packets of its pods come from " + other.underlayAddress() + ": its PublicIP is wrong";
        operator.awaitStatus("  peers     WRONG  1 of 1 do not answer as they should: " + WRONG_ADDRESS, words);
        operator.awaitExplanation(1, other.podAddress(), "  check      " + WRONG_ADDRESS + " was found ", words);
        lease(other.underlayAddress(), other.vtepMac());
        awaitWell();
    }

    /** No packet has to be sent for it. */
    @Test
    void shouldTellOfThisHostsRoutesAsTheyAreNow() {
        awaitWell();
        node.namespace().ip("rule", "add", "to", other.subnet(), "priority", "100", "blackhole");
        operator.awaitStatus(
                "  peers     WRONG  1 of 1 do not answer as they should: " + other.underlayAddress() + ' ');
        node.namespace().ip("rule", "delete", "priority", "100");
        final String status = operator.status();
        assertFalse(status.contains("  peers     WRONG"), status);
        awaitWell();
    }

    /** As of a check that was made while the rule was there. */
    @Test
    void shouldAskAgainWhomRoutesThatAreMendedHadKeptFromAnswers() throws IOException {
        awaitWell();
        node.namespace().ip("rule", "add", "to", other.subnet(), "priority", "100", "blackhole");
        lease(other.underlayAddress(), WRONG_MAC);
        operator.awaitExplanation(1, other.podAddress(), "  check      " + other.underlayAddress() + " was found ");
        lease(other.underlayAddress(), other.vtepMac());
        operator.awaitExplanation(
                1, other.podAddress(), "  check      " + other.underlayAddress() + " was found route ");
        node.namespace().ip("rule", "delete", "priority", "100");
        final String status = operator.status();
        assertFalse(status.contains("  peers     WRONG"), status);
        awaitWell();
    }
}
