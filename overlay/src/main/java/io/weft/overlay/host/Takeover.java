/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.dataplane.pod.SiblingName;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.InterfaceAddress;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Neighbour;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.RouteFilter;
import io.weft.linux.netlink.RouteType;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.lifecycle.LogFields;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * Going on in the place of the kernel devices that flanneld left: all or nothing. They are set down, which sets their UDP port
 * free, and deleted when this node forwards in their place; when that comes to nothing they are set up again, with what the
 * kernel takes from a device that goes down. One that has the name of a device of weft's own has another one meanwhile. Used by the
 * control thread alone.
 */
public final class Takeover implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Takeover.class.getName());

    private static final String ASIDE_SUFFIX = "-old";

    private final Rtnetlink rtnetlink;
    private final List<Before> devices = new ArrayList<>();

    /** What a device had that goes when it is set down. Its FDB entries stay, for flannel's are permanent. */
    private record Before(
            Link link, String name, List<InterfaceAddress> addresses, List<Neighbour> neighbours, List<Route> routes) {
        static Before of(final Rtnetlink rtnetlink, final Link link, final String name) {
            return new Before(
                    link,
                    name,
                    rtnetlink.addresses(link.index()).stream()
                            .filter(address -> InterfaceAddress.SCOPE_GLOBAL == address.scope())
                            .toList(),
                    rtnetlink.neighbours(link.index()).stream()
                            .filter(Neighbour::permanent)
                            .toList(),
                    // The kernel makes its own ones again.
                    rtnetlink.routes(RouteFilter.main().type(RouteType.UNICAST).dev(link.index())).stream()
                            .filter(route -> Route.PROTOCOL_KERNEL != route.protocol())
                            .toList());
        }
    }

    private Takeover(final Rtnetlink rtnetlink) {
        this.rtnetlink = rtnetlink;
    }

    /**
     * Sets the devices down.
     *
     * @param rtnetlink of their namespace.
     * @param replaced those that are there.
     * @param ownNames of the devices that are to come.
     */
    public static Takeover begin(
            final Rtnetlink rtnetlink, final KernelDevices replaced, final Collection<String> ownNames) {
        final Takeover takeover = new Takeover(rtnetlink);
        boolean isBegun = false;
        try {
            for (final Link link : replaced.links()) {
                LOG.log(
                        INFO,
                        "taking over from the kernel device {0}, VTEP MAC {1}{2}",
                        link.name(),
                        link.mac(),
                        LogFields.of("device", link.name(), "mac", String.valueOf(link.mac())));
                takeover.devices.add(Before.of(rtnetlink, link, replaced.nameOf(link)));
                rtnetlink.setDown(link.index());
                if (ownNames.contains(link.name())) {
                    rtnetlink.rename(link.index(), asideName(link.name()));
                }
            }
            isBegun = true;
            return takeover;
        } finally {
            if (!isBegun) {
                takeover.close();
            }
        }
    }

    /** What a device is called while one of weft's own has its name. */
    static String asideName(final String name) {
        return SiblingName.of(name, ASIDE_SUFFIX);
    }

    /** Deletes the devices: this node forwards. */
    public void complete() {
        while (!devices.isEmpty()) {
            rtnetlink.deleteLink(devices.get(0).link().index());
            devices.remove(0);
        }
    }

    /** Puts back what was, unless it was completed. */
    @Override
    public void close() {
        devices.forEach(this::putBack);
        devices.clear();
    }

    private void putBack(final Before before) {
        LOG.log(
                WARNING,
                "the kernel device {0} is put back as it was{1}",
                before.name(),
                LogFields.of("device", before.name()));
        final Link now = rtnetlink.link(before.link().index()).orElse(before.link());
        if (!now.name().equals(before.name())) {
            attempt(() -> rtnetlink.rename(now.index(), before.name()));
        }
        if (before.link().up()) {
            attempt(() -> rtnetlink.setUp(before.link().index()));
        }
        before.addresses().forEach(address -> attempt(() -> rtnetlink.replaceAddress(address)));
        before.neighbours().forEach(neighbour -> attempt(() -> rtnetlink.replaceNeighbour(neighbour)));
        before.routes().forEach(route -> attempt(() -> rtnetlink.replaceRoute(route)));
    }

    /** One entry that cannot be put back is no reason to leave out the others. */
    private static void attempt(final Runnable step) {
        try {
            step.run();
        } catch (final LinuxException failure) {
            LOG.log(WARNING, "{0}. Start flanneld, which puts it right", failure.getMessage());
        }
    }
}
