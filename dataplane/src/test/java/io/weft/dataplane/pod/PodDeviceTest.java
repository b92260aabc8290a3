/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.pod;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.MacAddress;
import io.weft.dataplane.ThreadingMode;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.StaticNode;
import io.weft.dataplane.testing.VxlanDatagram;
import io.weft.linux.DepartureSocket;
import io.weft.linux.Errno;
import io.weft.linux.FrameSocket;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What a veth pair with packet sockets has to have in common with a TUN device, and what it cannot. */
@RequiresRoot
class PodDeviceTest {
    private static final String DEVICE = StaticNode.DEVICE;

    private static void withRtnetlink(final Consumer<Rtnetlink> task) {
        withRtnetlink((namespace, rtnetlink) -> task.accept(rtnetlink));
    }

    private static void withRtnetlink(final BiConsumer<NetworkNamespace, Rtnetlink> task) {
        try (NetworkNamespace namespace = NetworkNamespace.create("pods")) {
            namespace.run(() -> {
                try (Rtnetlink rtnetlink = Rtnetlink.open()) {
                    task.accept(namespace, rtnetlink);
                }
            });
        }
    }

    private static Set<String> sendingFeatures(final PodPort port) {
        try (NetworkNamespace namespace = NetworkNamespace.create("pods")) {
            return namespace.call(() -> {
                try (Rtnetlink rtnetlink = Rtnetlink.open();
                        PodDevice device = port.open(rtnetlink, DEVICE, 1)) {
                    assertEquals(1, device.ports().size());
                    return namespace
                            .exec("ethtool", "-k", DEVICE)
                            .lines()
                            .map(String::strip)
                            .filter(line -> line.startsWith("tx-") && line.contains(": on"))
                            .map(line -> line.substring(0, line.indexOf(':')))
                            .collect(Collectors.toSet());
                }
            });
        }
    }

    /** What a device takes and a vnet header does not tell would leave the node broken: SCTP's checksum, tunnels in tunnels. */
    @Test
    void shouldTakeNothingFromTheHostThatATunDoesNotTake() {
        final Set<String> more = sendingFeatures(PodPort.PACKET);
        assertTrue(more.contains("tx-tcp-segmentation"), more::toString);
        more.removeAll(sendingFeatures(PodPort.TUN));
        assertEquals(Set.of(), more);
    }

    @Test
    void shouldRefuseAPairThatSomebodyReadsFrom() {
        withRtnetlink(rtnetlink -> {
            try (PodDevice device = PodPort.PACKET.open(rtnetlink, DEVICE, 2)) {
                for (final PodPort port : PodPort.values()) {
                    final LinuxException refused =
                            assertThrows(LinuxException.class, () -> port.open(rtnetlink, DEVICE, 1));
                    assertEquals(Errno.EBUSY, refused.errno());
                }
                assertTrue(device.repair(), "is as it was");
            }
            assertTrue(rtnetlink.link(DEVICE).isEmpty());
        });
    }

    @Test
    void shouldLeaveDevicesOfOthersAlone() {
        withRtnetlink(rtnetlink -> {
            rtnetlink.addVeth(
                    DEVICE, MacAddress.parse("02:00:00:00:00:01"), "other", MacAddress.parse("02:00:00:00:00:02"));
            final int index = rtnetlink.link(DEVICE).orElseThrow().index();
            for (final PodPort port : PodPort.values()) {
                final LinuxException refused =
                        assertThrows(LinuxException.class, () -> port.open(rtnetlink, DEVICE, 1));
                assertTrue(
                        String.valueOf(refused.getMessage()).contains("of another kind exists"), refused::getMessage);
            }
            assertEquals(index, rtnetlink.link(DEVICE).orElseThrow().index());
        });
    }

    @Test
    void shouldReplaceAPairWithoutAReader() {
        withRtnetlink(rtnetlink -> {
            final PodDevice left = PodPort.PACKET.open(rtnetlink, DEVICE, 1);
            final int index = rtnetlink.link(DEVICE).orElseThrow().index();
            left.ports().forEach(port -> ((FrameSocket) port).close());
            try (PodDevice device = PodPort.PACKET.open(rtnetlink, DEVICE, 1)) {
                assertTrue(device.repair());
                assertNotEquals(index, rtnetlink.link(DEVICE).orElseThrow().index());
                left.close();
                assertTrue(device.repair(), "the one that is gone takes no other along");
            }
        });
    }

