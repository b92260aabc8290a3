/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Values that only a host can tell to be wrong: weftd ends with one line that names the flag, and has touched nothing. Those that
 * are wrong everywhere are in {@link io.weft.overlay.options.WeftdCommandLineTest}.
 */
@RequiresRoot
class BadInputTest {
    private static final long TIMEOUT_MS = TimeUnit.MINUTES.toMillis(1);

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);

    @BeforeEach
    void setUp() throws IOException {
        Files.writeString(
                directory.resolve("leases.json"),
                "{\"config\":{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}},\"leases\":{\"10.244.0.0-24\":"
                        + "{\"PublicIP\":\"" + node.underlayAddress()
                        + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + node.vtepMac()
                        + "\"}}}}");
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "--iface=eth7 | no interface matches --iface=eth7: there is lo, uA",
                "--iface=192.168.100.1/24 | no interface matches --iface=192.168.100.1/24",
                "--iface=192.168.100.2 | no interface matches --iface=192.168.100.2",
                "--iface=lo | interface lo has no IPv4 address but those of this host alone",
                "--iface-regex=^wlan | no interface matches --iface-regex=^wlan",
                "--iface-can-reach=203.0.113.9 | no interface leads to --iface-can-reach=203.0.113.9",
                "--iface=uA --public-ipv6=fd00::1 | --public-ipv6=fd00::1: the underlay has no address",
                "--iface=uA --healthz-ip=here --healthz-port=8081 | listen on --healthz-ip=here --healthz-port=8081",
                "--iface=uA --healthz-ip=192.0.2.7 --healthz-port=8081 | listen on --healthz-ip=192.0.2.7 --healthz-port=8081",
                "--iface=uA --device-name=uA | uA",
                "--iface=uA --device-name=lo | lo",
                "--iface=uA --pod-port=packet --device-name=uA | An interface uA or uA-far of another kind exists",
                "--iface=uA --pod-port=packet --device-name=lo | An interface lo or lo-far of another kind exists",
                "--iface=uA --run-dir=/proc/version/run | Choose a writable directory by --run-dir",
                "--iface=uA --subnet-file=/proc/version/subnet.env | Choose a writable place by --subnet-file",
                "--iface=uA --counters-file=/proc/version/counters | Choose a writable place by --counters-file",
                "--iface=uA --registry=file:/nowhere | /nowhere",
                "--iface=uA --registry=file:/ | /",
                "--iface=uA --registry=etcd --etcd-endpoints=ftp://here | --etcd-endpoints",
                "--iface=uA --registry=etcd --etcd-endpoints= | --etcd-endpoints",
                "--iface=uA --registry=etcd --etcd-endpoints=https://10.0.0.9:2379 --etcd-cafile=/nowhere | --etcd-cafile",
                "--iface=uA --registry=etcd --etcd-endpoints=https://10.0.0.9:2379 --etcd-keyfile=/nowhere | --etcd-keyfile",
                "--iface=uA --registry=etcd --etcd-endpoints=https://10.0.0.9:2379 --etcd-certfile=/nowhere | --etcd-certfile",
                "--iface=uA --registry=kube --net-config-path=DIR/net-conf.json --kubeconfig-file=/nowhere | --kubeconfig-file",
                "--iface=uA --registry=kube --net-config-path=DIR/net-conf.json | --kube-api-url",
                "--iface=uA --registry=kube --kube-api-url=http://10.0.0.9 --net-config-path=/nowhere | --net-config-path",
            })
    void shouldNameTheFlagAndTouchNothing(final String flags, final String message) throws IOException {
        Files.writeString(
                directory.resolve("net-conf.json"), "{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}}");
        final String before = state();
        final List<String> options = new ArrayList<>(List.of("--registry=file:" + directory.resolve("leases.json")));
        options.addAll(List.of(flags.replace("DIR", directory.toString()).split(" ", -1)));
        try (BackgroundProcess weftd =
                WeftdProcess.start(node.namespace(), directory, options.toArray(String[]::new))) {
            assertEquals(1, weftd.awaitExit(TIMEOUT_MS), weftd::output);
            final String last = weftd.output().lines().reduce("", (one, other) -> other);
            assertTrue(last.startsWith("weftd: ") && last.contains(message), weftd::output);
            assertFalse(weftd.output().contains("\tat "), weftd::output);
            assertFalse(last.matches(".*\\bjava\\.(io|nio|lang|net)\\..*"), last);
        }
        assertEquals(before, state());
    }

    /** Devices, addresses, routes, rules and files. A run directory stays, and in it why the start failed. */
    private String state() {
        return List.of(
                                "ip -o -4 address",
                                "ip -br link",
                                "ip route show table all",
                                "nft list ruleset",
                                "iptables-save -t nat")
                        .stream()
                        .map(command -> HostState.output(node.namespace(), command.split(" ", -1)))
                        .map(text -> text.replaceAll("(?m)^cni0 .*\n", "")) // whose ports come and go with the pods
                        .reduce("", String::concat)
                + node.namespace()
                        .exec(
                                "find",
                                directory.toString(),
                                "!",
                                "-name",
                                "run",
                                "!",
                                "-name",
                                "weftd-*.status",
                                "-printf",
                                "%P %m %s\\n");
    }
}
