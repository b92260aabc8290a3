/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.weft.cni.PluginProcess.Outcome;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Pods that one of weft-cni and flannel's plugin has added, and the other deletes. Flannel's keeps the delegate's configuration
 * in dataDir/ID, whatever the device's name is, and has the delegate delete by that (flannel-io/cni-plugin, flannel_linux.go).
 */
@RequiresRoot
class FlannelsPluginTest {
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
        // The bridge keeps one chain of masquerade rules per container, and a test here has two devices.
        network = node.network().writeMasqueradedSubnetEnv();
    }

    @AfterEach
    void close() {
        node.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"eth0", "net1"})
    void shouldDeleteDeviceOfAnyNameWhenFlannelsPluginHasAddedIt(final String ifname) throws IOException, CniException {
        addByFlannels(ifname);
        weftCni("DEL", ifname).succeeded();
        assertNothingLeft("after DEL");
    }

    @ParameterizedTest
    @ValueSource(strings = {"eth0", "net1"})
    void shouldBeDeletedByFlannelsPluginWhateverItsName(final String ifname) throws IOException {
        weftCni("ADD", ifname).succeeded();
        final Path state = network.stateDir().resolve(POD);
        final String kept = Files.readString(state);
        assertFalse(kept.contains("\n"), kept);
        Files.delete(state);
        node.plugin("bridge", "DEL", POD, ifname, kept).succeeded();
        assertNothingLeft("after the DEL of flannel's plugin");
    }

    @Test
    void shouldLeaveOtherDeviceAloneWhenItsOwnIsGone() {
        weftCni("ADD", "eth0").succeeded();
        weftCni("ADD", "net1").succeeded();
        for (int i = 0; i < 2; i++) {
            weftCni("DEL", "net1").succeeded();
            assertEquals(List.of("10.42.1.2"), network.reservedAddresses());
            assertEquals(List.of(POD), network.stateFiles());
        }
        weftCni("DEL", "eth0").succeeded();
        assertNothingLeft("after both");
    }

    @ParameterizedTest
    @CsvSource({"eth0, net1", "net1, eth0"})
    void shouldDeleteBothWhenSecondNameCameFirst(final String first, final String second) {
        weftCni("ADD", "net1").succeeded();
        weftCni("ADD", "eth0").succeeded();
        weftCni("DEL", first).succeeded();
        assertEquals(1, network.reservedAddresses().size());
        assertEquals(1, network.stateFiles().size());
        weftCni("DEL", second).succeeded();
        assertNothingLeft("after both");
    }

    @Test
    void shouldLeaveFlannelsDeviceAloneWhenItHasAddedAnother() throws IOException, CniException {
        addByFlannels("eth0");
        weftCni("ADD", "net1").succeeded();
        weftCni("DEL", "net1").succeeded();
        assertEquals(List.of("10.42.1.2"), network.reservedAddresses());
        assertEquals(List.of(POD), network.stateFiles());
        weftCni("DEL", "eth0").succeeded();
        assertNothingLeft("after both");
    }

    /** A runtime may repeat a DEL: the container's file may be of another network of the pod by then. */
    @Test
    void shouldLeaveFlannelsDeviceAloneWhenAnotherNetworkDeletesAgain() throws IOException, CniException {
        addByFlannels("eth0");
        final String other = network.stdin().replace("\"weft-test\"", "\"other\"");
        node.plugin(InstallCni.PLUGIN, "DEL", POD, "net1", other).succeeded();
        assertEquals(List.of("10.42.1.2"), network.reservedAddresses());
        assertEquals(List.of(POD), network.stateFiles());
    }

    /** The same of a second device of the same network, as multus gives one. */
    @Test
    void shouldLeaveFlannelsDeviceAloneWhenAnotherOfItsNetworkIsDeletedAgain() throws IOException, CniException {
        addByFlannels("eth0");
        weftCni("DEL", "net1").succeeded();
        assertEquals(List.of("10.42.1.2"), network.reservedAddresses());
        assertEquals(List.of(POD), network.stateFiles());
        weftCni("DEL", "eth0").succeeded();
        assertNothingLeft("after the DEL of its own");
    }

    /** Of which flannel's plugin has one file, that of the last. */
    @ParameterizedTest
    @CsvSource({"eth0, net1", "net1, eth0"})
    void shouldDeleteBothWhenFlannelsPluginHasAddedBoth(final String first, final String second)
            throws IOException, CniException {
        addByFlannels("eth0");
        addByFlannels("net1");
        weftCni("DEL", first).succeeded();
        assertEquals(1, network.reservedAddresses().size());
        assertEquals(List.of(POD), network.stateFiles());
        weftCni("DEL", second).succeeded();
        assertNothingLeft("after both");
    }

    @ParameterizedTest
    @ValueSource(strings = {"eth0", "net1"})
    void shouldReturnAddressWhenItIsGarbage(final String ifname) throws IOException, CniException {
        node.close();
        use("1.1.0");
        addByFlannels(ifname);
        network.collectGarbage(POD).succeeded();
        assertEquals(List.of("10.42.1.2"), network.reservedAddresses());
        network.collectGarbage().succeeded();
        assertEquals(List.of(), network.reservedAddresses());
        assertEquals(List.of(), network.stateFiles());
    }

    private void assertNothingLeft(final String when) {
        assertFalse(0 == node.pod().tryExec("ip", "link", "show", "net1").exitCode(), when + ": net1 in the pod");
        node.assertNothingLeft(when);
    }

    /** What flannel's plugin does in ADD, and leaves. */
    private void addByFlannels(final String ifname) throws IOException, CniException {
        final byte[] stdin = network.stdin().getBytes(StandardCharsets.UTF_8);
        final Map<String, @Nullable Object> config =
                NetworkConfig.parse(stdin, Command.ADD).delegate(SubnetEnv.read(network.subnetFile()));
        config.put(NetworkConfig.CNI_VERSION, "1.0.0");
        final String kept = new String(Json.write(config), StandardCharsets.UTF_8);
        node.plugin("bridge", "ADD", POD, ifname, kept).succeeded();
        Files.createDirectories(network.stateDir());
        Files.writeString(network.stateDir().resolve(POD), kept);
    }

    private Outcome weftCni(final String command, final String ifname) {
        return node.plugin(InstallCni.PLUGIN, command, POD, ifname, network.stdin());
    }
}
