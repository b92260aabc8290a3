/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.linux.netlink.RtnetlinkEvent.AddressChange;
import io.weft.linux.netlink.RtnetlinkEvent.FdbChange;
import io.weft.linux.netlink.RtnetlinkEvent.LinkChange;
import io.weft.linux.netlink.RtnetlinkEvent.NeighbourChange;
import io.weft.linux.netlink.RtnetlinkEvent.ResyncNeeded;
import io.weft.linux.netlink.RtnetlinkEvent.RouteChange;
import io.weft.linux.netlink.RtnetlinkMonitor.Topic;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@RequiresRoot
class RtnetlinkMonitorTest {
    private static final MacAddress MAC = MacAddress.parse("02:00:00:00:0a:0b");

    private NetworkNamespace namespace;
    private RtnetlinkMonitor monitor;
    private final List<RtnetlinkEvent> events = new ArrayList<>();

    @BeforeEach
    void openMonitor() {
        namespace = NetworkNamespace.create("monitor");
        monitor = namespace.call(() -> RtnetlinkMonitor.open(EnumSet.allOf(Topic.class)));
    }

    @AfterEach
    void closeMonitor() {
        monitor.close();
        namespace.close();
    }

    private void await(final String what, final Predicate<RtnetlinkEvent> predicate) {
        Await.until(() -> what + ", only " + events, Await.TIMEOUT_MS, () -> {
            monitor.poll(10, events::add);
            return events.stream().anyMatch(predicate);
        });
    }

    private static boolean isLink(final RtnetlinkEvent event, final String name, final boolean removed) {
        return event instanceof LinkChange change && name.equals(change.link().name()) && removed == change.removed();
    }

    @Test
    void shouldTellWhatOthersChange() {
        namespace.ip("link", "add", "vx", "type", "vxlan", "id", "7", "dstport", "8472", "local", "127.0.0.1");
        await("new link", event -> isLink(event, "vx", false));
        namespace.ip("link", "set", "vx", "up", "mtu", "1234");
        await(
                "changed MTU",
                event -> isLink(event, "vx", false)
                        && 1234 == ((LinkChange) event).link().mtu());
        namespace.ip("addr", "add", "10.1.1.1/24", "dev", "vx");
        await(
                "new address",
                event -> event instanceof AddressChange change
                        && !change.removed()
                        && IpAddress.parse("10.1.1.1")
                                .toInetAddress()
                                .equals(change.address().address()));
        namespace.ip("route", "add", "10.2.0.0/16", "via", "10.1.1.9");
        await("new route", event -> isRoute(event, "10.2.0.0/16", false));
        namespace.ip("route", "del", "10.2.0.0/16");
        await("deleted route", event -> isRoute(event, "10.2.0.0/16", true));
        namespace.ip("neigh", "add", "10.1.1.9", "lladdr", MAC.toString(), "dev", "vx", "nud", "permanent");
        await(
                "new neighbour",
                event -> event instanceof NeighbourChange change
                        && MAC.equals(change.neighbour().mac()));
        namespace.bridge("fdb", "add", MAC.toString(), "dev", "vx", "dst", "127.0.0.2");
        await(
                "new FDB entry",
                event -> event instanceof FdbChange change
                        && MAC.equals(change.entry().mac()));
        namespace.ip("link", "del", "vx");
        await("deleted link", event -> isLink(event, "vx", true));
    }

    private static boolean isRoute(final RtnetlinkEvent event, final String destination, final boolean removed) {
        return event instanceof RouteChange change
                && IpPrefix.parse(destination).equals(change.route().destination())
                && removed == change.removed();
    }

    @Test
    void shouldTellRoutesOfTheNamedNetworksAlone() {
        monitor.routesWithin(List.of(IpPrefix.parse("10.244.0.0/15"), IpPrefix.parse("fd00:1:20::/44")), 87);
        namespace.ip("link", "add", "br7", "type", "bridge");
        namespace.ip("link", "set", "br7", "up");
        final List<String> told = List.of("10.245.255.0/24", "10.244.0.0/15", "fd00:1:2f::/48");
        for (final String untold : List.of("10.246.0.0/24", "10.243.255.255/32", "default", "fd00:1:30::/48")) {
            namespace.ip("route", "add", untold, "dev", "br7");
        }
        namespace.ip("route", "add", "10.244.9.0/24", "dev", "br7", "proto", "87");
        told.forEach(destination -> namespace.ip("route", "add", destination, "dev", "br7"));
        namespace.ip("route", "del", "10.244.9.0/24", "dev", "br7");
        await("deleted route of the own protocol", event -> isRoute(event, "10.244.9.0/24", true));
        final List<String> routes = events.stream()
                .filter(RouteChange.class::isInstance)
                .map(event -> ((RouteChange) event).route().destination().toString())
                .toList();
        assertEquals(List.of("10.245.255.0/24", "10.244.0.0/15", "fd00:1:2f::/48", "10.244.9.0/24"), routes);
        await("link, which no filter keeps back", event -> isLink(event, "br7", false));
    }

    @Test
    void shouldNotTakeALeftBridgeForADeletedLink() {
        namespace.ip("link", "add", "u0", "type", "veth", "peer", "name", "u1");
        namespace.ip("link", "add", "br7", "type", "bridge");
        namespace.ip("link", "set", "u0", "master", "br7");
        namespace.ip("link", "set", "u0", "nomaster");
        namespace.ip("link", "add", "last", "type", "bridge");
        await("last link", event -> isLink(event, "last", false));
        assertTrue(events.stream().noneMatch(event -> isLink(event, "u0", true)), events::toString);
    }

    @Test
    void shouldAskForAResyncWhenEventsWereLost() {
        monitor.receiveBufferLength(4096);
        namespace.run(() -> {
            try (Rtnetlink rtnetlink = Rtnetlink.open()) {
                for (int i = 1; i < 255; i++) {
                    rtnetlink.replaceAddress(new InterfaceAddress(
                            1, IpAddress.parse("127.1.1." + i).toInetAddress(), 32));
                }
            }
        });
        await("resync", event -> event instanceof ResyncNeeded);
        events.clear();
        namespace.ip("link", "add", "after", "type", "bridge");
        await("events after the loss", event -> isLink(event, "after", false));
    }

    @Test
    void shouldEndAWaitWhenWokenUp() {
        final Thread waiter = new Thread(() -> monitor.poll(Integer.MAX_VALUE, events::add), "waiter");
        waiter.setDaemon(true);
        waiter.start();
        monitor.wakeUp();
        Await.until("the end of the wait", Await.TIMEOUT_MS, () -> !waiter.isAlive());
        assertEquals(List.of(), events);
        assertEquals(0, monitor.poll(0, events::add), "one wake-up ends one wait");
    }
}
