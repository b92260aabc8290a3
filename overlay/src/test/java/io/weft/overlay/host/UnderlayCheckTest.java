/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.lifecycle.StartupException;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two interfaces with default routes, {@code eth0} with the lesser metric, and a clock that goes as far as it is told. */
@RequiresRoot
class UnderlayCheckTest {
    private static final String ADDRESS = "192.168.100.1/24";
    private static final String OTHER = "192.168.200.1/24";

    private final NetworkNamespace host = NetworkNamespace.create("host");
    private final NetworkNamespace link = NetworkNamespace.create("link");
    private final Rtnetlink rtnetlink = host.call(Rtnetlink::open);
    private long nowNs = Long.MAX_VALUE - 1; // a clock may begin anywhere
    private final UnderlayCheck check = new UnderlayCheck(rtnetlink, () -> nowNs);

    @BeforeEach
    void setUp() {
        host.vethTo("eth0", link, "port0", 1500);
        host.vethTo("eth1", link, "port1", 1500);
        add("eth0", ADDRESS);
        add("eth1", OTHER);
        route();
        host.ip("route", "add", "default", "via", "192.168.200.2", "dev", "eth1", "metric", "200");
    }

    @AfterEach
    void tearDown() {
        rtnetlink.close();
        host.close();
        link.close();
    }

    private void add(final String device, final String address) {
        host.ip("address", "add", address, "dev", device);
    }

    private void delete(final String device, final String address) {
        host.ip("address", "delete", address, "dev", device);
    }

    private void route() {
        host.ip("route", "add", "default", "via", "192.168.100.2", "dev", "eth0", "metric", "100");
    }

    private static UnderlaySelector.Wishes wishes(final String... names) {
        return new UnderlaySelector.Wishes(
                List.of(names), List.of(), "", "", "", IpPrefix.parse("10.244.0.0/16"), null);
    }

    private static String text(final Underlay underlay) {
        return underlay.name() + " "
                + underlay.localAddresses().stream()
                        .map(address -> IpAddress.of(address).toString())
                        .collect(Collectors.joining(" "));
    }

    private void assertUses(final String expected) {
        assertEquals(expected, text(check.compare()));
        assertEquals("", check.trouble());
    }

    private void assertWaitsOn(final String expected, final String trouble) {
        assertEquals(expected, text(check.compare()));
        assertTrue(check.trouble().contains(trouble), check::trouble);
    }

    /** As far as it takes to give an address up, and for what comes now to be no news to what is lost later. */
    private void longTime() {
        nowNs += UnderlayCheck.PATIENCE_NS + 1;
    }

    private void assertBegins(final String expected, final String... names) {
        assertEquals(expected, text(check.begin(wishes(names))));
        assertUses(expected);
    }

    @Test
    void shouldStayWhenTheAddressIsBackSoon() {
        assertBegins("eth0 192.168.100.1");
        delete("eth0", ADDRESS);
        assertWaitsOn("eth0 192.168.100.1", "has lost an address");
        nowNs += UnderlayCheck.PATIENCE_NS - 1;
        assertWaitsOn("eth0 192.168.100.1", "eth1 (192.168.200.1, MTU 1500) is used until it is");
        final StartupException waits = assertThrows(StartupException.class, () -> check.begin(wishes()));
        assertTrue(String.valueOf(waits.getMessage()).contains("has lost"), "a node that is set up anew waits as well");
        add("eth0", ADDRESS);
        route();
        assertUses("eth0 192.168.100.1");
        assertEquals("eth0 192.168.100.1", text(check.begin(wishes())));
    }

    private static UnderlaySelector.Wishes ofBothFamilies() {
        return new UnderlaySelector.Wishes(
                List.of("eth0"),
                List.of(),
                "",
                "",
                "",
                IpPrefix.parse("10.244.0.0/16"),
                IpPrefix.parse("fd00:10:244::/48"));
    }

    /** Router advertisements and DHCP bring the second family when they like, also after a daemon that starts at boot. */
    @ParameterizedTest
    @ValueSource(strings = {"fd00:100::1/64", ADDRESS})
    void shouldTakeTheFamilyThatComesLater(final String late) {
        final String ipv6 = "fd00:100::1/64";
        delete("eth0", ADDRESS);
        final String early = late.equals(ipv6) ? ADDRESS : ipv6;
        host.ip("address", "add", early, "dev", "eth0", "nodad");
        final String alone = "eth0 " + early.substring(0, early.indexOf('/'));
        assertEquals(alone, text(check.begin(ofBothFamilies())));
        assertUses(alone);
        link.ip("link", "set", "port0", "down");
        host.ip("address", "add", late, "dev", "eth0", "nodad");
        assertWaitsOn(alone, "has no carrier");
        link.ip("link", "set", "port0", "up");
        assertUses(alone);
        nowNs += UnderlayCheck.PATIENCE_NS;
        assertUsesBoth();
        add("eth0", "fd00:100::99/128"); // a virtual one beside it, as ever
        assertUsesBoth();
        check.begin(ofBothFamilies());
        assertUsesBoth();
        delete("eth0", ipv6);
        assertTrue(troubleOnTheHost().contains("has lost an address"), check::trouble);
    }

