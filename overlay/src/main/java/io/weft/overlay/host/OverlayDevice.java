/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.InterfaceAddress;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.RouteFilter;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.lifecycle.LogFields;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The overlay's device as the host sees it: MTU, addresses, state and routes. It holds what should be, compares it with what
 * is, and puts right every difference. Used by the control thread alone.
 */
public final class OverlayDevice {
    private static final System.Logger LOG = System.getLogger(OverlayDevice.class.getName());

    private final Rtnetlink rtnetlink;
    private final String deviceName;
    /**
     * Packets that wait for the daemon to run: what busy pods send while it waits its turn of a core, 10 to 20 ms. It is no longer a delay
     * for that, since what stands there is read at once (docs/decisions/0013).
     */
    private static final int TX_QUEUE_LENGTH = 4000;

    /** That of a route of IPv6 that names none; of IPv4 it is 0. */
    private static final int IPV6_METRIC = 1024;

    private int mtu;
    private final List<IpPrefix> addresses;
    private final List<IpPrefix> networks;
    private boolean isFirst = true;
    private boolean isNetworkRouted = true;
    private int deviceIndex;
    private long repairs;

    /**
     * What should be.
     *
     * @param rtnetlink of the namespace that the device is in.
     * @param deviceName of the device, which the data plane makes.
     * @param mtu of the device in bytes.
     * @param addresses of the device, each as a network of one address: flannel's subnet base with /32 or /128.
     * @param networks that are routed to the device, each by one route, unless {@link #leaveNetworkUnrouted}: the cluster
     *     network of each family.
     */
    public OverlayDevice(
            final Rtnetlink rtnetlink,
            final String deviceName,
            final int mtu,
            final List<IpPrefix> addresses,
            final List<IpPrefix> networks) {
        this.rtnetlink = rtnetlink;
        this.deviceName = deviceName;
        this.mtu = mtu;
        this.addresses = List.copyOf(addresses);
        this.networks = List.copyOf(networks);
    }

    /** Looks for the device, without changing it. */
    public void find() {
        rtnetlink.link(deviceName).ifPresent(link -> deviceIndex = link.index());
    }

    /**
     * Makes the device as it should be, but for its routes.
     *
     * @return false when the device itself is gone: only its maker can bring it back.
     */
    public boolean repair() {
        final Optional<Link> link = rtnetlink.link(deviceName);
        if (link.isEmpty()) {
            return false;
        }
        deviceIndex = link.get().index();
        attempt(() -> {
            repairLink(link.get());
            repairAddresses(link.get().index());
        });
        return true;
    }

    /** What the kernel refuses is told by the device's name, and with the setting that it refuses it for. */
    private void attempt(final Runnable step) {
        try {
            step.run();
        } catch (final LinuxException refused) {
            final boolean isIpv6Off =
                    addresses.stream().anyMatch(address -> !address.isIpv4()) && Ipv6.isOffOn(deviceName);
            throw refused.naming(deviceIndex, deviceName, isIpv6Off ? Ipv6.offOn(deviceName) : "");
        }
    }

    /** Gives the device another MTU, in bytes, for the underlay has another one now. */
    public void mtu(final int bytes) {
        if (bytes == mtu) {
            return;
        }
        LOG.log(
                INFO,
                "device {0}: MTU {1} (was {2}){3}",
                deviceName,
                String.valueOf(bytes),
                String.valueOf(mtu),
                LogFields.of("device", deviceName, "mtu", bytes));
        mtu = bytes;
        rtnetlink.link(deviceName).ifPresent(link -> rtnetlink.setMtu(link.index(), bytes));
    }

    /** The kernel's number of the device, as of the last repair. */
    public int deviceIndex() {
        return deviceIndex;
    }

    /** The device's own. */
    public String deviceName() {
        return deviceName;
    }

    /** Differences that were put right since the first time. */
    public long repairs() {
        return repairs;
    }

