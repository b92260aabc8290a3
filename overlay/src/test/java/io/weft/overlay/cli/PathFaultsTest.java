/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.VxlanDatagram;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.WeftdProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * What {@code weft ping}, {@code weft status} and {@code weft explain} say of the ways to a kernel node and to a weft node when all is
 * well, and when something is wrong with one of them, with this node or with what they were told. A wrong clock: {@code ClockFaultTest}.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class PathFaultsTest {
    private static final String WRONG_MAC = "02:00:00:00:00:99";
    /** Much more than the device's queue holds. */
    private static final int BURST = 20_000;

    private final CloseAll resources = new CloseAll();
    private final Topology topology = resources.add(Topology.builder().nodes(3).build());
    private final Topology.Node node = topology.node(0);
    private final Topology.Node kernel = topology.node(1);
    private final Topology.Node other = topology.node(2);
    private Path directory = Path.of(".");
    private Operator operator = new Operator(node.namespace(), directory);
    private @Nullable BackgroundProcess weftd;
    private @Nullable BackgroundProcess otherWeftd;

    @BeforeAll
    void startTwoDaemonsBesideAKernelNode(@TempDir final Path temporary) throws IOException {
        directory = temporary;
        operator = new Operator(node.namespace(), directory.resolve("node/run"));
        topology.kernelVxlan(kernel);
        writeLeases(kernel.vtepMac());
        weftd = start(node, "node", "--peer-check-interval=1", "--iptables-resync=1");
        otherWeftd = start(other, "other", "--iptables-forward-rules=false", "--iptables-resync=1");
    }

    private BackgroundProcess start(final Topology.Node on, final String name, final String... options)
            throws IOException {
        final Path place = Files.createDirectory(directory.resolve(name));
        final String[] all = new String[options.length + 2];
        all[0] = "--registry=file:" + directory.resolve("leases.json");
        all[1] = "--iface=" + on.underlayDevice();
        System.arraycopy(options, 0, all, 2, options.length);
        return resources
                .add(WeftdProcess.start(on.namespace(), place, all))
                .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
    }

    private void writeLeases(final String kernelMac) throws IOException {
        writeAllLeases(WeftdProcess.lease(kernel, kernelMac), WeftdProcess.lease(other));
    }

    private void writeAllLeases(final String... leases) throws IOException {
        WeftdProcess.leases(
                directory,
                Stream.concat(Stream.of(WeftdProcess.lease(node)), Stream.of(leases))
                        .toArray(String[]::new));
    }

    @AfterAll
    void tearDown() {
        resources.close();
    }

    @Test
    @Order(1)
    void shouldTellRoundTripAndMtuOfEachPeerWhenAllIsWell() throws IOException {
        operator.awaitWell(kernel);
        operator.awaitWell(other);
        operator.awaitGolden("ping.txt", "ping", "all");
        operator.awaitGolden("ping.json", "ping", "all", "--output=json");
        assertEquals(operator.run(0, "ping", kernel.podAddress()), operator.run(0, "ping", kernel.subnet()));
        Await.until(
                () -> operator.run(0, "show", "peers"),
                Await.TIMEOUT_MS,
                () -> operator.run(0, "show", "peers").matches("(?s).* check ok [^ ]+, round trip \\d+ [nu]?m?s\n.*"));
        operator.awaitStatus("  peers     ok     2 nodes, all answer, checked N s ago\n");
    }

    @Test
    @Order(2)
    void shouldRefuseWhatIsNoPeerByWordsAndExitCode() {
        operator.run(2, "ping");
        operator.run(2, "ping", "nowhere.invalid");
        operator.run(2, "ping", "localhost");
        operator.run(2, "ping", node.podAddress());
        operator.run(2, "ping", node.underlayAddress());
        operator.run(2, "ping", "8.8.8.8");
        operator.run(1, "ping", "10.244.77.7");
        assertTrue(
                operator.errors()
                        .contains(
                                "nowhere.invalid: must be an address, a subnet, a node's name that this host resolves, or \"all\", nowhere.invalid: "),
                operator::errors);
        assertTrue(operator.errors().contains("no peer is at 10.244.77.7 by the tables"), operator::errors);
        assertTrue(
                operator.errors()
                        .contains(
                                ", which this host resolves localhost to, is outside the cluster's networks (10.244.0.0/16), and no"
                                        + " lease here is of a node there"),
                operator::errors);
        assertTrue(
                operator.errors()
                        .contains(
                                node.podAddress() + " is of this node's own pods, which packets come to by the bridge"),
                operator::errors);
        assertTrue(operator.errors().contains(node.underlayAddress() + " is this node itself"), operator::errors);
    }

    @Test
    @Order(2)
    void shouldAskANodeByTheNameThatTheHostKnows() throws IOException {
        final Path hosts = Files.writeString(directory.resolve("hosts"), kernel.underlayAddress() + " worker-2\n");
        final List<String> command = WeftdProcess.java(WeftMain.class);
        command.add(1, "-Djdk.net.hosts.file=" + hosts);
        command.addAll(List.of("ping", "worker-2", "--run-dir=" + directory.resolve("node/run")));
        final String found = node.namespace().exec(command.toArray(String[]::new));
        assertTrue(found.startsWith("weft.1 192.168.100.2 10.244.1.0/24: ok, "), found);
    }

    @Test
    @Order(3)
    void shouldNameTheMacThatTheLeaseHas() throws IOException {
        writeLeases(WRONG_MAC);
        Await.until(
                "lease", Await.TIMEOUT_MS, () -> operator.run(0, "show", "fdb").contains(WRONG_MAC));
        operator.awaitFaultOfWay(
                kernel,
                "mac",
                "the node takes what is for all MACs, and not what is for MAC " + WRONG_MAC
                        + " that its lease has: its device has another one (ip -details link there): restart the daemon of that"
                        + " node, which writes its lease");
        writeLeases(kernel.vtepMac());
        operator.awaitWell(kernel);
        operator.awaitStatus("  peers     ok     2 nodes, all answer, checked N s ago\n");
    }

    private void firewall(final String action, final String... rule) {
        firewall(kernel, action + " INPUT", rule);
    }

    private static void firewall(final Topology.Node of, final String chain, final String... rule) {
        of.namespace().exec("sh", "-c", "iptables -w " + chain + " " + String.join(" ", rule) + " -j DROP");
    }

    @Test
    @Order(4)
    void shouldTellAFirewallOfTheTunnelFromOneOfEverything() {
        firewall("-A", "-p", "udp", "--dport", "8472");
        operator.awaitFaultOfWay(
                kernel,
                "overlay",
                "a firewall drops UDP port 8472, there or on the way, perhaps one way (no rule of iptables or nftables does so"
                        + " here; let it pass both ways;",
                "weftd there is stopped or hung (weft status there)",
                "that node has no lease for this one");
        firewall("-D", "-p", "udp", "--dport", "8472");
        firewall("-A", "-s", node.underlayAddress());
        operator.awaitFaultOfWay(
                kernel,
                "fabric",
                "the fabric does not bring packets to the node, or none back: it is down, or a firewall drops all;"
                        + " try ping and traceroute to it from this node");
        firewall("-D", "-s", node.underlayAddress());
        operator.awaitWell(kernel);
    }

    /** What this node's own socket is refused is nobody else's fault. */
    @Test
    @Order(4)
    void shouldTellWhatThisNodeItselfDoesNotSend() {
        final String peer = kernel.underlayAddress();
        firewall(node, "-A OUTPUT", "-d", peer);
        operator.awaitPing(
                3,
                kernel,
                ": WRONG local, underlay no answer, overlay no answer: this node itself does not send to " + peer
                        + ": its own firewall refuses it, chain OUTPUT of table ip filter");
        operator.awaitFaultOfWay(
                kernel,
                "local",
                "this node itself does not send to " + peer,
                ": its own firewall refuses it, chain OUTPUT of table ip filter");
        firewall(node, "-D OUTPUT", "-d", peer);
        firewall(node, "-A OUTPUT", "-d", peer, "-p", "udp", "--dport", "8472");
        operator.awaitPing(
                3,
                kernel,
                ": WRONG overlay, ",
                ": this node's own firewall drops what goes to " + peer + ": chain OUTPUT of table ip filter");
        final String refused =
                "UNDERLAY_REFUSED in the last minute (host's firewall refused the datagram): a rule of this"
                        + " host's firewall refuses UDP to peers: allow it";
        operator.awaitStatus("  drops     WRONG  ", refused);
        operator.awaitExplanation(1, kernel.podAddress(), "  status     drops ", refused);
        firewall(node, "-D OUTPUT", "-d", peer, "-p", "udp", "--dport", "8472");
        node.namespace().ip("route", "add", "unreachable", peer + "/32");
        operator.awaitPing(3, kernel, ": WRONG local, ", "it has no route there: ip route get " + peer);
        node.namespace().ip("route", "del", "unreachable", peer + "/32");
        operator.awaitWell(kernel);
    }

    /** What is known now counts, and not what a check found a while ago: this daemon has made none yet. */
    @Test
    @Order(5)
    void shouldExplainThatNothingArrivesWhileTheUnderlayIsDown() {
        final Operator there = new Operator(other.namespace(), directory.resolve("other/run"));
        there.awaitExplanation(0, node.podAddress(), "  fdb        ");
        other.namespace().ip("link", "set", other.underlayDevice(), "down");
        there.awaitExplanation(
                1, node.podAddress(), "  status     underlay interface " + other.underlayDevice() + " is down");
        other.namespace().ip("link", "set", other.underlayDevice(), "up");
        there.awaitExplanation(0, node.podAddress(), "  fdb        ");
        operator.awaitWell(other);
    }

    /** The kernel node is made anew with another VNI: it drops what it gets, and what it sends is dropped here. */
    @Test
    @Order(5)
    void shouldTellThatThePeerHasAnotherVni() {
        kernel.namespace().ip("link", "del", KernelVxlan.DEVICE);
        for (final String command : List.of(
                "ip link add flannel.1 address MAC type vxlan id 2 dstport 8472 local ADDRESS nolearning",
                "ip address add BASE/32 dev flannel.1",
                "ip link set flannel.1 up",
                "ip route add 10.244.0.0/24 via 10.244.0.0 dev flannel.1 onlink",
                "ip neigh add 10.244.0.0 lladdr 02:00:00:00:00:01 dev flannel.1",
                "bridge fdb add 02:00:00:00:00:01 dev flannel.1 dst 192.168.100.1")) {
            kernel.namespace()
                    .exec(command.replace("MAC", kernel.vtepMac())
                            .replace("ADDRESS", kernel.underlayAddress())
                            .replace("BASE", kernel.subnetBase())
                            .split(" ", -1));
        }
        operator.awaitFaultOfWay(kernel, "overlay", "the node drops what it gets, since its device has not VNI 1 (");
        final Runnable sends = () -> kernel.pod().tryExec("ping", "-c", "1", "-W", "1", node.podAddress());
        final String words =
                " VXLAN_VNI_NOT_FOUND in the last minute (VNI is not ours): a peer has another VNI in its network";
        operator.awaitDrops(sends, 3, kernel, words);
        operator.awaitExplanation(sends, 3, kernel.podAddress(), "  status     drops ", words); // since it is heard
        kernel.namespace().ip("link", "del", KernelVxlan.DEVICE);
        topology.kernelVxlan(kernel);
        operator.awaitWell(kernel);
    }

    @Test
    @Order(5)
    void shouldTellThatANodeHasNoLeaseHere() throws IOException {
        writeAllLeases(WeftdProcess.lease(other));
        operator.awaitStatus("  leases    ok     1 of other nodes\n");
        node.pod().tryExec("ping", "-c", "1", "-W", "1", kernel.podAddress());
        operator.awaitStatus(
                "(the last 10.244.0.2 > 10.244.1.2: no lease has 10.244.1.2, start weftd or flanneld there if that is a pod)");
        operator.run(1, "ping", kernel.podAddress());
        assertTrue(
                operator.errors().contains("its node has no lease here, or one that is ignored (weft status)."),
                operator::errors);
        operator.awaitExplanation(
                1,
                kernel.podAddress(),
                "  route      none: dropped\n  lease      none has 10.244.1.2: start weftd or flanneld on its node");
        writeLeases(kernel.vtepMac());
        operator.awaitWell(kernel);
    }

    /** What another node has put in its lease is for people to read, and for no terminal to obey. */
    @Test
    @Order(5)
    void shouldShowWhatOthersWroteAsPlainText() throws IOException {
        writeAllLeases(
                WeftdProcess.lease(kernel),
                WeftdProcess.lease(other),
                WeftdProcess.lease("10.244.7.0/24", "192.168.100.7", "02:00:00:00:00:77")
                        .replace("\"vxlan\"", "\"v\\u001b[2J\\n  process   ok     x\\u009b\""));
        final String words =
                "leases.10.244.7.0-24.BackendType has BackendType \"v\\u001b[2J   process   ok     x\\u009b\", the network's";
        operator.awaitStatus("  registry  WRONG  file is not followed");
        for (final String text :
                List.of(operator.run(3, "status"), Objects.requireNonNull(weftd).output())) {
            assertTrue(text.contains(words), text);
            assertFalse(text.matches("(?s).*[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f].*"), text);
        }
        writeLeases(kernel.vtepMac());
        operator.awaitStatus("  registry  ok     file, followed\n");
    }

    /** The file is refused for it; what leases of other registries say, {@code PublicAddressesTest} tells. */
    @Test
    @Order(5)
    void shouldTellThatTwoNodesHaveOneAddress() throws IOException {
        writeAllLeases(
                WeftdProcess.lease(kernel),
                WeftdProcess.lease(other),
                WeftdProcess.lease("10.244.7.0/24", kernel.underlayAddress(), "02:00:00:00:00:77"));
        final String words = "leases.10.244.7.0-24 has the PublicIP of lease 10.244.1.0-24: each node needs its own";
        operator.awaitStatus("  registry  WRONG  ", words);
        operator.awaitPing(0, kernel, "  status     registry ", words);
        operator.awaitExplanation(0, kernel.podAddress(), "  status     registry ", words);
        operator.awaitWell(kernel);
        writeLeases(kernel.vtepMac());
        operator.awaitStatus("  registry  ok     file, followed\n");
    }

    @Test
    @Order(5)
    void shouldTellThatALeaseHasAnotherVni() throws IOException {
        writeAllLeases(
                WeftdProcess.lease(kernel),
                WeftdProcess.lease(other),
                WeftdProcess.lease("10.244.7.0/24", "192.168.100.7", "02:00:00:00:00:77")
                        .replace("\"VNI\":1", "\"VNI\":2"));
        operator.awaitStatus(
                "  leases    WRONG  10.244.7.0-24 has VNI 2, and the network's is 1: if its node has that one too, the"
                        + " two drop each other's packets. Give both one network configuration, and restart the daemon of that"
                        + " node, which writes its lease; in a registry file, write the right one");
        writeLeases(kernel.vtepMac());
        operator.awaitStatus("  leases    ok     2 of other nodes\n");
    }

    /** weftd sets it up again, with its routes. */
    @Test
    @Order(5)
    void shouldHealADeviceThatSomebodySetDown() {
        node.namespace().ip("link", "set", "weft.1", "down");
        operator.awaitWell(kernel);
        operator.awaitExplanation(0, kernel.podAddress(), " dst 192.168.100.2 port 8472");
        operator.awaitFault(
                kernel,
                "device",
                "in the last minute something else deleted weft.1, set it down, or changed its addresses or routes, and weftd put that"
                        + " right (repairs since its start: ");
    }

    /** Whatever the host's own rules say, weft's are in front, and put there again. */
    @Test
    @Order(5)
    void shouldForwardForPodsWhereTheHostForwardsForNobody() {
        node.namespace().exec("iptables", "-w", "-P", "FORWARD", "DROP");
        node.namespace().exec("iptables", "-w", "-I", "FORWARD", "-j", "DROP");
        Await.until(
                () -> "pods to be reached: " + weftd().output(),
                Await.TIMEOUT_MS,
                () -> 0
                        == node.pod()
                                .tryExec("ping", "-c", "1", "-W", "1", kernel.podAddress())
                                .exitCode());
        operator.awaitStatus("  rules     ok     set\n");
        node.namespace().exec("iptables", "-w", "-D", "FORWARD", "-j", "DROP");
        node.namespace().exec("iptables", "-w", "-P", "FORWARD", "ACCEPT");
    }

    /** The other node's daemon was told to leave the rules alone. */
    @Test
    @Order(5)
    void shouldTellThatTheHostForwardsForNobodyWhereTheRulesAreNotWefts() {
        final Operator there = new Operator(other.namespace(), directory.resolve("other/run"));
        other.namespace().exec("iptables", "-w", "-P", "FORWARD", "DROP");
        final String[] words = {
            " drops what it does not accept, and so what pods here and those of other nodes send to each other: leave the"
                    + " rules to weft (--iptables-forward-rules), or let pods pass: iptables",
            " -I FORWARD -d 10.244.0.0/16 -j ACCEPT"
        };
        there.awaitStatus("  rules     WRONG  chain FORWARD of table ip filter", words[0], words[1]);
        there.awaitPing(0, node, "  status     rules chain FORWARD of table ip filter", words[0], words[1]);
        there.awaitExplanation(
                1,
                node.podAddress(),
                "  rules      chain FORWARD of table ip filter",
                "  status     rules chain FORWARD of table ip filter",
                words[0],
                words[1]);
        other.namespace().exec("iptables", "-w", "-P", "FORWARD", "ACCEPT");
        there.awaitStatus("  rules     ok ");
    }

    /** The peer is well; this host keeps for itself what is the peer's, or sends it where no tunnel is. */
    @Test
    @Order(5)
    void shouldBlameThisHostsOwnRouteAndNotThePeer() {
        final String address = kernel.subnet().replace(".0/24", ".1/24");
        final String[] words = {
            "this host's routes lead packets for " + kernel.subnetBase() + " ",
            " and not to weft.1: ip route get " + kernel.subnetBase() + " says where, and has to say dev weft.1"
        };
        node.namespace().ip("address", "add", address, "dev", "cni0");
        operator.awaitFaultOfWay(kernel, "route", words);
        operator.awaitPing(3, kernel, " to cni0 and not to weft.1: ip route get ");
        node.namespace().ip("address", "delete", address, "dev", "cni0");
        operator.awaitWell(kernel);
        node.namespace().ip("route", "add", kernel.subnetBase() + "/32", "dev", "cni0");
        operator.awaitFaultOfWay(kernel, "route", words);
        node.namespace().ip("route", "delete", kernel.subnetBase() + "/32", "dev", "cni0");
        operator.awaitWell(kernel);
        final String half =
                kernel.subnetBase() + "/25"; // with an answer all the same: the third node takes the question on
        node.namespace().ip("route", "add", half, "via", other.underlayAddress());
        operator.awaitFaultOfWay(kernel, "route", words);
        node.namespace().ip("route", "delete", half);
        operator.awaitWell(kernel);
        final String pod = kernel.podAddress() + "/32";
        node.namespace().ip("route", "add", pod, "via", other.underlayAddress());
        operator.awaitExplanation(
                1,
                kernel.podAddress(),
                "  host       this host's routes lead packets for " + kernel.podAddress() + " to "
                        + node.underlayDevice() + " and not to weft.1: ip route get ");
        node.namespace().ip("route", "delete", pod);
        operator.awaitExplanation(0, kernel.podAddress());
        operator.awaitStatus("  peers     ok     2 nodes, all answer, checked N s ago\n");
    }

    @Test
    @Order(5)
    void shouldTellThatPacketsAreDamagedOnTheWay() {
        final String words =
                " IP_CSUM in the last minute (inner IPv4 header checksum is wrong): a link or a network card on the"
                        + " way damages packets, or does not put checksums in: ethtool -S DEVICE on both nodes";
        final Runnable sends = () -> sendDamaged(VxlanDatagram.IP_OFFSET + 10); // of the IPv4 header
        operator.awaitDrops(sends, 0, kernel, words);
        operator.awaitExplanation(sends, 0, kernel.podAddress(), "  status     drops ", words);
        for (int i = 0; i < 20; i++) {
            sendDamaged(VxlanDatagram.IP_OFFSET + 26); // of UDP, which the pod's host drops
        }
        final String damaged =
                " packets from other nodes had a wrong inner checksum: a link or a network card on the way damages";
        operator.awaitStatus("  ports     WRONG  ", damaged);
        operator.awaitPing(0, kernel, "  status     ports ", damaged);
        operator.awaitExplanation(0, kernel.podAddress(), "  status     ports ", damaged);
        operator.awaitWell(kernel);
    }

    /** @param checksum where it is, in the datagram's payload. */
    private void sendDamaged(final int checksum) {
        final byte[] datagram = new VxlanDatagram(CraftedPacket.udp(
                                PodTun.inet(kernel.podAddress()),
                                PodTun.inet(node.podAddress()),
                                1000,
                                2000,
                                CraftedPacket.payload(100, 1))
                        .bytes())
                .with(VxlanDatagram.DESTINATION_OFFSET, 2, 0, 0, 0, 0, 1)
                .with(VxlanDatagram.SOURCE_OFFSET, 2, 0, 0, 0, 0, 2)
                .with(checksum, 0x12, 0x34)
                .bytes();
        try (DatagramSocket socket =
                kernel.namespace().call(() -> new DatagramSocket(new InetSocketAddress(kernel.underlayAddress(), 0)))) {
            socket.send(new DatagramPacket(
                    datagram, datagram.length, InetAddress.getByName(node.underlayAddress()), KernelVxlan.PORT));
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    @Test
    @Order(5)
    void shouldTellThatTheRegistryIsGone() throws IOException {
        Files.delete(directory.resolve("leases.json"));
        final String end =
                ". Packets go by the leases that are known; new nodes are not reached until the file is put right,"
                        + " which weftd sees by itself\n";
        operator.awaitFault(kernel, "registry", "file is not followed at present: ");
        operator.awaitStatus(end);
        operator.awaitPing(0, kernel, end);
        operator.awaitExplanation(0, kernel.podAddress(), end);
        operator.awaitWell(kernel);
        writeLeases(kernel.vtepMac());
        operator.awaitStatus("  registry  ok     file, followed\n");
    }

    private BackgroundProcess weftd() {
        return Objects.requireNonNull(weftd);
    }

    private static void signal(final BackgroundProcess process, final String name) {
        Command.run(List.of("kill", "-" + name, String.valueOf(process.process().pid())));
    }

    /** What does not fit into the device's queue while nobody reads it, the host drops. */
    @Test
    @Order(5)
    void shouldTellThatTheDevicesQueueIsOverrun() throws IOException {
        signal(weftd(), "STOP");
        try (DatagramSocket socket =
                node.pod().call(() -> new DatagramSocket(new InetSocketAddress(node.podAddress(), 0)))) {
            for (int i = 0; i < BURST; i++) {
                socket.send(new DatagramPacket(new byte[1], 1, InetAddress.getByName(kernel.podAddress()), 9));
            }
            operator.awaitPing(
                    3, kernel, ": WRONG overlay, ", ": weftd of this node is stopped: weft status says what to do");
        } finally {
            signal(weftd(), "CONT");
        }
        operator.awaitFault(kernel, "ports", "in the last minute the host lost ");
        operator.awaitPing(
                0,
                kernel,
                " frames from pods and 0 datagrams from the underlay, since weft did not take them in time: give it more"
                        + " CPU, or raise --workers");
        operator.awaitWell(kernel);
    }

    @Test
    @Order(6)
    void shouldTellADaemonThatIsStoppedFromOneThatIsGone() {
        final ProcessHandle process =
                Objects.requireNonNull(otherWeftd).process().toHandle();
        Command.run(List.of("kill", "-STOP", String.valueOf(process.pid())));
        operator.awaitFaultOfWay(other, "overlay", "weftd there is stopped or hung (weft status there)");
        Command.run(List.of("kill", "-CONT", String.valueOf(process.pid())));
        operator.awaitWell(other);
        process.destroyForcibly();
        operator.awaitFaultOfWay(
                other,
                "overlay",
                "the overlay is not there: nothing listens on its UDP port 8472: start weftd there, or whatever its overlay is");
    }

    @Test
    @Order(7)
    void shouldBlameNobodyElseWhereThisNodesDaemonHasEnded() {
        weftd().process().destroy();
        weftd().awaitExit(Await.TIMEOUT_MS);
        operator.awaitPing(
                3,
                kernel,
                ": WRONG local, ",
                "weftd of this node is ended: weft status says what to do",
                "  status     process ended: process ",
                ". Start it again\n");
        operator.awaitExplanation(
                1,
                kernel.podAddress(),
                "  fdb        " + kernel.vtepMac() + " dst " + kernel.underlayAddress(),
                ": it does not answer, and forwards nothing\n",
                "  status     process ended: process ");
    }
}
