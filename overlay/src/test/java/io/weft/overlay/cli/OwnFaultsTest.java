/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertFalse;

import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.WeftdProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Faults in what this node itself does with packets of pods, in front of the tunnel and behind it: all ways to peers are well. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class OwnFaultsTest {
    private static final String OTHER_SUBNET = "10.244.9.1/24";
    private static final String RULES_SET = "  rules     ok     set\n";

    private final CloseAll resources = new CloseAll();
    private final Topology topology = resources.add(Topology.builder().nodes(2).build());
    private final Topology.Node node = topology.node(0);
    private final Topology.Node kernel = topology.node(1);
    private Operator operator = new Operator(node.namespace(), Path.of("."));

    @BeforeAll
    void startADaemonBesideAKernelNode(@TempDir final Path directory) throws IOException {
        operator = new Operator(node.namespace(), directory.resolve("run"));
        topology.kernelVxlan(kernel);
        WeftdProcess.leases(directory, WeftdProcess.lease(node), WeftdProcess.lease(kernel, kernel.vtepMac()));
        resources
                .add(WeftdProcess.start(
                        node.namespace(),
                        directory,
                        "--registry=file:" + directory.resolve("leases.json"),
                        "--iface=" + node.underlayDevice(),
                        "--peer-check-interval=1",
                        "--iptables-resync=1"))
                .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
        operator.awaitWell(kernel);
    }

    @AfterAll
    void tearDown() {
        resources.close();
    }

    private void nft(final String script) {
        node.namespace().exec("nft", script);
    }

    private void chain(final String hook, final String rule) {
        nft("add table ip other");
        nft("add chain ip other c { type filter hook " + hook + " priority 0 ; }");
        nft("add rule ip other c " + rule);
    }

    private void deleteChain() {
        nft("delete table ip other");
        operator.awaitStatus(RULES_SET);
    }

    private void awaitExplanations(final int egress, final int ingress, final String words) {
        operator.awaitExplanation(egress, kernel.podAddress(), 0 == egress ? "" : words);
        operator.awaitExplanationFrom(kernel.podAddress(), ingress, node.podAddress(), 0 == ingress ? "" : words);
    }

    /** Weft's own, which accept, stand behind them or in another table. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "forward    | iifname cni0 oifname weft.1 drop | 1 | 0 | what pods here send to other nodes",
                "forward    | iifname weft.1 reject            | 0 | 1 | what pods of other nodes send to those here",
                "forward    | ip saddr 10.244.0.0/16 drop      | 1 | 1 | what pods here and those of other nodes send to each other",
                "forward    | ct state new drop                | 1 | 1 | what pods here and those of other nodes send to each other"
            })
    void shouldNameTheRuleThatDropsWhatIsForwarded(
            final String hook, final String rule, final int egress, final int ingress, final String packets) {
        chain(hook, rule);
        final String place = "chain c of table ip other, rule 1 (";
        operator.awaitStatus(
                "  rules     WRONG  " + place, "), drops " + packets + ": take that rule away, or let pods");
        operator.awaitPing(0, kernel, "  status     rules " + place);
        awaitExplanations(egress, ingress, "  rules      " + place);
        deleteChain();
    }

    @ParameterizedTest
    @CsvSource({"iptables-nft, -I", "iptables-legacy, -I", "iptables-nft, -t mangle -A"})
    void shouldNameARuleOfIptablesThatStandsInFrontOfWefts(final String tool, final String command) {
        final String rule = "FORWARD -i weft.1 -j DROP";
        node.namespace().exec("sh", "-c", tool + " -w " + command + ' ' + rule);
        operator.awaitStatus("  rules     WRONG  chain FORWARD of table ip ", ", rule 1 (");
        awaitExplanations(0, 1, "  rules      chain FORWARD of table ip ");
        node.namespace().exec("sh", "-c", tool + " -w " + command.replaceFirst("-[IA]", "-D") + ' ' + rule);
        operator.awaitStatus(RULES_SET);
    }

    /** It may be what somebody wanted: no fault, unless it is for just this packet. */
    @Test
    void shouldOfferARuleThatDropsSome() {
        chain("forward", "ip daddr " + kernel.subnet() + " drop");
        final String rule = "chain c of table ip other, rule 1 (drop), ";
        operator.awaitStatus("  rules     ok     set; " + rule + "may keep some of what pods here and ");
        operator.awaitPing(0, kernel, "  status     rules " + rule + "drops what pods here send to other nodes: ");
        awaitExplanations(1, 0, "  rules      " + rule + "drops what pods here send to other nodes: ");
        deleteChain();
        chain("forward", "ip protocol icmp drop");
        operator.awaitExplanation(0, kernel.podAddress(), "  rules      " + rule + "may keep some of ");
        deleteChain();
    }

    /** What it does to the one direction it does not do to the other. */
    @Test
    void shouldAnswerForTheDirectionThatIsAskedFor() {
        final String peer = kernel.underlayAddress();
        chain("prerouting", "ip saddr " + peer + " drop");
        operator.awaitStatus("  peers     WRONG  ");
        awaitExplanations(
                0,
                1,
                "  rules      this node's own firewall drops what comes from " + peer + ": chain c of table ip other");
        deleteChain();
        chain("output", "ip daddr " + peer + " udp dport 8472 drop");
        operator.awaitStatus("  peers     WRONG  ");
        awaitExplanations(
                1,
                0,
                "  rules      this node's own firewall drops what goes to " + peer + ": chain c of table ip other");
        deleteChain();
        operator.awaitWell(kernel);
        operator.awaitStatus("  peers     ok ");
    }

    /** Which addresses a set has, is not asked. */
    @Test
    void shouldOfferARuleWithASetWhereThePeerDoesNotAnswer() {
        nft("add table ip other");
        nft("add set ip other bad { type ipv4_addr ; elements = { " + kernel.underlayAddress() + " } ; }");
        nft("add chain ip other c { type filter hook input priority 0 ; }");
        nft("add rule ip other c ip saddr @bad drop");
        operator.awaitPing(
                3,
                kernel,
                ": WRONG fabric, ",
                "; or this node's own firewall drops it: chain c of table ip other, rule 1 (drop)");
        deleteChain();
        operator.awaitWell(kernel);
    }

    private void awaitCutOff(final String words) {
        operator.awaitFault(1, kernel, "pods", words);
        operator.awaitExplanation(1, node.podAddress(), "  own        ", "  status     pods " + words);
        assertFalse(operator.status().contains("  device    WRONG"), operator::status);
    }

    private void awaitWell() {
        operator.awaitStatus("  pods      ok ");
        operator.awaitExplanation(0, kernel.podAddress());
        operator.awaitExplanation(0, node.podAddress());
    }

    /** weftd has not switched it on, and does not fight with whoever switched it off. */
    @Test
    void shouldTellThatTheHostForwardsNothing() {
        node.namespace().sysctl("net.ipv4.ip_forward", 0);
        awaitCutOff(
                "net.ipv4.ip_forward is 0: the host forwards nothing, and no pod here reaches another node: sysctl -w"
                        + " net.ipv4.ip_forward=1, ");
        node.namespace().sysctl("net.ipv4.ip_forward", 1);
        awaitWell();
        for (final String device : List.of("weft.1", "cni0")) {
            final String setting = "/proc/sys/net/ipv4/conf/" + device + "/forwarding";
            node.namespace().exec("sh", "-c", "echo 0 > " + setting);
            awaitCutOff("net.ipv4.conf." + device.replace('.', '/')
                    + ".forwarding is 0: the host forwards nothing that comes by " + device
                    + ": sysctl -w net/ipv4/conf/" + device + "/forwarding=1");
            node.namespace().exec("sh", "-c", "echo 1 > " + setting);
        }
        awaitWell();
    }

    @Test
    void shouldTellThatTheBridgeOfPodsIsNotAsItWas() {
        node.namespace().ip("link", "set", "cni0", "down");
        awaitCutOff("cni0 is down: pods here are not reached, and reach nobody: ip link set cni0 up");
        node.namespace().ip("link", "set", "cni0", "up");
        awaitWell();
        node.namespace().ip("link", "add", "cni1", "type", "bridge");
        node.namespace().ip("address", "add", "10.244.0.1/25", "dev", "cni1");
        awaitCutOff("cni1 has an address of 10.244.0.0/25 too, and takes what is for pods on cni0: ip address delete"
                + " 10.244.0.1/25 dev cni1");
        node.namespace().ip("link", "delete", "cni1");
        awaitWell();
        final String address = "10.244.0.1/24";
        node.namespace().ip("address", "delete", address, "dev", "cni0");
        awaitCutOff(
                "cni0 has lost its address of 10.244.0.0/24: pods here are not reached, and reach nobody: ip address"
                        + " add " + address + " dev cni0");
        node.namespace().ip("address", "add", address, "dev", "cni0");
        awaitWell();
    }

    /** As long as nobody names the source, that of the others is asked for. */
    @Test
    void shouldAskTheHostsRoutesForTheSourceToo() {
        node.namespace().ip("rule", "add", "from", node.podAddress(), "priority", "100", "blackhole");
        operator.awaitExplanationFrom(
                node.podAddress(),
                1,
                kernel.podAddress(),
                "  host       this host does not forward packets from " + node.podAddress()
                        + " (a blackhole route or rule, or the source is refused): ip route get " + kernel.podAddress()
                        + " from "
                        + node.podAddress()
                        + " iif cni0 says so; ip rule show ");
        operator.awaitExplanation(0, kernel.podAddress());
        node.namespace().ip("rule", "delete", "priority", "100");
        operator.awaitExplanationFrom(node.podAddress(), 0, kernel.podAddress());
        node.namespace().ip("rule", "add", "from", "10.244.0.0/24", "priority", "100", "prohibit");
        final String refused =
                "this host does not forward packets from 10.244.0.254 (a route or rule that prohibits it): ip route get ";
        operator.awaitFaultOfWay(kernel, "route", refused);
        operator.awaitExplanation(1, kernel.podAddress(), "  host       " + refused);
        node.namespace().ip("rule", "delete", "priority", "100");
        operator.awaitWell(kernel);
        operator.awaitExplanation(0, kernel.podAddress());
        nft("add table ip other");
        nft("add chain ip other c { type nat hook prerouting priority -100 ; }");
        nft("add rule ip other c ip daddr " + kernel.podAddress() + " dnat to 192.0.2.1");
        operator.awaitExplanationFrom(
                node.podAddress(),
                0,
                kernel.podAddress(),
                "  rules      chain c of table ip other, rule 1 (nat), may keep ");
        deleteChain();
    }

    /** What one chain accepts, the next may still drop. */
    @Test
    void shouldNameATableOfOthersThatDropsWhatIsForwarded() {
        nft("add table inet other");
        nft("add chain inet other pass { type filter hook forward priority 10 ; policy drop ; }");
        final String wrong =
                "chain pass of table inet other drops what it does not accept, and so what pods here and those of other nodes"
                        + " send to each other: let pods pass: nft insert rule inet other pass ip saddr 10.244.0.0/16 accept &&"
                        + " nft insert rule inet other pass ip daddr 10.244.0.0/16 accept";
        operator.awaitFault(1, kernel, "rules", wrong);
        nft("delete table inet other");
        operator.awaitStatus(RULES_SET);
    }

    @Test
    void shouldTellThatTheBridgeHasAnAddressOfAnotherSubnet() {
        node.namespace().ip("address", "add", OTHER_SUBNET, "dev", "cni0");
        final String wrong =
                "cni0 has an address of 10.244.9.0/24, and this node's subnet is 10.244.0.0/24: no pod can be wired,"
                        + " and pods of that subnet are not reached: ip address delete 10.244.9.1/24 dev cni0\n";
        operator.awaitFault(kernel, "pods", wrong);
        node.namespace().ip("address", "delete", OTHER_SUBNET, "dev", "cni0");
        operator.awaitStatus("  pods      ok ");
    }

    /** A firewall has no part in it. */
    @ParameterizedTest
    @ValueSource(strings = {"prohibit", "blackhole"})
    void shouldNotBlameAFirewallForARouteThatThrowsAway(final String type) {
        final String peer = kernel.underlayAddress();
        node.namespace().ip("rule", "add", "to", peer, "ipproto", "udp", "priority", "100", type);
        final Runnable sends = () -> node.pod().tryExec("ping", "-c", "1", "-W", "1", kernel.podAddress());
        operator.awaitDrops(
                sends,
                3,
                kernel,
                " UNDERLAY_UNREACHABLE in the last minute (host has no way to the peer's underlay address): the host has no route to a"
                        + " peer, or one, or a rule of routing, that throws away or prohibits what goes there");
        node.namespace().ip("rule", "delete", "priority", "100");
        operator.awaitWell(kernel);
    }

    @Test
    void shouldTellThatThisHostLeadsThePeersAddressElsewhere() {
        final String peer = kernel.underlayAddress();
        node.namespace().ip("link", "add", "aside", "up", "type", "bridge");
        node.namespace().ip("address", "add", "10.9.9.1/24", "dev", "aside");
        node.namespace().ip("route", "add", peer + "/32", "dev", "aside");
        operator.awaitFaultOfWay(
                kernel,
                "fabric",
                "this host's routes lead " + peer + " to aside, and not to " + node.underlayDevice() + ", which has "
                        + node.underlayAddress() + " that weft sends from: ip route get " + peer);
        node.namespace().ip("link", "delete", "aside");
        operator.awaitWell(kernel);
    }

    /** As long as there was none, as before the first pod, that is as it should be. */
    @Test
    @Order(Integer.MAX_VALUE - 1)
    void shouldTellThatTheBridgeOfPodsIsGone() {
        node.namespace().ip("link", "delete", "cni0");
        awaitCutOff(
                "cni0, the bridge of the pods here, is gone, and they are cut off: make them anew (kubectl delete pod), ");
        node.namespace().ip("link", "add", "cni0", "up", "type", "bridge");
        node.namespace().ip("address", "add", "10.244.0.1/24", "dev", "cni0");
        awaitWell();
    }

    /** It is made anew at once, with all that belongs to it; whoever does that will do it again. */
    @Test
    @Order(Integer.MAX_VALUE)
    void shouldTellThatTheDeviceWasDeleted() {
        node.namespace().ip("link", "delete", "weft.1");
        operator.awaitFault(
                0,
                kernel,
                "device",
                "in the last minute something else deleted weft.1, set it down, or changed its addresses or routes, and weftd put"
                        + " that right (repairs since its start: ");
        operator.awaitWell(kernel);
    }
}
