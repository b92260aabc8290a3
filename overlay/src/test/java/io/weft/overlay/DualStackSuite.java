/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.linux.KernelFeatures;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** weftd with pods of both families, with weftd and with the kernel's flannel.1 and flannel-v6.1 as its peer. */
@RequiresRoot
abstract class DualStackSuite {
    private static final String DUAL = "\"Network\":\"" + Topology.CLUSTER_NETWORK
            + "\",\"EnableIPv6\":true,\"IPv6Network\":\"" + Topology.CLUSTER_NETWORK_V6 + "\"";
    private static final String IPV6_ALONE =
            "\"EnableIPv4\":false,\"EnableIPv6\":true,\"IPv6Network\":\"" + Topology.CLUSTER_NETWORK_V6 + "\"";
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final int CAPTURED_PACKETS = 400;

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.builder().dualStack().build();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);

    private final String underlayPort;

    /** @param underlayPort of weftd, as its option says it. */
    DualStackSuite(final String underlayPort) {
        this.underlayPort = underlayPort;
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    /** A lease as flannel writes it for a dual-stack node. */
    private static String lease(final Topology.Node of, final boolean hasPublicIpv6) {
        return "\"" + of.subnet().replace('/', '-') + '&' + of.subnetV6().replace('/', '-') + "\":{\"PublicIP\":\""
                + of.underlayAddress() + "\",\"PublicIPv6\":"
                + (hasPublicIpv6 ? '"' + of.underlayAddressV6() + '"' : "null")
                + ",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + of.vtepMac()
                + "\"},\"BackendV6Data\":{\"VNI\":1,\"VtepMAC\":\"" + of.vtepMacV6() + "\"}}";
    }

    private static String leaseOfIpv6Alone(final Topology.Node of) {
        return "\"" + of.subnetV6().replace('/', '-') + "\":{\"PublicIP\":\"0.0.0.0\",\"PublicIPv6\":\""
                + of.underlayAddressV6() + "\",\"BackendType\":\"vxlan\",\"BackendV6Data\":{\"VNI\":1,\"VtepMAC\":\""
                + of.vtepMacV6() + "\"}}";
    }

    private void write(final String networks, final boolean directRouting, final String... leases) throws IOException {
        Files.writeString(
                directory.resolve("leases.json"),
                "{\"config\":{" + networks + ",\"Backend\":{\"Type\":\"vxlan\",\"DirectRouting\":" + directRouting
                        + "}},\"leases\":{" + String.join(",", leases) + "}}");
    }

    private Path directoryOf(final Topology.Node of) {
        return directory.resolve(String.valueOf(of.letter()));
    }

    private BackgroundProcess start(final Topology.Node on) {
        final BackgroundProcess weftd = WeftdProcess.start(
                        on.namespace(),
                        directoryOf(on),
                        "--registry=file:" + directory.resolve("leases.json"),
                        "--iface=" + on.underlayDevice(),
                        "--underlay-port=" + underlayPort)
                .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
        usePodMtu(on);
        return weftd;
    }

    /** What the CNI plugin does with FLANNEL_MTU. */
    private void usePodMtu(final Topology.Node on) {
        on.pod().ip("link", "set", "eth0", "mtu", Integer.toString(podMtu(on)));
    }

    private int podMtu(final Topology.Node on) {
        try {
            return Files.readAllLines(directoryOf(on).resolve("subnet.env")).stream()
                    .filter(line -> line.startsWith("FLANNEL_MTU="))
                    .mapToInt(line -> Integer.parseInt(line.substring(line.indexOf('=') + 1)))
                    .findFirst()
                    .orElseThrow();
        } catch (final IOException failure) {
            throw new AssertionError(failure);
        }
    }

    /** Kernel devices on the peer; with pods of IPv6 led over the IPv4 underlay if told so. */
    private void startKernel(final boolean ipv6OverIpv4) {
        topology.kernelVxlan(peer);
        peer.pod().ip("link", "set", "eth0", "mtu", "1430");
        if (ipv6OverIpv4) {
            final NetworkNamespace namespace = peer.namespace();
            final String device = KernelVxlan.DEVICE;
            final String base = node.subnetBaseV6();
            namespace.ip("link", "delete", KernelVxlan.DEVICE_V6);
            namespace.ip("neigh", "replace", base, "lladdr", node.vtepMac(), "dev", device, "nud", "permanent");
            namespace.ip("route", "replace", node.subnetV6(), "via", base, "dev", device, "onlink");
        }
    }

    private long sentPackets(final String device) {
        return counted(device, DataPlaneCounter.EGRESS_FORWARDED_PACKETS);
    }

    private long counted(final String device, final DataPlaneCounter counter) {
        final AtomicLong sum = new AtomicLong();
        try (CountersFile file = CountersFile.open(directoryOf(node).resolve("run/" + device + ".counters"))) {
            file.reader().forEach((value, id, label) -> {
                if (counter.label().equals(label)) {
                    sum.addAndGet(value);
                }
            });
        }
        return sum.get();
    }

    private String mtuAndAddress(final String device) {
        final String link = node.namespace().ip("-o", "link", "show", device);
        final String addresses = node.namespace().ip("-o", "address", "show", device, "scope", "global");
        return link.replaceAll("(?s).* mtu (\\d+) .*", "$1") + addresses.replaceAll("(?s).*inet6?( \\S+) .*", "$1");
    }

    private void assertBothFamiliesBothWays() throws Exception {
        for (final boolean ipv6 : new boolean[] {true, false}) {
            PodTraffic.assertCarried(node, peer, ipv6);
            PodTraffic.assertCarried(peer, node, ipv6);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldCarryEachFamilyOverItsOwnUnderlayWhenDualStack(final boolean isPeerKernel) throws Exception {
        write(DUAL, false, lease(node, true), lease(peer, true));
        final BackgroundProcess weftd = start(node);
        if (isPeerKernel) {
            startKernel(false);
        } else {
            start(peer);
        }
        assertEquals("1450 " + node.subnetBase() + "/32", mtuAndAddress("weft.1"));
        assertEquals("1430 " + node.subnetBaseV6() + "/128", mtuAndAddress("weft-v6.1"));
        assertEquals(1430, podMtu(node));
        assertBothFamiliesBothWays();
        final long before = sentPackets("weft.1");
        PodTraffic.assertCarried(node, peer, true);
        assertEquals(before, sentPackets("weft.1"), weftd::output);
        assertTrue(sentPackets("weft-v6.1") > 0, weftd::output);
        for (final String device : new String[] {"weft.1", "weft-v6.1"}) {
            assertEquals(
                    "packet".equals(underlayPort),
                    counted(device, DataPlaneCounter.INGRESS_PACKET_MESSAGES) > 0,
                    () -> device + " by packet socket");
        }
    }

    /** What is longer than the pods' MTU is a superframe, and what fills it fills a segment, whatever the device would carry. */
    @Test
    void shouldSendSuperframesUnsegmentedWhenPodsHaveLessThanTheIpv4Device() throws Exception {
        assumeTrue(KernelFeatures.probe().tunnelSegmentation(), "needs Linux 6.17");
        write(DUAL, false, lease(node, true), lease(peer, true));
        final BackgroundProcess weftd = start(node);
        startKernel(false);
        Await.until("no way to the peer", TIMEOUT_MS, () -> PodTraffic.reaches(node, peer, false));
        try (BackgroundProcess receiver = PodTraffic.startStreamReceiver(peer);
                BackgroundProcess stream = node.pod()
                        .start("iperf3", "--client", peer.podAddress(), "--time", "3600", "--bitrate", "500M")) {
            weftd.awaitOutput("superframes leave unsegmented", TIMEOUT_MS);
            assertTrue(receiver.process().isAlive(), receiver::output);
            assertTrue(stream.process().isAlive(), stream::output);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldCarryIpv6OverIpv4WhenThePeerHasNoPublicIpv6(final boolean isPeerKernel) throws Exception {
        write(DUAL, false, lease(node, false), lease(peer, false));
        final BackgroundProcess weftd = start(node);
        if (isPeerKernel) {
            startKernel(true);
        } else {
            start(peer);
        }
        final String routes = node.namespace().ip("-6", "route");
        assertTrue(routes.contains(peer.subnetV6() + " via fe80::1 dev weft.1 proto 87"), routes);
        assertBothFamiliesBothWays();
        assertEquals(0, sentPackets("weft-v6.1"), weftd::output);
        node.namespace().ip("-6", "route", "delete", peer.subnetV6());
        Await.until(weftd::output, TIMEOUT_MS, () -> PodTraffic.reaches(node, peer, true));
        // The lease gets its address: the kernel's route of this one subnet is in the way from then on.
        write(DUAL, false, lease(node, false), lease(peer, true));
        Await.until(
                weftd::output,
                TIMEOUT_MS,
                () -> !node.namespace().ip("-6", "route").contains(peer.subnetV6()));
    }

    @Test
    void shouldCarryIpv6OverIpv4WhenTheUnderlayHasNoIpv6() throws Exception {
        for (final Topology.Node each : List.of(node, peer)) {
            each.namespace().ip("address", "delete", each.underlayAddressV6() + "/64", "dev", each.underlayDevice());
        }
        write(DUAL, false, lease(node, false), lease(peer, false));
        start(node);
        start(peer);
        assertEquals(1450, podMtu(node));
        assertFalse(node.namespace().ip("-o", "link").contains("weft-v6.1"));
        assertBothFamiliesBothWays();
    }

    /** At boot the address of IPv6 comes with a router's advertisement, when the node has carried pods' packets for long. */
    @Test
    void shouldCarryIpv6OverItsOwnUnderlayWhenItsAddressComesLater() throws Exception {
        final String device = node.underlayDevice();
        node.namespace().ip("address", "delete", node.underlayAddressV6() + "/64", "dev", device);
        write(DUAL, false, lease(node, true), lease(peer, true));
        final BackgroundProcess weftd = start(node);
        startKernel(false);
        Await.until(weftd::output, TIMEOUT_MS, () -> PodTraffic.reaches(node, peer, false));
        node.namespace().ip("address", "add", node.underlayAddressV6() + "/64", "dev", device, "nodad");
        Await.until(weftd::output, TIMEOUT_MS, () -> 1430 == podMtu(node)); // set up anew when the address has stayed
        Await.until(weftd::output, TIMEOUT_MS, () -> PodTraffic.reaches(node, peer, true));
        usePodMtu(node); // of pods that come now
        assertBothFamiliesBothWays();
    }

    @Test
    void shouldCarryIpv4OverIpv6WhenTheUnderlayHasNoIpv4() throws Exception {
        for (final Topology.Node each : List.of(node, peer)) {
            each.namespace().ip("address", "delete", each.underlayAddress() + "/24", "dev", each.underlayDevice());
        }
        final String nowhere = "\"PublicIP\":\"0.0.0.0\"";
        write(
                DUAL,
                false,
                lease(node, true).replaceAll("\"PublicIP\":\"[\\d.]+\"", nowhere),
                lease(peer, true).replaceAll("\"PublicIP\":\"[\\d.]+\"", nowhere));
        start(node);
        start(peer);
        assertFalse(node.namespace().ip("-o", "link").contains("weft.1"));
        assertBothFamiliesBothWays();
    }

    @Test
    void shouldHaveTheIpv6PlaneAloneWhenTheClusterIsOfIpv6Alone() throws Exception {
        write(IPV6_ALONE, false, leaseOfIpv6Alone(node), leaseOfIpv6Alone(peer));
        start(node);
        start(peer);
        assertFalse(node.namespace().ip("-o", "link").contains("weft.1"));
        assertEquals(
                "FLANNEL_IPV6_NETWORK=" + Topology.CLUSTER_NETWORK_V6 + "\nFLANNEL_IPV6_SUBNET="
                        + node.bridgeAddressV6() + "/64\nFLANNEL_MTU=1430\nFLANNEL_IPMASQ=false\n",
                Files.readString(directoryOf(node).resolve("subnet.env")));
        PodTraffic.assertCarried(node, peer, true);
        PodTraffic.assertCarried(peer, node, true);
    }

    @Test
    void shouldSendAValidChecksumWhenTheUnderlayIsIpv6() throws Exception {
        write(DUAL, false, lease(node, true), lease(peer, true));
        start(node);
        startKernel(false);
        // Without this the device would be left to fill the checksum in, and a veth pair never does.
        node.namespace().exec("ethtool", "-K", node.underlayDevice(), "tx", "off");
        final Path file = directory.resolve("capture");
        try (BackgroundProcess capture = capture(file, "ip6 and udp dst port 8472 and src " + node.underlayAddressV6())
                .awaitOutput("listening on", TIMEOUT_MS)) {
            PodTraffic.assertCarried(node, peer, true);
            assertEquals(0, capture.awaitExit(TIMEOUT_MS), capture::output);
        }
        final List<String> states = peer.namespace()
                .exec(
                        "tshark",
                        "-r",
                        file.toString(),
                        "-d",
                        "udp.port==8472,data",
                        "-o",
                        "udp.check_checksum:TRUE",
                        "-T",
                        "fields",
                        "-e",
                        "udp.checksum.status")
                .lines()
                .distinct()
                .toList();
        assertEquals(List.of("1"), states, "1 is tshark's word for: there, and right");
    }

    private BackgroundProcess capture(final Path file, final String filter) {
        return peer.namespace()
                .start(
                        "tcpdump",
                        "-Z",
                        "root",
                        "-i",
                        peer.underlayDevice(),
                        "-c",
                        Integer.toString(CAPTURED_PACKETS),
                        "-w",
                        file.toString(),
                        filter);
    }

    @Test
    void shouldRoutePeersOnTheSameLinkWithoutATunnelWhenDirectRouting() throws Exception {
        final String far = lease(peer, true)
                .replace("10.244.1.0", "10.244.9.0")
                .replace("244:1::", "244:9::")
                .replace(peer.underlayAddress(), "172.16.0.9")
                .replace(peer.underlayAddressV6(), "fd00:172::9")
                .replace(peer.vtepMac(), "02:00:00:00:00:09")
                .replace(peer.vtepMacV6(), "02:00:00:00:06:09");
        write(DUAL, true, lease(node, true), lease(peer, true), far);
        final NetworkNamespace namespace = node.namespace();
        namespace.ip("route", "add", "default", "via", peer.underlayAddress());
        namespace.ip("-6", "route", "add", "default", "via", peer.underlayAddressV6());
        peer.namespace().ip("route", "add", node.subnet(), "via", node.underlayAddress());
        peer.namespace().ip("-6", "route", "add", node.subnetV6(), "via", node.underlayAddressV6());
        final String before = namespace.ip("route") + namespace.ip("-6", "route");
        final BackgroundProcess weftd = start(node);
        peer.pod().ip("link", "set", "eth0", "mtu", "1430");
        Await.until(weftd::output, TIMEOUT_MS, this::isDirect);
        assertFalse(namespace.ip("route").contains("10.244.9.0"), "behind a gateway");
        assertFalse(namespace.ip("-6", "route").contains("244:9::"), "behind a gateway");
        assertBothFamiliesBothWays();
        assertEquals(0, sentPackets("weft.1") + sentPackets("weft-v6.1"));

        namespace.ip("route", "delete", peer.subnet());
        namespace.ip("-6", "route", "delete", peer.subnetV6());
        Await.until(weftd::output, TIMEOUT_MS, this::isDirect);

        weftd.process().destroyForcibly().waitFor();
        assertTrue(isDirect(), "what a killed daemon leaves");
        write(DUAL, true, lease(node, true));
        final BackgroundProcess again = start(node);
        assertFalse(namespace.ip("route").contains(peer.subnet()), again::output);
        assertFalse(namespace.ip("-6", "route").contains(peer.subnetV6()), again::output);
        write(DUAL, true, lease(node, true), lease(peer, true));
        Await.until(again::output, TIMEOUT_MS, this::isDirect);
        again.process().destroy();
        assertEquals(0, again.awaitExit(TIMEOUT_MS), again::output);
        final String after = namespace.ip("route") + namespace.ip("-6", "route");
        final String guards = "(?m)^blackhole (" + Topology.CLUSTER_NETWORK + "|" + Topology.CLUSTER_NETWORK_V6
                + ") (dev lo )?proto 87 metric 2000001.*\n";
        assertEquals(before, after.replaceAll(guards, ""), "all but the guard routes is as it was");
        assertEquals(2, after.split(guards, -1).length - 1, after);
    }

    private boolean isDirect() {
        final String ipv4 = peer.subnet() + " via " + peer.underlayAddress() + " dev " + node.underlayDevice();
        final String ipv6 = peer.subnetV6() + " via " + peer.underlayAddressV6() + " dev " + node.underlayDevice();
        return node.namespace().ip("route").contains(ipv4)
                && node.namespace().ip("-6", "route").contains(ipv6);
    }

    /** One difference that the kernel does not let weftd put right is no reason to leave the others as they are. */
    @Test
    void shouldRepairTheRoutesWhenAnAddressCannotBeRepaired() throws IOException {
        write(DUAL, false, lease(node, true), lease(peer, true));
        try (BackgroundProcess weftd = start(node)) {
            weftd.awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
            node.namespace().sysctl("net/ipv6/conf/weft-v6.1/disable_ipv6", 1);
            weftd.awaitOutput("The host is compared again every second", TIMEOUT_MS);
            node.namespace().ip("route", "delete", Topology.CLUSTER_NETWORK, "dev", "weft.1");
            Await.until(
                    weftd::output,
                    TIMEOUT_MS,
                    () -> node.namespace().ip("route").contains(Topology.CLUSTER_NETWORK + " dev weft.1"));
        }
    }
}