    /** What is done to an end, by its name and an `ip link set` that may name another namespace; then none of it is left. */
    private static void assertTakenAway(
            final String end, final String change, final BiConsumer<Rtnetlink, PodDevice> takenAway) {
        try (NetworkNamespace elsewhere = NetworkNamespace.create("elsewhere")) {
            withRtnetlink((namespace, rtnetlink) -> {
                final List<Link> before = rtnetlink.links();
                final PodDevice device = PodPort.PACKET.open(rtnetlink, DEVICE, 1);
                namespace.ip("link", "set", end, "down"); // before Linux 6.2 only then it takes another name
                namespace.exec("sh", "-c", "ip link set " + end + " " + change.replace("ELSEWHERE", elsewhere.name()));
                takenAway.accept(rtnetlink, device);
                assertEquals(before, rtnetlink.links());
                assertEquals("", elsewhere.ip("-oneline", "link", "show", "type", "veth"));
                device.close();
            });
        }
    }

    private static void assertKilledAndTakenAway(
            final String end, final String change, final Consumer<Rtnetlink> takenAway) {
        assertTakenAway(end, change, (rtnetlink, left) -> {
            left.ports().forEach(port -> ((FrameSocket) port).close());
            takenAway.accept(rtnetlink);
        });
    }

    /** As rules of udev rename devices, and containers are given them. */
    @ParameterizedTest
    @CsvSource({"weft.1,name wx", "weft.1,netns ELSEWHERE", "weft.1-far,name wx", "weft.1-far,netns ELSEWHERE"})
    void shouldTakeAPairAwayOfWhichOneEndIsWhereItWas(final String end, final String change) {
        assertTakenAway(end, change, (rtnetlink, device) -> device.close());
        assertKilledAndTakenAway(end, change, rtnetlink -> {
            try (PodDevice next = PodPort.PACKET.open(rtnetlink, DEVICE, 1)) {
                assertTrue(next.repair());
            }
        });
    }

    @ParameterizedTest
    @CsvSource({"weft.1,name wx", "weft.1,netns ELSEWHERE", "weft.1-far,name wx", "weft.1-far,netns ELSEWHERE"})
    void shouldFindAPairByWhatIsLeftOfIt(final String end, final String change) {
        assertKilledAndTakenAway(
                end,
                change,
                rtnetlink -> assertEquals(1, PodPort.removeLeft(rtnetlink).size()));
    }

    @Test
    void shouldLeaveAPairAloneThatSomebodyReadsFromByWhateverName() {
        withRtnetlink((namespace, rtnetlink) -> {
            try (PodDevice device = PodPort.PACKET.open(rtnetlink, DEVICE, 1)) {
                namespace.ip("link", "set", DEVICE + "-far", "down");
                namespace.ip("link", "set", DEVICE + "-far", "name", "wx");
                assertEquals(List.of(), PodPort.removeLeft(rtnetlink));
                final LinuxException refused =
                        assertThrows(LinuxException.class, () -> PodPort.PACKET.open(rtnetlink, DEVICE, 1));
                assertEquals(Errno.EBUSY, refused.errno());
                assertTrue(device.repair());
            }
        });
    }

    /** One MAC address may be another's by chance, or because it was copied. */
    @ParameterizedTest
    @CsvSource({"02:77:65:66:74:01,02:00:00:00:00:02", "02:00:00:00:00:01,02:77:65:66:74:02"})
    void shouldLeaveAPairAloneOfWhichOneEndIsNotItsOwn(final MacAddress near, final MacAddress far) {
        withRtnetlink(rtnetlink -> {
            rtnetlink.addVeth("other", near, "other-far", far);
            assertEquals(List.of(), PodPort.removeLeft(rtnetlink));
            PodPort.PACKET.open(rtnetlink, DEVICE, 1).close();
            assertTrue(rtnetlink.link("other").isPresent());
        });
    }

    /** The other end of a pod's pair is in the pod's network namespace too. */
    @Test
    void shouldLeaveANearEndAloneOfWhichOnlyTheAddressIsItsOwn() {
        try (NetworkNamespace pod = NetworkNamespace.create("pod")) {
            withRtnetlink((namespace, rtnetlink) -> {
                namespace.exec(
                        "sh",
                        "-c",
                        "ip link add other address 02:77:65:66:74:01 type veth peer name other-far address 02:77:65:66:74:02"
                                + " && ip link set other-far netns " + pod.name());
                assertEquals(List.of(), PodPort.removeLeft(rtnetlink));
                assertTrue(rtnetlink.link("other").isPresent());
            });
        }
    }

