/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.lifecycle.NotYetException;
import io.weft.overlay.lifecycle.StartupException;
import java.net.InetAddress;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A host with the interface {@code eth0}: 192.168.100.1 by DHCP and 192.168.100.200 beside it, as a virtual address is. By its
 * kind flannel prefers the second, for it is permanent.
 */
@RequiresRoot
class UnderlaySelectorTest {
    private static final String HOST = "192.168.100.1";
    private static final String VIRTUAL = "192.168.100.200";
    private static final long TIMEOUT_MS = TimeUnit.MINUTES.toMillis(1);

    private final NetworkNamespace host = NetworkNamespace.create("host");
    private final NetworkNamespace link = NetworkNamespace.create("link");

    @BeforeEach
    void setUp() {
        host.vethTo("eth0", link, "port0", 1500);
        host.ip("address", "add", HOST + "/24", "dev", "eth0", "valid_lft", "3600", "preferred_lft", "3600");
        host.ip("address", "add", VIRTUAL + "/32", "dev", "eth0");
    }

    @AfterEach
    void tearDown() {
        host.close();
        link.close();
    }

    /** The options of a node; what is not named is not set. */
    private static final class Wish {
        private List<String> names = List.of();
        private List<String> regexes = List.of();
        private String canReach = "";
        private String publicIp = "";
        private String publicIpv6 = "";
        private @Nullable IpPrefix network = IpPrefix.parse("10.244.0.0/16");
        private @Nullable IpPrefix ipv6Network;

        Wish iface(final String... values) {
            names = List.of(values);
            return this;
        }

        Wish regex(final String... values) {
            regexes = List.of(values);
            return this;
        }

        Wish canReach(final String value) {
            canReach = value;
            return this;
        }

        Wish publicIp(final String value) {
            publicIp = value;
            return this;
        }

        Wish publicIpv6(final String value) {
            publicIpv6 = value;
            return this;
        }

        Wish dualStack() {
            ipv6Network = IpPrefix.parse("fd00:10:244::/48");
            return this;
        }

        Wish ipv6() {
            network = null;
            return dualStack();
        }

        UnderlaySelector.Wishes all() {
            return new UnderlaySelector.Wishes(names, regexes, canReach, publicIp, publicIpv6, network, ipv6Network);
        }
    }

    private Underlay select(final Wish wish) {
        return host.call(() -> {
            try (Rtnetlink rtnetlink = Rtnetlink.open()) {
                return new UnderlaySelector(rtnetlink, wish.all()).select();
            }
        });
    }

    private static String sources(final Underlay underlay) {
        return underlay.localAddresses().stream()
                .map(address -> IpAddress.of(address).toString())
                .sorted()
                .collect(Collectors.joining(" "));
    }

    private void assertSelects(final String device, final String addresses, final Wish wish) {
        final Underlay found = select(wish);
        assertEquals(device + " " + addresses, found.name() + " " + sources(found));
    }

    private void assertRefuses(final Class<? extends StartupException> kind, final String message, final Wish wish) {
        final StartupException failure = assertThrows(StartupException.class, () -> select(wish));
        assertEquals(kind, failure.getClass(), failure::getMessage);
        assertTrue(String.valueOf(failure.getMessage()).contains(message), failure::getMessage);
    }

    private static InetAddress address(final String text) {
        return IpAddress.parse(text).toInetAddress();
    }

    /** After a reboot or a reload of its driver an underlay comes behind what a restarted daemon finds. */
    @Test
    void shouldMatchNoDeviceOfTheOverlay() {
        host.ip("link", "add", "cni0", "type", "bridge");
        host.ip("address", "add", "10.244.0.1/24", "dev", "cni0");
        host.ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth1");
        host.ip("link", "set", "veth0", "master", "cni0", "up");
        host.ip("link", "set", "cni0", "up");
        host.ip("link", "add", "flannel.1", "type", "vxlan", "id", "1", "dstport", "8472", "dev", "eth0");
        host.ip("address", "add", "10.244.0.0/32", "dev", "flannel.1");
        host.ip("link", "set", "flannel.1", "up");
        assertRefuses(StartupException.class, "no interface matches", new Wish().regex("^10\\."));
        assertRefuses(StartupException.class, "no interface matches", new Wish().regex("^(cni|flannel)"));
        host.vethTo("eth1", link, "port1", 1500);
        host.ip("address", "add", "10.1.0.1/24", "dev", "eth1");
        assertSelects("eth1", "10.1.0.1", new Wish().regex("^10\\."));
    }

    /** The pods' network may cover the underlay, and an address of the underlay's may be one by itself. */
    @Test
    void shouldMatchAnUnderlayInThePodsNetwork() {
        host.vethTo("eth1", link, "port1", 1500);
        host.ip("address", "add", "10.244.200.1/24", "dev", "eth1");
        host.ip("address", "add", "10.244.200.77/32", "dev", "eth1");
        assertSelects("eth1", "10.244.200.1", new Wish().regex("^10\\.244\\.200\\.1$"));
    }