    private void assertUsesBoth() {
        final Set<String> addresses = check.compare().localAddresses().stream()
                .map(address -> IpAddress.of(address).toString())
                .collect(Collectors.toSet());
        assertEquals(Set.of("192.168.100.1", "fd00:100::1"), addresses);
        assertEquals("", check.trouble());
    }

    /** Pods of IPv4 go over IPv6 while there is nothing else. */
    @Test
    void shouldLeaveTheOtherFamilyWhenThatOfThePodsComes() {
        delete("eth0", ADDRESS);
        host.ip("address", "add", "fd00:100::1/64", "dev", "eth0", "nodad");
        assertBegins("eth0 fd00:100::1", "eth0");
        add("eth0", ADDRESS);
        assertUses("eth0 fd00:100::1");
        nowNs += UnderlayCheck.PATIENCE_NS;
        assertUses("eth0 192.168.100.1");
    }

    @Test
    void shouldNotTakeAFamilyThatPodsDoNotHave() {
        assertBegins("eth0 192.168.100.1", "eth0");
        host.ip("address", "add", "fd00:100::1/64", "dev", "eth0", "nodad");
        assertUses("eth0 192.168.100.1");
        nowNs += UnderlayCheck.PATIENCE_NS;
        assertUses("eth0 192.168.100.1");
    }

    /** It moves from host to host; one of DHCPv6 has no network either, and a lifetime. */
    @Test
    void shouldNotTakeAVirtualAddressForTheFamilyThatIsMissing() {
        assertEquals("eth0 192.168.100.1", text(check.begin(ofBothFamilies())));
        host.ip("address", "add", "fd00:100::1/128", "dev", "eth0", "nodad");
        assertUses("eth0 192.168.100.1");
        nowNs += UnderlayCheck.PATIENCE_NS;
        assertUses("eth0 192.168.100.1");
        host.ip("address", "change", "fd00:100::1/128", "dev", "eth0", "valid_lft", "3600", "preferred_lft", "3600");
        assertUsesBoth();
    }

    private String troubleOnTheHost() {
        return host.call(() -> {
            check.compare();
            return check.trouble();
        });
    }

    private void awaitTrouble(final String words) {
        Await.until(
                () -> words + "\nnot in\n" + troubleOnTheHost(),
                Await.TIMEOUT_MS,
                () -> troubleOnTheHost().contains(words));
    }

    /** Which of several it is, why, and what brings it back. */
    @Test
    void shouldNameTheAddressThatIsLost() {
        final String ipv6 = "fd00:100::1/64";
        host.ip("address", "add", ipv6, "dev", "eth0", "nodad");
        check.begin(ofBothFamilies());
        final String lost = "interface eth0 has lost an address of eth0 (192.168.100.1, fd00:100::1, MTU 1500): ";
        host.sysctl("net.ipv6.conf.eth0.disable_ipv6", 1);
        awaitTrouble(lost + "fd00:100::1 is gone, since net.ipv6.conf.eth0.disable_ipv6 is 1: sysctl -w"
                + " net/ipv6/conf/eth0/disable_ipv6=0 && ip address add fd00:100::1/LENGTH dev eth0");
        host.sysctl("net.ipv6.conf.eth0.disable_ipv6", 0);
        awaitTrouble(lost + "fd00:100::1 is gone: ip address add fd00:100::1/LENGTH dev eth0");
        host.ip("address", "add", ipv6, "dev", "eth0", "nodad");
        assertEquals("", troubleOnTheHost());
        delete("eth0", ADDRESS);
        awaitTrouble(lost + "192.168.100.1 is gone: ip address add 192.168.100.1/LENGTH dev eth0");
    }

    /** The kernel looks for it when the address is given, and where it finds one says so for ever. */
    @Test
    void shouldNameTheAddressThatAnotherHostHasToo() {
        final String ipv6 = "fd00:100::1/64";
        host.ip("address", "add", ipv6, "dev", "eth0", "nodad");
        check.begin(ofBothFamilies());
        link.ip("address", "add", ipv6, "dev", "port0", "nodad");
        delete("eth0", ipv6);
        add("eth0", ipv6);
        awaitTrouble(
                ": another host on the link has fd00:100::1 too (dadfailed in ip address), and so this one may not use it:"
                        + " two nodes have one address; give each its own, then ip address delete " + ipv6
                        + " dev eth0 && ip address add "
                        + ipv6 + " dev eth0");
    }