    /** As tcpdump and lldpd do, on all interfaces that they find. */
    @Test
    void shouldReplaceAPairThatIsOnlyWatched() {
        withRtnetlink(rtnetlink -> {
            final PodDevice left = PodPort.PACKET.open(rtnetlink, DEVICE, 1);
            left.ports().forEach(port -> ((FrameSocket) port).close());
            final int far = rtnetlink.link(DEVICE + "-far").orElseThrow().index();
            try (DepartureSocket watcher = DepartureSocket.open(far, 8472, 1450);
                    PodDevice device = PodPort.PACKET.open(rtnetlink, DEVICE, 1)) {
                assertFalse(watcher.hasSeen());
                assertTrue(device.repair());
                left.close();
            }
        });
    }

    @Test
    void shouldCutNamesThatAreTooLong() {
        assertEquals("weft.1-far", SiblingName.of("weft.1", "-far"));
        assertEquals(15, SiblingName.of("weft-v6.1677721", "-far").length());
        assertNotEquals(SiblingName.of("weft-v6.1677721", "-far"), SiblingName.of("weft-v6.1677722", "-far"));
    }

    /** A TUN has the host cut or refuse it, as the sender is told by ICMP. */
    @Test
    void shouldCountWhatIsLongerThanTheDeviceTakes() throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final Topology topology = resources.add(Topology.twoNodes());
            final StaticNode.Options options = new StaticNode.Options();
            options.podPort = PodPort.PACKET;
            final StaticNode node = resources.add(StaticNode.start(topology, topology.node(1), options));
            final DatagramSocket peer =
                    resources.add(topology.node(0).namespace().call(DatagramSocket::new));
            final InetAddress vtep = InetAddress.getByName(topology.node(1).underlayAddress());
            for (final int extra : new int[] {0, 1}) {
                final byte[] datagram = new VxlanDatagram(CraftedPacket.udp(
                                        PodTun.inet("10.244.0.77"),
                                        PodTun.inet("10.244.1.2"),
                                        1,
                                        2,
                                        new byte[topology.podMtu() - 28 + extra])
                                .bytes())
                        .bytes();
                peer.send(new DatagramPacket(datagram, datagram.length, vtep, KernelVxlan.PORT));
            }
            Await.until(
                    () -> node.counters().toString(),
                    Await.TIMEOUT_MS,
                    () -> 2 == node.counters().of(DataPlaneCounter.INGRESS_RECEIVED_PACKETS));
            node.counters().awaitConserved();
            assertEquals(Map.of(DropReason.PKT_TOO_BIG, 1L), node.counters().drops());
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldCountWhatTheHostSentWhileNobodyRead(final PodPort podPort) throws Exception {
        final int sent = 40_000;
        try (CloseAll resources = new CloseAll()) {
            final Topology topology = resources.add(Topology.twoNodes());
            final StaticNode.Options options = new StaticNode.Options();
            options.podPort = podPort;
            options.threadingMode = ThreadingMode.INVOKER;
            final StaticNode node = resources.add(StaticNode.start(topology, topology.node(0), options));
            final DatagramSocket host =
                    resources.add(topology.node(0).namespace().call(DatagramSocket::new));
            for (int i = 0; i < sent; i++) {
                host.send(new DatagramPacket(new byte[8], 8, PodTun.inet("10.244.1.2"), 9));
            }
            Await.until(() -> node.counters().toString(), Await.TIMEOUT_MS, () -> {
                int work;
                do {
                    work = node.dataPlane().invoke();
                } while (work > 0);
                node.dataPlane().countLosses(node.podDevice().takeLosses(), 0);
                return node.counters().of(DataPlaneCounter.EGRESS_HOST_LOSSES)
                                + node.counters().of(DataPlaneCounter.EGRESS_RECEIVED_FRAMES)
                        >= sent;
            });
            assertTrue(
                    node.counters().of(DataPlaneCounter.EGRESS_HOST_LOSSES) > 0,
                    () -> node.counters().toString());
        }
    }
}