    @Test
    void shouldUseTheAddressThatIsNamedMatchedOrRoutedTo() {
        link.ip("address", "add", "192.168.100.2/24", "dev", "port0");
        for (final String named : List.of(HOST, VIRTUAL)) {
            final String pattern = "^" + named.replace(".", "\\.") + "$";
            for (final Wish wish : List.of(
                    new Wish().iface(named),
                    new Wish().iface("eth7", named),
                    new Wish().regex(pattern),
                    new Wish().regex("^eth7$", pattern),
                    new Wish().iface("eth7").regex(pattern),
                    new Wish().canReach(named))) {
                final Underlay found = select(wish);
                assertEquals("eth0 " + named, found.name() + " " + sources(found));
                assertEquals(address(named), found.publicIp());
                assertEquals(
                        Set.of(address(named)), found.ownAddresses(), "no lease of another address is this node's");
            }
        }
        assertSelects("eth0", HOST, new Wish().canReach("192.168.100.2"));
        assertSelects("eth0", HOST, new Wish().iface("eth7").canReach("192.168.100.2"));
        host.ip("route", "add", "172.31.0.0/16", "via", "192.168.100.2", "src", VIRTUAL);
        assertSelects("eth0", VIRTUAL, new Wish().canReach("172.31.0.1"));
    }

    @Test
    void shouldTakeFlannelsChoiceWhenTheInterfaceIsNamed() {
        assertSelects("eth0", VIRTUAL, new Wish().iface("eth0"));
        assertSelects("eth0", VIRTUAL, new Wish().regex("eth"));
        assertEquals(
                Set.of(address(HOST), address(VIRTUAL)),
                select(new Wish().iface("eth0")).ownAddresses());
        host.ip("address", "change", VIRTUAL + "/32", "dev", "eth0", "valid_lft", "3600", "preferred_lft", "0");
        assertSelects("eth0", HOST, new Wish().iface("eth0"));
        assertSelects("eth0", VIRTUAL, new Wish().iface(VIRTUAL));
    }

    @Test
    void shouldTakeTheNextWhenTheFirstHasNoAddress() {
        host.ip("link", "add", "bare0", "type", "bridge");
        assertSelects("eth0", VIRTUAL, new Wish().iface("bare0", "eth0"));
        assertSelects("eth0", VIRTUAL, new Wish().regex("bare|eth"));
        assertSelects("eth0", VIRTUAL, new Wish().iface("bare0").canReach(VIRTUAL));
        assertRefuses(StartupException.class, "interface bare0 has no IPv4 address", new Wish().iface("bare0"));
    }

    /** As flanneld, for which {@code --iface=""} is the default route. */
    @Test
    void shouldTakeWhatIsEmptyAsNotSet() {
        host.ip("route", "add", "default", "via", "192.168.100.2", "dev", "eth0");
        assertSelects("eth0", VIRTUAL, new Wish().iface("").regex(""));
        assertSelects("eth0", HOST, new Wish().iface("", HOST));
    }

    @Test
    void shouldSendFromThePublicAddressWhenThisHostHasIt() {
        host.ip("address", "add", "10.0.0.1/32", "dev", "lo");
        for (final String own : List.of(HOST, VIRTUAL, "10.0.0.1")) {
            final Underlay found = select(new Wish().iface("eth0").publicIp(own));
            assertEquals("eth0 " + own, found.name() + " " + sources(found));
            assertEquals(address(own), found.publicIp());
            assertEquals(Set.of(address(own)), found.ownAddresses());
        }
        final Underlay translated = select(new Wish().iface(HOST).publicIp("203.0.113.1"));
        assertEquals(HOST, sources(translated), "behind a NAT it is nobody's source");
        assertEquals(address("203.0.113.1"), translated.publicIp());
        assertSelects("eth0", HOST, new Wish().publicIp(HOST));
        assertRefuses(
                StartupException.class,
                "--public-ipv6=2001:db8:1::1: the underlay has no address of this family",
                new Wish().iface("eth0").publicIpv6("2001:db8:1::1"));
    }

    @Test
    void shouldRefuseAnAddressThatMeansEveryHost() {
        for (final Wish wish : List.of(new Wish().iface("lo"), new Wish().regex("^lo$"))) {
            assertRefuses(
                    StartupException.class, "interface lo has no IPv4 address but those of this host alone", wish);
        }
        assertRefuses(
                StartupException.class,
                "no interface matches --iface-regex=^127: there is lo, eth0",
                new Wish().regex("^127"));
    }

