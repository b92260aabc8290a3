/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.cni.PluginProcess.Outcome;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * An ADD of a device of a name that the pod has already, from another container ID or another network. It fails, and its
 * undo may not take that device away.
 */
@RequiresRoot
class TakenNameTest {
    private static final String POD = "pod-1";
    private static final String OTHER = "pod-2";
    private static final String DEFAULT_DELEGATE = "{\"hairpinMode\":true}";

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
        node.namespace().ip("link", "add", "lan", "type", "veth", "peer", "name", "lan-end");
        node.namespace().ip("link", "set", "lan", "up");
        node.namespace().ip("link", "set", "lan-end", "up");
    }

    @AfterEach
    void close() {
        node.close();
    }

    /** In 1.1.0 Debian's plugins refuse before they do anything, and are asked again in 1.0.0. */
    @ParameterizedTest
    @CsvSource({"bridge, 1.0.0", "ptp, 1.0.0", "macvlan, 1.0.0", "bridge, 1.1.0", "ptp, 1.1.0", "macvlan, 1.1.0"})
    void shouldLeaveDeviceAloneWhenAnotherContainerHasIt(final String delegate, final String version) {
        node.close();
        use(version);
        network.with("delegate", delegateOf(delegate));
        network.add(POD, node.pod()).succeeded();
        final String device = device("eth0");
        final Outcome failed = network.weftCni("ADD", OTHER, node.pod());
        assertRefused(failed, delegate);
        assertIsAlone(device);
        network.weftCni("DEL", OTHER, node.pod()).succeeded();
        assertIsAlone(device);
        network.weftCni("CHECK", POD, node.pod()).succeeded();
        network.delete(POD, node.pod()).succeeded();
        node.assertNothingLeft("after DEL");
    }

    @ParameterizedTest
    @ValueSource(strings = {"bridge", "ptp", "macvlan"})
    void shouldLeaveDeviceAloneWhenAnotherNetworkHasIt(final String delegate) {
        network.with("delegate", delegateOf(delegate));
        final String config = """
                {"cniVersion":"1.0.0","name":"second","type":"macvlan","master":"lan","ipam":{"type":"host-local",
                "dataDir":"%s/second","ranges":[[{"subnet":"192.168.7.0/24"}]]}}""".formatted(directory);
        node.plugin("macvlan", "ADD", POD, "net1", config).succeeded();
        final String device = device("net1");
        assertRefused(node.plugin(InstallCni.PLUGIN, "ADD", POD, "net1", network.stdin()), delegate);
        assertEquals(device, device("net1"));
        node.assertNothingLeft("after the failed ADD");
        node.plugin(InstallCni.PLUGIN, "DEL", POD, "net1", network.stdin()).succeeded();
        assertEquals(device, device("net1"));
        node.plugin("macvlan", "DEL", POD, "net1", config).succeeded();
        assertEquals("", device("net1"));
    }

    /** Not every delegate gives back by itself what its address plugin has given. */
    @Test
    void shouldReturnAddressWhenDelegateHasTakenItBefore() {
        network.add(POD, node.pod()).succeeded();
        final String device = device("eth0");
        replaceBridge("printf %s \"$input\" | " + InstalledPlugin.binDir().resolve("host-local") + " >"
                + directory.resolve("taken"));
        assertRefused(network.weftCni("ADD", OTHER, node.pod()), "bridge");
        assertTrue(Files.exists(directory.resolve("taken")));
        assertIsAlone(device);
    }

    /** As plugins of containernetworking/plugins up to 1.9.1 say it that Debian does not have, or that the kernel here has not. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "container veth name (\"eth0\") peer provided (\"veth1b2c3d4e\") already exists",
                "failed to rename ipvlan to \"eth0\": file exists",
                "failed to rename vlan to \"eth0\": file exists",
                "failed to rename tap to \"eth0\": file exists",
                "failed to move link failed to rename device \"lan\" to \"eth0\": file exists",
                "failed to create dummy: file exists"
            })
    void shouldLeaveDeviceAloneWhenDelegateSays(final String message) throws IOException {
        network.add(POD, node.pod()).succeeded();
        final String device = device("eth0");
        replaceBridge(fail(message));
        final Outcome failed = network.weftCni("ADD", OTHER, node.pod());
        assertEquals("delegate bridge failed ADD: " + message + " ", failed.message());
        assertIsAlone(device);
    }

    /** Of addresses, routes and other devices the same words are used, after the delegate has made its own. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "failed to add IP addr {10.42.1.2/24} to \"eth0\": file exists",
                "failed to add route '10.42.0.0/16 via 10.42.1.1 dev eth0': file exists",
                "failed to create vlan interface: container veth name provided (cni0.7) already exists",
                "\"cni0\" already exists but is not a bridge"
            })
    void shouldUndoAllWhenDelegateSays(final String message) throws IOException {
        replaceBridge("printf %s \"$input\" | $REAL >/dev/null\n" + fail(message));
        final Outcome failed = network.add(POD, node.pod());
        assertEquals("delegate bridge failed ADD: " + message + " ", failed.message());
        node.assertNothingLeft("after the failed ADD");
    }

    /** What the undo could not do is left for the runtime's DEL, which may not do more either. */
    @Test
    void shouldLeaveDeviceAloneWhenUndoFailsAndDeleteFollows() throws IOException {
        network.add(POD, node.pod()).succeeded();
        final String device = device("eth0");
        final Path fault = Files.createFile(directory.resolve("fault"));
        node.replacePlugin(
                "bridge",
                "[ DEL != $CNI_COMMAND ] || [ ! -e " + fault
                        + " ] || { echo '{\"code\":123,\"msg\":\"disk on fire\"}'; exit 1; }\nexec $REAL");
        final Outcome failed = network.weftCni("ADD", OTHER, node.pod());
        assertRefused(failed, "bridge");
        assertTrue(failed.message().contains("a DEL must follow: delegate bridge failed DEL: disk"), failed.message());
        assertEquals(List.of(POD, OTHER + ":eth0:adding"), network.stateFiles());
        Files.delete(fault);
        network.weftCni("DEL", OTHER, node.pod()).succeeded();
        assertIsAlone(device);
    }

    /** Every namespace has it, and nothing can delete it. */
    @Test
    void shouldRefuseAndForgetWhenNameIsOfLoopback() {
        final Outcome failed = node.plugin(InstallCni.PLUGIN, "ADD", POD, "lo", network.stdin());
        assertEquals(CniException.INVALID_ENVIRONMENT, failed.code(), failed.toString());
        assertTrue(failed.message().startsWith("CNI_IFNAME=\"lo\" is "), failed.message());
        node.assertNothingLeft("after the failed ADD");
        node.plugin(InstallCni.PLUGIN, "DEL", POD, "lo", network.stdin()).succeeded();
    }

    private static String delegateOf(final String type) {
        return "bridge".equals(type) ? DEFAULT_DELEGATE : "{\"type\":\"" + type + "\",\"master\":\"lan\"}";
    }

    /** The bridge with something done in ADD before its own work; the configuration is in {@code $input}. */
    private void replaceBridge(final String beforeAdd) {
        node.replacePlugin(
                "bridge",
                "input=$(cat)\nif [ ADD = $CNI_COMMAND ]; then\n" + beforeAdd + "\nfi\nprintf %s \"$input\" | $REAL");
    }

    /** A line of shell that ends a plugin with an error. */
    private String fail(final String message) throws IOException {
        final Path error = directory.resolve("error");
        Files.write(error, Json.write(Map.of("code", CniException.INTERNAL, "msg", message)));
        return "cat " + error + "; exit 1";
    }

    /** A device of the pod with its number and address, empty if there is none. */
    private String device(final String name) {
        return node.pod().tryExec("ip", "-o", "-4", "addr", "show", name).output();
    }

    private static void assertRefused(final Outcome outcome, final String delegate) {
        assertEquals(CniException.INTERNAL, outcome.code(), outcome.toString());
        assertTrue(outcome.message().startsWith("delegate " + delegate + " failed ADD: "), outcome.message());
        assertTrue(outcome.message().contains(" exists"), outcome.message());
    }

    /** Fails unless the first container's device is there as it was, with its address and state, and nothing else's. */
    private void assertIsAlone(final String device) {
        assertNotEquals("", device);
        assertEquals(device, device("eth0"));
        assertEquals(List.of("10.42.1.2"), network.reservedAddresses());
        assertEquals(List.of(POD), network.stateFiles());
    }
}