    private void repairLink(final Link link) {
        if (TX_QUEUE_LENGTH != link.txQueueLength()) {
            rtnetlink.setTxQueueLength(link.index(), TX_QUEUE_LENGTH);
            say("queue of " + TX_QUEUE_LENGTH + " packets (was " + link.txQueueLength() + ")");
        }
        if (mtu != link.mtu()) {
            rtnetlink.setMtu(link.index(), mtu);
            say("MTU " + mtu + " (was " + link.mtu() + ")");
        }
        if (!link.up()) {
            rtnetlink.setUp(link.index());
            say("state up");
        }
    }

    private void repairAddresses(final int linkIndex) {
        final List<IpPrefix> missing = new ArrayList<>(addresses);
        for (final InterfaceAddress present : rtnetlink.addresses(linkIndex)) {
            final IpPrefix prefix = IpPrefix.host(present.address());
            final boolean isWanted = addresses.contains(prefix) && present.prefixLength() == prefix.length();
            if (isWanted) {
                missing.remove(prefix);
            } else if (networks.stream().anyMatch(network -> network.contains(present.address()))) {
                // As flannel's EnsureV4AddressOnLink: an address of a former subnet would be a wrong source address.
                rtnetlink.deleteAddress(present);
                say("without address " + IpAddress.of(present.address()) + "/" + present.prefixLength());
            }
        }
        for (final IpPrefix address : missing) {
            rtnetlink.replaceAddress(new InterfaceAddress(
                    linkIndex,
                    address.base().toInetAddress(),
                    address.length(),
                    InterfaceAddress.SCOPE_GLOBAL,
                    address.isIpv4() ? 0 : InterfaceAddress.NO_DUPLICATE_DETECTION));
            say("address " + address);
        }
    }

    /**
     * Routes of all of a network that somebody else has set, and that the one to the device would take the place of, or be second to.
     * None of the kernel's own, which a device's address brings; and none with a worse metric, which stays beneath.
     */
    public List<Route> othersRoutes() {
        if (!isNetworkRouted) {
            return List.of();
        }
        return rtnetlink.routes(RouteFilter.main().to(networks)).stream()
                .filter(route -> deviceIndex != route.linkIndex()
                        && Route.PROTOCOL_KERNEL != route.protocol()
                        && HostRoutes.PROTOCOL != route.protocol()
                        && Integer.compareUnsigned(
                                        route.metric(), route.destination().isIpv4() ? 0 : IPV6_METRIC)
                                <= 0)
                .toList();
    }

    /** Makes the route of the cluster network as it should be. */
    public void repairRoutes() {
        attempt(this::repairNetworkRoutes);
    }

    private void repairNetworkRoutes() {
        final List<Route> present = rtnetlink.routes(RouteFilter.main().dev(deviceIndex));
        for (final IpPrefix network : networks) {
            final List<Route> own = present.stream()
                    .filter(candidate -> candidate.destination().equals(network) && TunnelRoute.isOne(candidate))
                    .toList();
            if (!isNetworkRouted) {
                own.forEach(rtnetlink::deleteRoute);
            } else if (own.stream().noneMatch(TunnelRoute::isAsSet)) {
                rtnetlink.replaceRoute(TunnelRoute.to(network, deviceIndex));
                say("route " + network);
            }
        }
        isFirst = false;
    }

    /** Leaves the cluster network to the routes of single subnets: the host reaches other things by addresses of it. */
    public void leaveNetworkUnrouted() {
        isNetworkRouted = false;
    }

    /** Of what has been done: what the kernel refuses is no repair. */
    private void say(final String what) {
        if (!isFirst) {
            repairs++;
        }
        LOG.log(
                isFirst ? INFO : WARNING,
                "device {0}: {1}{2}{3}",
                deviceName,
                what,
                isFirst ? "" : ", repaired",
                isFirst ? LogFields.of("device", deviceName) : LogFields.of("device", deviceName, "repaired", true));
    }
}