    /** The node's address on the loopback device, as with BGP on the host. */
    @Test
    void shouldTakeAGlobalAddressOfTheLoopbackDeviceWithTheMtuOfTheWay() {
        host.ip("address", "add", "10.0.0.1/32", "dev", "lo");
        host.ip("link", "set", "eth0", "mtu", "1400");
        host.vethTo("eth1", link, "port1", 9000);
        host.ip("link", "add", "cni0", "mtu", "1200", "type", "bridge");
        host.ip("address", "add", "10.244.0.1/24", "dev", "cni0");
        host.ip("link", "set", "cni0", "up");
        for (final Wish wish : List.of(
                new Wish().iface("lo"),
                new Wish().iface("10.0.0.1"),
                new Wish().regex("^10\\.0\\."),
                new Wish().canReach("10.0.0.1"),
                new Wish().publicIp("10.0.0.1"))) {
            final Underlay found = select(wish);
            assertEquals("eth0 10.0.0.1 1400", found.name() + " " + sources(found) + " " + found.mtu());
            assertEquals(address("10.0.0.1"), found.publicIp());
        }
        host.ip("route", "add", "10.0.0.0/24", "dev", "eth1", "src", "10.0.0.1");
        assertEquals(9000, select(new Wish().iface("lo")).mtu(), "somebody leads peers there");
        assertSelects("eth1", "10.0.0.1", new Wish().canReach("10.0.0.2"));
        host.ip("route", "add", "default", "nexthop", "via", "192.168.100.2", "nexthop", "dev", "eth1");
        assertTrue(List.of(1400, 9000).contains(select(new Wish().iface("lo")).mtu()));
    }

    /** As in a fabric without numbers (RFC 5549), whose interfaces have link-local addresses of IPv6 and no other. */
    @Test
    void shouldNameTheAddressOfTheLoopbackDeviceWhenTheWayHasNone() {
        host.ip("address", "add", "10.0.0.1/32", "dev", "lo");
        host.ip("address", "flush", "dev", "eth0");
        host.ip("-4", "route", "add", "default", "via", "inet6", "fe80::1", "dev", "eth0");
        assertSelects("eth0", "10.0.0.1", new Wish().iface("10.0.0.1"));
        assertSelects("eth0", "10.0.0.1", new Wish().canReach("203.0.113.1"));
        for (final Wish wish : List.of(new Wish(), new Wish().iface("eth0"))) {
            assertRefuses(
                    StartupException.class,
                    "interface eth0 has no IPv4 address: give it one (ip address add ADDRESS/LENGTH dev eth0), or choose another"
                            + " interface by --iface; if this node is to send from 10.0.0.1 of lo: --iface=10.0.0.1",
                    wish);
        }
    }

    @Test
    void shouldTakeAnAddressOfADummyDeviceWithTheMtuOfTheWay() {
        make("link add loop1 mtu 1300 type dummy");
        host.ip("address", "add", "10.0.0.1/32", "dev", "loop1");
        host.ip("link", "set", "loop1", "up");
        assertSelects("eth0", "10.0.0.1", new Wish().iface("loop1"));
    }

    private void make(final String command) {
        final Command.Result result = host.tryExec(("ip " + command).split(" ", -1));
        assumeFalse(result.errors().contains("Unknown device type"), "the kernel has no such device");
        assertEquals(0, result.exitCode(), result::errors);
    }

    @Test
    void shouldWaitForARouteWhenTheAddressIsOnTheLoopbackDeviceAlone() {
        host.ip("link", "set", "eth0", "down");
        host.ip("address", "add", "10.0.0.1/32", "dev", "lo");
        assertRefuses(NotYetException.class, "there is no route to tell", new Wish().iface("lo"));
    }

    @Test
    void shouldWaitForADefaultRouteWhenNothingIsNamed() {
        assertRefuses(NotYetException.class, "there is no default route to tell the interface", new Wish());
        host.ip("route", "add", "default", "via", "192.168.100.2", "dev", "eth0");
        assertSelects("eth0", VIRTUAL, new Wish());
        assertRefuses(NotYetException.class, "there is no default route of IPv6", new Wish().dualStack());
    }

    @Test
    void shouldTakeTheDefaultRouteWithTheLeastMetric() {
        host.vethTo("eth1", link, "port1", 1500);
        host.ip("address", "add", "192.168.200.1/24", "dev", "eth1");
        host.ip("route", "add", "default", "via", "192.168.200.2", "dev", "eth1", "metric", "200");
        assertSelects("eth1", "192.168.200.1", new Wish());
        host.ip("route", "add", "default", "via", "192.168.100.2", "dev", "eth0", "metric", "100");
        assertSelects("eth0", VIRTUAL, new Wish());
        assertSelects("eth1", "192.168.200.1", new Wish().iface("eth1"));
    }

