/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.cni.PluginProcess.Outcome;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What weft-cni does with the reference bridge behind it, and what it leaves when that fails. */
@RequiresRoot
class PluginTest {
    private static final String POD = "pod-1";

    @TempDir
    Path directory;

    private Node node;
    private TestNetwork network;

    @BeforeEach
    void createNode() {
        use("1.0.0");
    }

    private void use(final String version) {
        node = new Node(directory, version);
        network = node.network();
    }

    @AfterEach
    void close() {
        node.close();
    }

    /** Results have another form. A configuration without a version, as in flannel's manifests until 0.11, means 0.1.0. */
    @ParameterizedTest
    @CsvSource({"0.1.0, 0.1.0", "0.2.0, 0.2.0", "'', 0.1.0"})
    void shouldAddAndDeleteWhenVersionIsOld(final String version, final String spoken) {
        node.close();
        use(version);
        final Outcome added = network.add(POD, node.pod()).succeeded();
        assertEquals(spoken, added.json().get("cniVersion"));
        final Map<String, ?> ip4 = Json.asObject(added.json().get("ip4"));
        assertEquals("10.42.1.2/24", null == ip4 ? "" : ip4.get("ip"));
        assertEquals("", network.delete(POD, node.pod()).succeeded().output());
        node.assertNothingLeft("after DEL");
    }

