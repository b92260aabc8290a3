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
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.NetworkNamespace;
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
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** What is said of peers whose fault it is, and not said of those whose it is not; each weft node reads leases of its own. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class PeerCausesTest {
    private static final int ABSENT = 5;
    private static final int NAMED = 3;
    private static final String WRONG_MAC = "02:00:00:00:00:99";

    private final CloseAll resources = new CloseAll();
    private final Topology topology = resources.add(Topology.builder().nodes(3).build());
    private final Topology.Node node = topology.node(0);
    private final Topology.Node kernel = topology.node(1);
    private final Topology.Node other = topology.node(2);
    private Path directory = Path.of(".");
    private Operator operator = new Operator(node.namespace(), directory);
    private Operator there = operator;
    private @Nullable BackgroundProcess otherWeftd;

    @BeforeAll
    void startTwoDaemonsOfWhichOneLacksALease(@TempDir final Path temporary) throws IOException {
        directory = temporary;
        operator = new Operator(node.namespace(), directory.resolve("node/run"));
        there = new Operator(other.namespace(), directory.resolve("other/run"));
        topology.kernelVxlan(kernel);
        start(node, "node", WeftdProcess.lease(node), WeftdProcess.lease(kernel), WeftdProcess.lease(other));
        otherWeftd = start(other, "other", WeftdProcess.lease(kernel), WeftdProcess.lease(other));
    }

    private BackgroundProcess start(final Topology.Node on, final String name, final String... leases)
            throws IOException {
        final Path place = Files.createDirectory(directory.resolve(name));
        WeftdProcess.leases(place, leases);
        return resources
                .add(WeftdProcess.start(on, place, "--peer-check-interval=1"))
                .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
    }

    @AfterAll
    void tearDown() {
        resources.close();
    }

    /** Both ends say so: the one that is not answered, and the one that lacks the lease. */
    @Test
    @Order(1)
    void shouldTellBothEndsThatAPeerHasNoLeaseOfThisNode() throws IOException {
        operator.awaitFaultOfWay(
                other, "overlay", "that node has no lease for this one (UNKNOWN_SENDER there, in weft status)");
        there.awaitStatus(
                "  drops     WRONG  ",
                " UNKNOWN_SENDER in the last minute (outer source is of no lease and no Node): if it is a node, its lease is"
                        + " missing here: see whether it has the same registry and prefix; if it sends by another address,"
                        + " --ingress-allow admits it; if it is none, a firewall keeps it out (the last from "
                        + node.underlayAddress() + ", inside " + node.subnetBase() + " > ");
        there.run(StatusCommand.WRONG, "status");
        final String drops = there.run(StatusCommand.OK, "show", "drops");
        assertTrue(drops.contains("if it is a node, its lease is missing here"), drops);
        final BackgroundProcess log = Objects.requireNonNull(otherWeftd);
        log.awaitOutput(
                "No lease or Node names this sender: weft status says what to look at; if it is a node that sends by another"
                        + " address, as behind a NAT, --ingress-allow=",
                Await.TIMEOUT_MS);
        WeftdProcess.leases(
                directory.resolve("other"),
                WeftdProcess.lease(node),
                WeftdProcess.lease(kernel),
                WeftdProcess.lease(other));
        operator.awaitWell(other);
    }

    /** As {@code PathFaultsTest} of a node of the kernel, of one with weft, which takes questions from the address that has a lease alone. */
    @Test
    @Order(2)
    void shouldNameTheMacThatTheLeaseOfAWeftNodeHas() throws IOException {
        final String device = node.underlayDevice();
        node.namespace().ip("address", "add", "192.168.100.99/24", "dev", device);
        node.namespace().ip("route", "add", other.underlayAddress(), "dev", device, "src", "192.168.100.99");
        final Path place = directory.resolve("node");
        WeftdProcess.leases(
                place, WeftdProcess.lease(node), WeftdProcess.lease(kernel), WeftdProcess.lease(other, WRONG_MAC));
        operator.awaitFaultOfWay(other, "mac", "and not what is for MAC " + WRONG_MAC + " that its lease has");
        node.namespace().ip("route", "delete", other.underlayAddress(), "dev", device);
        node.namespace().ip("address", "delete", "192.168.100.99/24", "dev", device);
        WeftdProcess.leases(place, WeftdProcess.lease(node), WeftdProcess.lease(kernel), WeftdProcess.lease(other));
        operator.awaitWell(other);
    }

    @Test
    @Order(2)
    void shouldNotTakeWhatComesForAProofThatAnythingGetsThere() {
        final String firewall = "INPUT -s " + node.underlayAddress() + " -p udp -j DROP";
        kernel.namespace().exec("sh", "-c", "iptables -w -A " + firewall);
        operator.awaitExplanation(
                () -> kernel.pod().tryExec("ping", "-c", "1", "-W", "1", node.podAddress()),
                StatusCommand.WRONG,
                kernel.podAddress(),
                "the node is heard, and does not answer: its overlay is up. One of these:"
                        + " a firewall drops UDP port 8472 one way, there or on the way",
                ". Something has come from it since, which says nothing of what is sent there: whether the packet arrives is not"
                        + " known");
        kernel.namespace().exec("sh", "-c", "iptables -w -D " + firewall);
        operator.awaitWell(kernel);
    }

    /** Nobody else is suspected where this node's own rules say it all. */
    @Test
    @Order(2)
    void shouldNameTheRuleOfThisNodesFirewallThatDropsWhatComes() {
        final String peer = kernel.underlayAddress();
        final String[] words = {
            "this node's own firewall drops what comes from " + peer + ": chain INPUT of table ip filter",
            ", rule ",
            "): let UDP port 8472 pass both ways (nft -a list ruleset and iptables-save show it)"
        };
        node.namespace().exec("sh", "-c", "iptables -w -A INPUT -p udp --dport 8472 -s " + peer + " -j DROP");
        awaitOwnFirewall("overlay", words);
        node.namespace().exec("sh", "-c", "iptables -w -D INPUT -p udp --dport 8472 -s " + peer + " -j DROP");
        node.namespace().exec("sh", "-c", "iptables -w -A INPUT -s " + peer + " -j DROP");
        awaitOwnFirewall("fabric", words);
        node.namespace().exec("sh", "-c", "iptables -w -D INPUT -s " + peer + " -j DROP");
        operator.awaitWell(kernel);
    }

    /** What is sent there arrives all the same, for all that is known here. */
    private void awaitOwnFirewall(final String state, final String... words) {
        operator.awaitPing(3, kernel, words);
        operator.awaitStatus(words);
        operator.awaitExplanation(0, kernel.podAddress(), words);
        operator.awaitExplanation(
                0,
                kernel.podAddress(),
                ". That is of what comes back from there; what is asked for here arrives, for all that is known");
        operator.awaitPing(3, kernel, ": WRONG " + state + ", ");
    }

    private static final String CLOSED =
            "iptables -w -A INPUT -i lo -j ACCEPT; iptables -w -A INPUT -p udp --dport 8472 -j"
                    + " ACCEPT; iptables -w -P INPUT DROP; ";

    private static final String BUT_FOR_ANSWERS =
            "iptables -w -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT";

    private static final String OPEN = "iptables -w -P INPUT ACCEPT; iptables -w -F INPUT";

    /** As the usual firewall does, which lets nothing in but the tunnel and what was asked for: pods are forwarded, and well. */
    @Test
    @Order(2)
    void shouldNotBlameANodeWhoseHostLetsNoPingIn() {
        for (final Topology.Node silent : List.of(other, kernel)) {
            silent.namespace().exec("sh", "-c", CLOSED + BUT_FOR_ANSWERS);
            operator.awaitPing(
                    0,
                    silent,
                    ": ok, underlay no answer, overlay N ms up to 1450 bytes: the node answers no ping, and forwards what pods send,"
                            + " which is well: a firewall there or here lets no ICMP in");
            if (silent.equals(other)) {
                there.awaitWell(node);
            }
            operator.awaitStatus("  peers     ok     2 nodes, all answer");
            silent.namespace().exec("sh", "-c", OPEN);
            operator.awaitWell(silent);
        }
    }

    /** What flanneld has set up is looked at by other words than what weftd has. */
    @Test
    @Order(2)
    void shouldSayWhatToLookAtWhereThePeerIsTheKernels() {
        final String mac = node.vtepMac();
        kernel.namespace().exec("bridge", "fdb", "delete", mac, "dev", "flannel.1", "dst", node.underlayAddress());
        operator.awaitFaultOfWay(
                kernel,
                "overlay",
                "ip route get " + node.subnetBase()
                        + ", ip neigh show dev flannel.1 and bridge fdb show dev flannel.1 there have to name it");
        kernel.namespace().exec("bridge", "fdb", "append", mac, "dev", "flannel.1", "dst", node.underlayAddress());
        operator.awaitWell(kernel);
        kernel.namespace().ip("link", "set", "flannel.1", "down");
        operator.awaitFaultOfWay(
                kernel,
                "overlay",
                "nothing listens on its UDP port 8472",
                "ip link set flannel.1 up, or start flanneld anew");
        kernel.namespace().ip("link", "delete", "flannel.1");
        topology.kernelVxlan(kernel);
        operator.awaitWell(kernel);
    }

    /** The answers come to this host, as no packet of pods does. */
    @Test
    @Order(2)
    void shouldNameTheRuleOfThisNodesFirewallThatDropsTheAnswers() {
        final String words =
                "this node's own firewall drops the answers to its pings, which come by weft.1: chain INPUT of table ip"
                        + " filter";
        node.namespace().exec("sh", "-c", CLOSED);
        operator.awaitPing(
                3, other, ": WRONG fabric, ", words, " drops what it does not accept: let ICMP from there in;");
        operator.awaitExplanation(3, other.podAddress(), words);
        node.namespace().exec("sh", "-c", OPEN);
        node.namespace().exec("iptables", "-w", "-A", "INPUT", "-i", "weft.1", "-j", "DROP");
        operator.awaitPing(3, other, ": WRONG overlay, ", words, ", rule ", "let ICMP from there in;");
        node.namespace().exec("sh", "-c", OPEN);
        operator.awaitWell(other);
    }

    private static void sendWithAnotherVni(final Topology.Node from, final Topology.Node to) {
        final byte[] datagram = new VxlanDatagram(CraftedPacket.udp(
                                PodTun.inet(from.podAddress()),
                                PodTun.inet(to.podAddress()),
                                1000,
                                2000,
                                CraftedPacket.payload(100, 1))
                        .bytes())
                .with(VxlanDatagram.VNI_OFFSET, 0, 0, 2)
                .bytes();
        try (DatagramSocket socket =
                from.namespace().call(() -> new DatagramSocket(new InetSocketAddress(from.underlayAddress(), 0)))) {
            socket.send(new DatagramPacket(
                    datagram, datagram.length, InetAddress.getByName(to.underlayAddress()), KernelVxlan.PORT));
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /**
     * What one peer sends wrongly is no reason why another does not answer. Which was the last is told for a minute: a machine that is
     * slower than that gets another packet.
     */
    @Test
    @Order(2)
    void shouldSuspectAPeerOfItsOwnDropsAlone() throws IOException {
        final String firewall = "INPUT -s " + node.underlayAddress() + " -p udp -j DROP";
        kernel.namespace().exec("sh", "-c", "iptables -w -A " + firewall);
        final String silent = "1 of 2 do not answer as they should: " + kernel.underlayAddress() + " overlay: ";
        operator.awaitStatus(silent);
        final String suspicion = "packets are dropped here (VXLAN_VNI_NOT_FOUND, see drops in weft status); ";
        final String others = statusAfterAnotherVni(other, silent);
        assertFalse(others.contains(suspicion), others);
        statusAfterAnotherVni(kernel, silent, suspicion); // what the test before did may be told of for a while
        kernel.namespace().exec("sh", "-c", "iptables -w -D " + firewall);
        operator.awaitWell(kernel);
    }

    /** What status says once it names a packet of that sender as the last with another VNI. */
    private String statusAfterAnotherVni(final Topology.Node sender, final String... words) {
        final String dropped =
                " VXLAN_VNI_NOT_FOUND in the last minute (VNI is not ours): a peer has another VNI in its network"
                        + " configuration (the last from " + sender.underlayAddress();
        final String[] found = {""};
        Await.until(() -> List.of(words) + " ... " + dropped + "\nnot in\n" + found[0], Await.TIMEOUT_MS, () -> {
            sendWithAnotherVni(sender, node);
            found[0] = operator.status();
            return found[0].contains(dropped) && List.of(words).stream().allMatch(found[0]::contains);
        });
        return found[0];
    }

    /** As of a node whose {@code --public-ip} is not its own: it asks this one all the time, from where no lease says that it is. */
    @Test
    @Order(2)
    void shouldNameTheLeaseWhosePublicAddressIsNotWhereItsPacketsComeFrom() throws IOException {
        final String wrong = "192.168.100.77";
        final Path place = directory.resolve("node");
        WeftdProcess.leases(
                place,
                WeftdProcess.lease(node),
                WeftdProcess.lease(kernel),
                WeftdProcess.lease(other.subnet(), wrong, other.vtepMac()));
        final String words =
                "the lease of " + other.subnet() + " names " + wrong + ", and packets of its pods come from "
                        + other.underlayAddress() + ": its PublicIP is wrong (--public-ip there)";
        operator.awaitStatus(
                "  peers     WRONG  1 of 2 do not answer as they should: " + wrong + " ",
                ": " + words,
                "  drops     WRONG  ",
                " UNKNOWN_SENDER in the last minute: " + words);
        operator.awaitPing(3, wrong, ": " + words);
        operator.awaitExplanation(1, other.podAddress(), "  check      " + wrong + " was found ", ": " + words);
        WeftdProcess.leases(place, WeftdProcess.lease(node), WeftdProcess.lease(kernel), WeftdProcess.lease(other));
        operator.awaitWell(other);
    }

    /** By its own status, before anything is asked; from here it is one cause among others. */
    @Test
    @Order(2)
    void shouldSuspectTheRoutesOfTheOtherHost() {
        final NetworkNamespace host = other.namespace();
        host.ip("link", "add", "aside", "up", "type", "bridge");
        host.ip("address", "add", "10.9.9.1/24", "dev", "aside");
        host.ip("route", "add", node.subnetBase() + "/25", "dev", "aside");
        there.awaitStatus(
                "  peers     WRONG  ",
                node.underlayAddress() + " route: this host's routes lead packets for " + node.subnetBase()
                        + " to aside and not to weft.1");
        operator.awaitPing(
                3,
                other,
                ": WRONG overlay, ",
                "its host's routes lead what is for this node elsewhere than to the tunnel, and rp_filter may drop what comes from"
                        + " here for that (there: weft status; ip route get " + node.subnetBase() + "; nstat -az");
        host.ip("link", "delete", "aside");
        operator.awaitWell(other);
        there.awaitWell(node);
    }

    /** As where another machine has the peer's address too, and gets some of what is for it. */
    @Test
    @Order(2)
    void shouldSayThatTwoMachinesMayHaveTheAddressThatRefusesAndSends() {
        final String firewall = "INPUT -s " + node.underlayAddress() + " -p udp --dport 8472 -j REJECT";
        kernel.namespace().exec("sh", "-c", "iptables -w -A " + firewall);
        operator.awaitExplanation(
                () -> kernel.pod().tryExec("ping", "-c", "1", "-W", "1", node.podAddress()),
                StatusCommand.WRONG,
                kernel.podAddress(),
                "nothing listens on its UDP port 8472",
                "or, since packets of the overlay come from it all the same, a firewall there rejects what is sent to that port"
                        + " (iptables -S INPUT there, or nft list ruleset), or two machines have "
                        + kernel.underlayAddress()
                        + ": compare ip neigh show " + kernel.underlayAddress() + " with ip link there");
        kernel.namespace().exec("sh", "-c", "iptables -w -D " + firewall);
        operator.awaitWell(kernel);
    }

    /** Nodes that have leases, and are not there. */
    @Test
    @Order(3)
    void shouldWordTheFaultsOfThreePeersAndCountTheOthers() throws IOException {
        final String[] leases = new String[ABSENT + 2];
        leases[0] = WeftdProcess.lease(node);
        leases[1] = WeftdProcess.lease(kernel);
        for (int i = 0; i < ABSENT; i++) {
            leases[i + 2] =
                    WeftdProcess.lease("10.244." + (20 + i) + ".0/24", "192.168.100.2" + i, "02:00:00:00:00:2" + i);
        }
        WeftdProcess.leases(directory.resolve("node"), leases);
        final Pattern line = Pattern.compile(
                "  peers     WRONG  5 of 6 do not answer as they should: ((192\\.168\\.100\\.2\\d, ){0,2}192\\.168\\.100\\.2\\d"
                        + " (fabric|local): \\w.*)+; and 2 more\\. weft ping all asks anew, and tells it of each: ");
        operator.awaitStatus("; and 2 more. weft ping all asks anew");
        final String found = operator.run(StatusCommand.WRONG, "status");
        final Matcher matcher = line.matcher(found);
        assertTrue(matcher.find(), found);
        assertEquals(NAMED, addresses(matcher.group()), found);
        WeftdProcess.leases(directory.resolve("node"), WeftdProcess.lease(node), WeftdProcess.lease(kernel));
        operator.awaitStatus("  peers     ok     1 node, all answer");
    }

    private static long addresses(final String text) {
        return Pattern.compile("192\\.168\\.100\\.2\\d")
                .matcher(text)
                .results()
                .map(MatchResult::group)
                .distinct()
                .count();
    }
}