    @Test
    void shouldTakeOneOfTheInterfacesOfADefaultRouteWithSeveral() {
        host.vethTo("eth1", link, "port1", 1500);
        host.ip("address", "add", "192.168.200.1/24", "dev", "eth1");
        host.ip("route", "add", "default", "nexthop", "via", "192.168.100.2", "nexthop", "via", "192.168.200.2");
        assertTrue(List.of("eth0", "eth1").contains(select(new Wish()).name()));
    }

    @ParameterizedTest
    @CsvSource({
        "link add under0 type bridge",
        "link add under0 link eth0 type macvlan mode bridge",
        "link add under0 link eth0 type ipvlan",
        "link add under0 link eth0 type vlan id 7",
        "tuntap add under0 mode tun",
        "link add under0 type wireguard",
    })
    void shouldTakeAnyKindOfInterface(final String command) {
        make(command);
        host.ip("address", "add", "10.9.0.1", "peer", "10.9.0.2/32", "dev", "under0");
        host.ip("link", "set", "under0", "mtu", "1300", "up");
        final Underlay found = select(new Wish().iface("under0"));
        assertEquals("under0 10.9.0.1 1300", found.name() + " " + sources(found) + " " + found.mtu());
        assertSelects("under0", "10.9.0.1", new Wish().iface("10.9.0.1"));
        assertRefuses(StartupException.class, "no interface matches --iface=10.9.0.2", new Wish().iface("10.9.0.2"));
    }

    @Test
    void shouldUseTheNamedFamilyAloneWhenPodsAreOfTheOther() {
        host.sysctl("net/ipv6/conf/eth0/disable_ipv6", 0);
        host.ip("address", "add", "fd00:100::1/64", "dev", "eth0", "nodad");
        host.ip("address", "add", "fd00:100::2/64", "dev", "eth0", "nodad");
        assertSelects("eth0", "fd00:100::2", new Wish().iface("fd00:100::2"));
        assertSelects("eth0", "fd00:100::2", new Wish().iface("fd00:0100:0::2"));
        assertSelects("eth0", HOST, new Wish().iface(HOST).ipv6());
        assertSelects(
                "eth0",
                HOST + " fd00:100::2",
                new Wish().regex("^192.168.100.1$|::2$").dualStack());
        assertEquals(address(HOST), select(new Wish().iface(HOST).dualStack()).address());
        assertEquals(
                2, select(new Wish().iface(HOST).dualStack()).localAddresses().size());
        assertRefuses(
                StartupException.class,
                "no interface matches --iface-regex=^fe80",
                new Wish().regex("^fe80").ipv6());
    }

    /** Nobody answers on this link for the address that node and neighbour both have, so detection takes its second. */
    @Test
    void shouldWaitForAnAddressThatIsTentativeAndRefuseOneThatIsTaken() {
        host.sysctl("net/ipv6/conf/eth0/disable_ipv6", 0);
        host.sysctl("net/ipv6/conf/eth0/dad_transmits", 100);
        host.ip("address", "flush", "dev", "eth0");
        host.ip("address", "add", "fd00:100::1/64", "dev", "eth0");
        assertRefuses(
                NotYetException.class,
                "fd00:100::1 is tentative",
                new Wish().iface("eth0").ipv6());
        assertRefuses(
                NotYetException.class,
                "fd00:100::1 is tentative",
                new Wish().iface("fd00:100::1").ipv6());
        host.ip("address", "add", "fd00:100::2/64", "dev", "eth0");
        for (final String each : List.of("fd00:100::1", "fd00:100::2")) { // whichever comes first
            assertRefuses(
                    NotYetException.class,
                    each + " is tentative",
                    new Wish().iface(each).ipv6());
        }
        host.ip("address", "delete", "fd00:100::2/64", "dev", "eth0");
        host.ip("address", "delete", "fd00:100::1/64", "dev", "eth0");
        host.sysctl("net/ipv6/conf/eth0/dad_transmits", 1);
        link.ip("address", "add", "fd00:100::1/64", "dev", "port0", "nodad");
        host.ip("address", "add", "fd00:100::1/64", "dev", "eth0");
        Await.until(
                () -> host.ip("address", "show", "dev", "eth0"),
                TIMEOUT_MS,
                () -> host.ip("address", "show", "dev", "eth0").contains("dadfailed"));
        assertRefuses(
                StartupException.class,
                "fd00:100::1 belongs to another host on the link as well",
                new Wish().iface("fd00:100::1").ipv6());
    }

    @Test
    void shouldSaySoWhenIpv6IsSwitchedOff() {
        host.sysctl("net/ipv6/conf/all/disable_ipv6", 1);
        assertSelects("eth0", VIRTUAL, new Wish().iface("eth0").dualStack());
        assertRefuses(
                StartupException.class,
                "no interface matches --iface=fd00:100::1",
                new Wish().iface("fd00:100::1").dualStack());
    }
}
