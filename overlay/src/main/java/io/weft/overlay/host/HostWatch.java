/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Neighbour;
import io.weft.linux.netlink.RtnetlinkEvent;
import io.weft.linux.netlink.RtnetlinkMonitor;
import io.weft.linux.netlink.RtnetlinkMonitor.Topic;
import java.net.InetAddress;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Listens, on a thread of its own, for what others change on the host, and calls when it may concern a device: the overlay's, or
 * the interface below. What exactly has changed is for {@link OverlayDevice} and {@link UnderlayCheck} to find out.
 */
public final class HostWatch implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(HostWatch.class.getName());

    /** Links are numbered from 1 on. */
    private static final int ANY_DEVICE = 0;

    private static final long RETRY_NS = TimeUnit.SECONDS.toNanos(1);

    private final RtnetlinkMonitor monitor;
    private final String deviceName;
    /** Of the watch's thread once it runs: a device that is made anew has another one. */
    private int deviceIndex;

    private final List<IpPrefix> networks;
    private final Map<InetAddress, MacAddress> macs = new HashMap<>();
    private final Runnable onChange;
    private String trouble = "";
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile boolean isClosed;

    private HostWatch(
            final RtnetlinkMonitor monitor,
            final String deviceName,
            final int deviceIndex,
            final List<IpPrefix> networks,
            final Runnable onChange) {
        this.monitor = monitor;
        this.deviceName = deviceName;
        this.deviceIndex = deviceIndex;
        this.networks = List.copyOf(networks);
        this.onChange = onChange;
    }

    /**
     * Starts to listen in the calling thread's network namespace.
     *
     * @param deviceName of the device.
     * @param deviceIndex of the same, until one of that name is made anew.
     * @param networks whose routes concern it, and those of subnets in them; routes that weft sets itself are no news.
     * @param onChange called on the watch's thread, once for the events that come together.
     */
    public static HostWatch start(
            final String deviceName, final int deviceIndex, final List<IpPrefix> networks, final Runnable onChange) {
        return start(monitor(networks), deviceName, deviceIndex, networks, onChange);
    }

    /**
     * Starts to listen for the underlay's device.
     *
     * @param deviceName of the device.
     * @param deviceIndex of the same, until one of that name is made anew.
     * @param hasPacketSockets who write the next hop's MAC address themselves: to them alone it matters when that of a neighbour becomes
     *     known, is another or is lost.
     * @param onChange called on the watch's thread, once for the events that come together.
     */
    public static HostWatch ofUnderlay(
            final String deviceName, final int deviceIndex, final boolean hasPacketSockets, final Runnable onChange) {
        if (!hasPacketSockets) {
            return start(deviceName, deviceIndex, List.of(), onChange);
        }
        final RtnetlinkMonitor monitor =
                RtnetlinkMonitor.open(EnumSet.of(Topic.LINKS, Topic.ADDRESSES, Topic.NEIGHBOURS));
        return start(monitor, deviceName, deviceIndex, List.of(), onChange);
    }

    private static HostWatch start(
            final RtnetlinkMonitor monitor,
            final String deviceName,
            final int deviceIndex,
            final List<IpPrefix> networks,
            final Runnable onChange) {
        final HostWatch watch = new HostWatch(monitor, deviceName, deviceIndex, networks, onChange);
        final Thread thread = new Thread(watch::run, "weft-netlink");
        thread.setDaemon(true);
        thread.start();
        return watch;
    }

    /** The same for the addresses of whichever device. */
    public static HostWatch ofAddresses(final Runnable onChange) {
        return start("", ANY_DEVICE, List.of(), onChange);
    }

    private static RtnetlinkMonitor monitor(final List<IpPrefix> networks) {
        if (networks.isEmpty()) {
            return RtnetlinkMonitor.open(EnumSet.of(Topic.LINKS, Topic.ADDRESSES));
        }
        final RtnetlinkMonitor monitor = RtnetlinkMonitor.open(EnumSet.of(Topic.LINKS, Topic.ADDRESSES, Topic.ROUTES));
        monitor.routesWithin(networks, HostRoutes.PROTOCOL);
        return monitor;
    }

    private void run() {
        try (monitor) {
            final boolean[] concerns = new boolean[1];
            while (!isClosed) {
                concerns[0] = false;
                poll(concerns);
                if (concerns[0]) {
                    onChange.run();
                }
            }
        } finally {
            ended.countDown();
        }
    }

    private void poll(final boolean[] concerns) {
        try {
            monitor.poll(-1, event -> concerns[0] |= concerns(event));
            trouble = "";
        } catch (final LinuxException failure) {
            final String found = String.valueOf(failure.getMessage());
            if (!found.equals(trouble)) {
                LOG.log(WARNING, "{0}. The host is compared anew", found);
            }
            trouble = found;
            concerns[0] = true;
            LockSupport.parkNanos(RETRY_NS); // what fails at once would fail as fast as it is tried
        }
    }

    private boolean concerns(final RtnetlinkEvent event) {
        if (event instanceof final RtnetlinkEvent.LinkChange change) {
            final boolean isNamed = change.link().name().equals(deviceName);
            if (isNamed) {
                deviceIndex = change.link().index();
            }
            return isNamed || change.link().index() == deviceIndex;
        }
        if (event instanceof final RtnetlinkEvent.AddressChange change) {
            return ANY_DEVICE == deviceIndex || change.address().linkIndex() == deviceIndex;
        }
        if (event instanceof final RtnetlinkEvent.RouteChange change) {
            return (change.removed() || HostRoutes.PROTOCOL != change.route().protocol())
                    && networks.stream()
                            .anyMatch(network -> network.contains(change.route().destination()));
        }
        if (event instanceof final RtnetlinkEvent.NeighbourChange change) {
            return change.neighbour().linkIndex() == deviceIndex && isNews(change.neighbour(), change.removed());
        }
        return event instanceof RtnetlinkEvent.ResyncNeeded;
    }

    /** A neighbour changes its state now and then, and its MAC address hardly ever. */
    private boolean isNews(final Neighbour neighbour, final boolean isRemoved) {
        final MacAddress now = isRemoved || !neighbour.valid() ? null : neighbour.mac();
        final MacAddress before = null == now ? macs.remove(neighbour.address()) : macs.put(neighbour.address(), now);
        return !Objects.equals(before, now);
    }

    @Override
    public void close() {
        isClosed = true;
        monitor.wakeUp();
        try {
            ended.await();
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt(); // the thread ends all the same, only unobserved
        }
    }
}