    @Test
    void shouldReturnWhenTheAddressIsBackAfterALongTime() {
        assertBegins("eth0 192.168.100.1");
        delete("eth0", ADDRESS);
        assertWaitsOn("eth0 192.168.100.1", "has lost an address");
        longTime();
        assertUses("eth1 192.168.200.1");
        assertEquals("eth1 192.168.200.1", text(check.begin(wishes())));
        longTime();
        assertUses("eth1 192.168.200.1");
        add("eth0", ADDRESS);
        link.ip("link", "set", "port0", "down");
        assertUses("eth1 192.168.200.1");
        link.ip("link", "set", "port0", "up");
        assertUses("eth0 192.168.100.1");
        assertEquals("eth0 192.168.100.1", text(check.begin(wishes())));
        longTime();
        assertUses("eth0 192.168.100.1");
    }

    @Test
    void shouldFollowANewAddressAtOnce() {
        assertBegins("eth0 192.168.100.1");
        longTime();
        add("eth0", "192.168.100.11/24"); // as some network services do: the new one comes before the old one goes
        assertUses("eth0 192.168.100.1");
        delete("eth0", ADDRESS);
        host.ip("address", "replace", "192.168.100.11/24", "dev", "eth0"); // a secondary address goes with the first
        route();
        assertUses("eth0 192.168.100.11");
        longTime();
        add("eth0", ADDRESS);
        assertUses("eth0 192.168.100.11");
        delete("eth0", "192.168.100.11/24");
        host.ip("address", "flush", "dev", "eth0");
        add("eth0", "192.168.100.12/24");
        route();
        assertUses("eth0 192.168.100.12");
    }

    @Test
    void shouldFollowANewAddressWhileItIsAway() {
        assertBegins("eth0 192.168.100.1");
        delete("eth0", ADDRESS);
        assertWaitsOn("eth0 192.168.100.1", "has lost an address");
        longTime();
        assertUses("eth1 192.168.200.1");
        longTime();
        add("eth0", "192.168.100.11/24");
        route();
        assertUses("eth0 192.168.100.11");
    }

    /** kube-vip's address stays when the network service takes the node's own away, and is announced by another node later. */
    @Test
    void shouldNotTakeAVirtualAddressForItsOwn() {
        assertBegins("eth0 192.168.100.1", "eth0");
        add("eth0", "192.168.100.200/32");
        assertUses("eth0 192.168.100.1");
        assertEquals("eth0 192.168.100.1", text(check.begin(wishes("eth0"))));
        longTime();
        assertUses("eth0 192.168.100.1");
        delete("eth0", ADDRESS);
        assertWaitsOn("eth0 192.168.100.1", "has lost an address");
        add("eth0", ADDRESS);
        assertUses("eth0 192.168.100.1");
        delete("eth0", "192.168.100.200/32");
        assertUses("eth0 192.168.100.1");
    }

    @Test
    void shouldFollowTheAddressOntoABridge() {
        assertBegins("eth0 192.168.100.1");
        host.ip("link", "add", "br0", "type", "bridge");
        host.ip("link", "set", "eth0", "master", "br0");
        host.ip("link", "set", "br0", "up");
        delete("eth0", ADDRESS);
        add("br0", ADDRESS);
        host.ip("route", "add", "default", "via", "192.168.100.2", "dev", "br0", "metric", "100");
        assertUses("br0 192.168.100.1");
        assertEquals("br0 192.168.100.1", text(check.begin(wishes())));
    }

    @Test
    void shouldFollowAnInterfaceThatIsRenamed() {
        assertBegins("eth0 192.168.100.1");
        host.ip("link", "set", "eth0", "name", "lan0");
        assertUses("lan0 192.168.100.1");
        host.ip("link", "set", "lan0", "name", "eth0");
        assertUses("eth0 192.168.100.1");
    }

    @Test
    void shouldNeverLeaveWhatIsNamed() {
        assertBegins("eth0 192.168.100.1", "192.168.100.1");
        delete("eth0", ADDRESS);
        assertWaitsOn("eth0 192.168.100.1", "no interface matches --iface=192.168.100.1");
        longTime();
        add("eth0", "192.168.100.11/24");
        assertWaitsOn("eth0 192.168.100.1", "no interface matches --iface=192.168.100.1");
        add("eth0", ADDRESS);
        assertUses("eth0 192.168.100.1");
    }

    @Test
    void shouldChooseAnewWhenTheOptionsAreOthers() {
        assertBegins("eth0 192.168.100.1");
        assertBegins("eth1 192.168.200.1", "eth1");
        longTime();
        assertUses("eth1 192.168.200.1");
    }

    /** The addresses are those of the loopback device, and the way is that of the routes. */
    @Test
    void shouldFollowTheWayOfAnAddressWithoutAWire() {
        add("lo", "10.0.0.1/32");
        host.ip("link", "set", "eth1", "mtu", "1400");
        assertBegins("eth1 10.0.0.1", "10.0.0.1");
        host.ip("link", "set", "eth1", "mtu", "1300");
        assertEquals(1300, check.compare().mtu());
        link.ip("link", "set", "port1", "down");
        assertUses("eth0 10.0.0.1");
        delete("lo", "10.0.0.1/32");
        assertWaitsOn("eth0 10.0.0.1", "no interface matches --iface=10.0.0.1");
        add("lo", "10.0.0.1/32");
        assertUses("eth0 10.0.0.1");
    }
}