    @ParameterizedTest
    @EnumSource(
            value = SpecVersion.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"V0_1_0", "V0_2_0"})
    void shouldAddCheckAndDeleteWhenVersionIs(final SpecVersion version) {
        node.close();
        use(version.text());
        final Outcome added = network.add(POD, node.pod()).succeeded();
        assertEquals(version.text(), added.json().get("cniVersion"));
        assertEquals("10.42.1.2", TestNetwork.address(added, 0));
        final List<?> ips = Json.asArray(added.json().get("ips"));
        final Map<String, ?> ip = Json.asObject(null == ips ? null : ips.get(0));
        assertEquals(version.isBefore(SpecVersion.V1_0_0) ? "4" : null, null == ip ? "" : ip.get("version"));
        assertEquals(List.of(POD), network.stateFiles());
        if (!version.isBefore(SpecVersion.V0_4_0)) {
            assertEquals(new Outcome(0, "", ""), network.weftCni("CHECK", POD, node.pod()));
            node.pod().ip("route", "del", "10.42.0.0/16");
            final Outcome broken = network.weftCni("CHECK", POD, node.pod());
            assertEquals(1, broken.exitCode());
            assertTrue(broken.message().contains("delegate bridge failed CHECK"), broken.message());
        }
        assertEquals("", network.delete(POD, node.pod()).succeeded().output());
        node.assertNothingLeft("after DEL");
    }

    @Test
    void shouldKeepStateWhenDelegateFailsToDelete() throws IOException {
        network.add(POD, node.pod()).succeeded();
        final Path fault = Files.createFile(directory.resolve("fault"));
        node.replacePlugin(
                "bridge",
                "[ ! -e " + fault
                        + " ] || { echo '{\"code\":123,\"msg\":\"disk on fire\",\"details\":\"d\"}'; exit 1; }\n"
                        + "exec $REAL");
        final Outcome failed = network.delete(POD, node.pod());
        assertEquals(123, failed.code());
        assertEquals("delegate bridge failed DEL: disk on fire d", failed.message());
        assertEquals(List.of(POD), network.stateFiles());
        assertEquals(List.of("10.42.1.2"), network.reservedAddresses());

        Files.delete(fault);
        network.delete(POD, node.pod()).succeeded();
        node.assertNothingLeft("after the second DEL");
    }

    @Test
    void shouldUndoAddWhenDelegateFailsAtItsEnd() {
        node.replacePlugin(
                "bridge",
                "[ ADD = $CNI_COMMAND ] || exec $REAL\n$REAL >/dev/null\n"
                        + "echo '{\"code\":124,\"msg\":\"late\"}'; exit 1");
        final Outcome failed = network.add(POD, node.pod());
        assertEquals(124, failed.code());
        node.assertNothingLeft("after the failed ADD");
    }

    @Test
    void shouldUndoAddWhenResultIsNoJson() {
        node.replacePlugin("bridge", "[ ADD = $CNI_COMMAND ] || exec $REAL\n$REAL >/dev/null\necho oops");
        final Outcome failed = network.add(POD, node.pod());
        assertEquals(CniException.DECODING_FAILURE, failed.code());
        assertTrue(failed.message().contains("the result of delegate bridge"), failed.message());
        node.assertNothingLeft("after the failed ADD");
    }

    @Test
    void shouldKeepStateWhenAddCanNotBeUndone() {
        node.replacePlugin("bridge", "$REAL >/dev/null\nexit 3");
        final Outcome failed = network.add(POD, node.pod());
        assertTrue(failed.message().contains("exit code 3"), failed.message());
        assertTrue(failed.message().contains("a DEL must follow"), failed.message());
        assertEquals(List.of(POD + ":eth0:adding"), network.stateFiles());

        node.replacePlugin("bridge", "exec $REAL");
        network.delete(POD, node.pod()).succeeded();
        node.assertNothingLeft("after DEL");
    }

    @ParameterizedTest
    @EnumSource(SpecVersion.class)
    void shouldDeleteByCorrectedConfigurationWhenDelegateRefusedTheFirst(final SpecVersion version) {
        node.close();
        use(version.text());
        network.writeSubnetEnv(
                "FLANNEL_NETWORK=10.42.0.0/16",
                "FLANNEL_SUBNET=10.42.1.1/32",
                "FLANNEL_MTU=1450",
                "FLANNEL_IPMASQ=true");
        final Outcome failed = network.add(POD, node.pod());
        assertTrue(failed.message().contains("too small"), failed.message());
        final Outcome refused = network.weftCni("DEL", POD, node.pod());
        assertTrue(refused.message().contains("too small"), refused.message());
        network.writeMasqueradedSubnetEnv();
        network.weftCni("DEL", POD, node.pod()).succeeded();
        node.assertNothingLeft("after the second DEL");
    }

    @Test
    void shouldSayWhatFailedFirstWhenNoConfigurationDeletes() throws IOException {
        node.replacePlugin("bridge", "$REAL >/dev/null\nexit 3");
        network.add(POD, node.pod());
        Files.writeString(network.subnetFile(), "FLANNEL_NETWORK=10.42.0.0/16\n");
        final Outcome failed = network.weftCni("DEL", POD, node.pod());
        assertEquals(CniException.INTERNAL, failed.code());
        assertTrue(failed.message().startsWith("delegate bridge failed DEL: exit code 3"), failed.message());
        assertTrue(failed.message().contains("has no FLANNEL_SUBNET"), failed.message());
        assertEquals(List.of(POD + ":eth0:adding"), network.stateFiles());
    }

    @Test
    void shouldLeaveFirstAloneWhenAddedTwice() {
        network.add(POD, node.pod()).succeeded();
        final Outcome again = network.weftCni("ADD", POD, node.pod());
        assertEquals(CniException.ATTACHMENT_EXISTS, again.code());
        assertTrue(again.message().contains("CNI_IFNAME=\"eth0\" of CNI_CONTAINERID=\"pod-1\""), again.message());
        network.weftCni("CHECK", POD, node.pod()).succeeded();
    }

    @Test
    void shouldSucceedWhenDeletedAgainAndAgain() {
        network.add(POD, node.pod()).succeeded();
        for (int i = 0; i < 3; i++) {
            assertEquals(new Outcome(0, "", ""), network.weftCni("DEL", POD, null));
        }
        assertEquals(List.of(), network.reservedAddresses());
    }

    @Test
    void shouldReturnAddressWhenStateFileIsCutOff() throws IOException {
        for (final int length : new int[] {0, 17}) {
            network.add(POD, node.pod()).succeeded();
            final Path state = network.stateDir().resolve(POD);
            Files.writeString(state, Files.readString(state).substring(0, length));
            final Outcome deleted = network.delete(POD, node.pod()).succeeded();
            assertTrue(deleted.errors().contains("its content is made anew"), deleted.errors());
            node.assertNothingLeft("after DEL with " + length + " bytes of state");
        }
    }

    @Test
    void shouldDeletePodWhenFlannelsPluginHasAddedIt() throws IOException {
        // What flannel's plugin leaves: the same file, here written by hand, and the delegate's work.
        network.add(POD, node.pod()).succeeded();
        final Path state = network.stateDir().resolve(POD);
        final String kept = Files.readString(state);
        assertFalse(kept.contains("\n"), kept);
        Files.delete(state);
        Files.writeString(state, kept.replace("\"cniVersion\":\"1.0.0\"", "\"cniVersion\":\"0.3.1\""));
        network.delete(POD, node.pod()).succeeded();
        node.assertNothingLeft("after DEL");
    }

    @Test
    void shouldKeepTwoDevicesApartWhenContainerHasTwo() {
        // The bridge keeps one chain of masquerade rules per container, so it may not masquerade here.
        network.writeMasqueradedSubnetEnv();
        network.add(POD, node.pod()).succeeded();
        final Map<String, String> second = network.variables("ADD", POD, node.pod());
        second.put(Invocation.IFNAME, "net1");
        run(second).succeeded();
        assertEquals(List.of(POD, POD + ":net1"), network.stateFiles());
        network.weftCni("DEL", POD, node.pod()).succeeded();
        assertEquals(List.of(POD + ":net1"), network.stateFiles());
        assertEquals(List.of("10.42.1.3"), network.reservedAddresses());
        second.put(Invocation.COMMAND, "DEL");
        run(second).succeeded();
        node.assertNothingLeft("after both");
    }

    private Outcome run(final Map<String, String> variables) {
        return PluginProcess.run(
                PluginProcess.inNamespace(
                        node.namespace().name(),
                        InstalledPlugin.binDir().resolve("weft-cni").toString()),
                variables,
                network.stdin());
    }

    @Test
    void shouldDeleteWhatIsStaleWhenCollectingGarbage() throws IOException {
        node.close();
        use("1.1.0");
        try (NetworkNamespace stale = NetworkNamespace.create("stale")) {
            network.add(POD, node.pod()).succeeded();
            network.add("stale", stale).succeeded();
            final Path foreign = network.stateDir().resolve("foreign");
            Files.writeString(foreign, "{\"name\":\"other\",\"type\":\"bridge\"}");
            network.collectGarbage(POD).succeeded();
            assertEquals(List.of("foreign", POD), network.stateFiles());
            assertEquals(List.of("10.42.1.2"), network.reservedAddresses());
            network.collectGarbage().succeeded();
            assertEquals(List.of("foreign"), network.stateFiles());
            assertEquals(List.of(), network.reservedAddresses());
        }
    }

    @Test
    void shouldGoOnAndFailWhenGarbageCanNotBeCollected() {
        node.close();
        use("1.1.0");
        network.add(POD, node.pod()).succeeded();
        node.replacePlugin(
                "bridge",
                "[ DEL != $CNI_COMMAND ] || { echo '{\"code\":125,\"msg\":\"no\"}'; exit 1; }\n" + "exec $REAL");
        final Outcome failed = network.collectGarbage();
        assertEquals(125, failed.code());
        assertTrue(failed.message().startsWith("GC of " + network.stateDir().resolve(POD)), failed.message());
        assertEquals(List.of(POD), network.stateFiles());
    }

    @Test
    void shouldGiveEachItsAddressWhenManyAreAddedAtOnce() {
        final List<NetworkNamespace> pods = new ArrayList<>();
        try {
            final List<CompletableFuture<Outcome>> outcomes = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                final NetworkNamespace pod = NetworkNamespace.create("many" + i);
                final String id = "many-" + i;
                pods.add(pod);
                outcomes.add(CompletableFuture.supplyAsync(() -> network.weftCni("ADD", id, pod)));
            }
            final long distinct = outcomes.stream()
                    .map(each -> TestNetwork.address(each.join().succeeded(), 0))
                    .distinct()
                    .count();
            assertEquals(10, distinct);
            for (int i = 0; i < 10; i++) {
                network.weftCni("DEL", "many-" + i, pods.get(i)).succeeded();
            }
            node.assertNothingLeft("after all");
        } finally {
            pods.forEach(NetworkNamespace::close);
        }
    }

    @Test
    void shouldHandVariablesOnByteForByteWhenLocaleHasNoSuchLetters() throws IOException {
        final Path seen = directory.resolve("seen");
        node.replacePlugin("bridge", "printf %s \"$CNI_ARGS\" >" + seen + "\nexec $REAL");
        final Map<String, String> variables = network.variables("ADD", POD, node.pod());
        PluginProcess.run(
                        PluginProcess.inNamespace(
                                node.namespace().name(),
                                "sh",
                                "-c",
                                "export LC_ALL=C; CNI_ARGS=$(printf 'IgnoreUnknown=1;NAME=\\303\\244'); export CNI_ARGS; exec "
                                        + InstalledPlugin.binDir().resolve("weft-cni")),
                        variables,
                        network.stdin())
                .succeeded();
        assertEquals("IgnoreUnknown=1;NAME=\u00e4", Files.readString(seen));
        network.delete(POD, node.pod()).succeeded();
    }

    @Test
    void shouldCallNoDelegateWhenNothingIsAttached() {
        node.replacePlugin("bridge", "exit 77");
        assertEquals(new Outcome(0, "", ""), network.weftCni("DEL", "unknown", node.pod()));
        assertNull(network.weftCni("CHECK", "unknown", node.pod()).json().get("details"));
    }
}
