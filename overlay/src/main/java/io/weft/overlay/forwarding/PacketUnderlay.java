/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpAddress;
import io.weft.dataplane.DataPlaneContext;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.underlay.NextHopFinder;
import io.weft.dataplane.underlay.PacketSockets;
import io.weft.dataplane.underlay.UnderlaySockets;
import io.weft.linux.LinuxException;
import io.weft.linux.PacketSocket;
import io.weft.linux.TunnelFilter;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.options.WeftOptions;
import io.weft.overlay.options.WeftOptions.UnderlayPort;
import io.weft.overlay.rules.TunnelFirewall;
import io.weft.routing.RoutingTables;
import java.net.InetAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import org.agrona.CloseHelper;
import org.agrona.concurrent.SystemNanoClock;
import org.jspecify.annotations.Nullable;

/**
 * That a forwarder receives by packet sockets, and sends by them, on whichever device the underlay is (docs/decisions/0008-packet-underlay-port.md). The
 * UDP sockets stay: they receive what the packet sockets do not take, and so all of it while there is no device. Used by the control
 * thread alone.
 */
public final class PacketUnderlay implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(PacketUnderlay.class.getName());

    private static final String VRF = "vrf"; // drivers/net/vrf.c, DRV_NAME

    /** Looks at the firewall take no more than this part of the time: of rules there may be thousands. */
    private static final int LOOK_SHARE = 100;

    private static final long LOOKS_SAVED_NS = TimeUnit.MINUTES.toNanos(1);

    private final PacketSockets sockets;
    private final @Nullable PacketSending sending;
    private final RoutingTables tables;
    private final Runnable onNewSockets;
    private final TunnelFirewall firewall;
    private String trouble = "";
    private String passedBy = "";
    private String passedByRemark = "";
    private final TimeShare looks = new TimeShare(LOOK_SHARE, LOOKS_SAVED_NS, SystemNanoClock.INSTANCE);

    private PacketUnderlay(
            final PacketSockets sockets,
            final @Nullable PacketSending sending,
            final RoutingTables tables,
            final Runnable onNewSockets) {
        this.tables = tables;
        this.onNewSockets = onNewSockets;
        this.sockets = sockets;
        this.sending = sending;
        firewall = new TunnelFirewall(sockets.filter().local(), sockets.filter().port());
    }

    /**
     * Opens the sockets where they are wanted, and says in the log what was chosen and why.
     *
     * @param left descriptors of packet sockets that another process left, or none.
     * @param tables that know all peers.
     * @param counters tells what all workers have counted.
     * @param onNewSockets has waiting receivers wait for other sockets than before.
     * @param remark is told the same, for the counters, now and when it changes.
     * @return null where all is received by UDP.
     * @throws StartupException if they were asked for and cannot be had.
     */
    static @Nullable PacketUnderlay open(
            final Forwarder.Settings settings,
            final UnderlaySockets udp,
            final List<Integer> left,
            final RoutingTables tables,
            final ToLongFunction<DataPlaneCounter> counters,
            final Runnable onNewSockets,
            final Consumer<String> remark) {
        final String hindrance =
                hindrance(settings.options(), settings.config().backend().type());
        if (!hindrance.isEmpty()) {
            LOG.log(
                    INFO,
                    "{0} receives and sends by UDP: {1}{2}",
                    settings.deviceName(),
                    hindrance,
                    LogFields.of("device", settings.deviceName()));
            remark.accept("underlay port udp: " + hindrance);
            removeLeft(settings.underlay());
            return null;
        }
        final Underlay underlay = settings.underlay();
        try {
            requireEthernet(underlay);
            final TunnelFilter filter = new TunnelFilter(
                    underlay.linkIndex(),
                    settings.local(),
                    settings.config().backend().port());
            final int bufferLength = UnderlaySockets.BUFFER_LENGTH_DEFAULT;
            final PacketSockets sockets = left.isEmpty()
                    ? PacketSockets.open(udp, filter, bufferLength)
                    : PacketSockets.adopt(udp, filter, bufferLength, left);
            LOG.log(
                    INFO,
                    "{0} receives by packet socket on {1}, and sends by it, as --underlay-port says: the host''s firewall does"
                            + " not see what comes to UDP port {2}, or goes there, by it{3}",
                    settings.deviceName(),
                    underlay.name(),
                    String.valueOf(settings.config().backend().port()),
                    LogFields.of(
                            "device",
                            settings.deviceName(),
                            "interface",
                            underlay.name(),
                            "port",
                            settings.config().backend().port()));
            boolean isMade = false;
            try {
                final PacketUnderlay made = new PacketUnderlay(
                        sockets,
                        PacketSending.open(settings, udp, sockets, tables, counters, remark),
                        tables,
                        onNewSockets);
                isMade = true;
                return made;
            } finally {
                if (!isMade) {
                    CloseHelper.quietClose(sockets); // what comes to sockets that nobody reads is lost
                }
            }
        } catch (final LinuxException failure) {
            throw new StartupException("--underlay-port=packet: " + failure.getMessage() + ", or choose udp", failure);
        }
    }

    /** A daemon that was killed may have sent by packet socket. */
    private static void removeLeft(final Underlay underlay) {
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            NextHopFinder.removeLeft(rtnetlink, underlay.linkIndex());
        } catch (final LinuxException failure) {
            LOG.log(WARNING, "{0}. What a weftd before had the kernel keep of its peers stays", failure.getMessage());
        }
    }

    /** Why all is received by UDP; empty if it is not. */
    private static String hindrance(final WeftOptions options, final BackendType type) {
        final UnderlayPort wanted = options.underlayPort;
        if (UnderlayPort.UDP == wanted) {
            return "--underlay-port says so";
        }
        if (UnderlayPort.AUTO == wanted) {
            return "measured, packet sockets are no faster (docs/performance.md)";
        }
        if (BackendType.VXLAN != type) {
            return "peers of the " + type + " backend send nothing that a packet socket would tell of";
        }
        return "";
    }

    /**
     * Tries whether {@link #open} would find what it needs.
     *
     * @throws StartupException if packet sockets are asked for and cannot be had.
     */
    static void attempt(final WeftOptions options, final BackendType type, final Underlay underlay) {
        if (hindrance(options, type).isEmpty()) {
            requireEthernet(underlay);
        }
    }

    /** In a VRF the UDP socket would see each packet come by the VRF, and take it too. */
    private static void requireEthernet(final Underlay underlay) {
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            final Link link = rtnetlink.link(underlay.name()).orElse(null);
            if (null == link || !isEthernet(link)) {
                throw new StartupException(
                        "--underlay-port=packet: interface " + underlay.name() + " is not Ethernet, choose udp");
            }
            final boolean isInVrf = 0 != link.masterIndex()
                    && rtnetlink
                            .link(link.masterIndex())
                            .map(Link::kind)
                            .filter(VRF::equals)
                            .isPresent();
            if (isInVrf) {
                throw new StartupException(
                        "--underlay-port=packet: interface " + underlay.name() + " is in a VRF, choose udp");
            }
        }
    }

    private static boolean isEthernet(final Link link) {
        return null != link.mac() && !link.loopback();
    }

    /** The descriptors of the sockets. */
    List<Integer> descriptors() {
        return sockets.ports().stream().map(PacketSocket::fd).toList();
    }

    /** The process that left the sockets is gone. */
    void own() {
        sockets.own();
    }

    /** The counters have gone on from another process's, before this one has forwarded anything. */
    void goOn() {
        if (null != sending) {
            sending.goOn();
        }
    }

    /** What the data plane receives by. */
    void use(final DataPlaneContext context) {
        context.packetPorts(sockets.ports(), sockets.filter());
        if (null != sending) {
            sending.use(context);
        }
    }

    /** One look at the interface, once a second and whenever it may have changed: it may have been made anew. */
    public void follow(final Underlay now) {
        followLink(now);
        followFirewall(now);
        if (null != sending) {
            sending.follow(now, passedByRemark);
        }
    }

    /** Who asks for packet sockets is told which rules they pass by, and may not have been thought of, or come later. */
    private void followFirewall(final Underlay now) {
        if (!looks.begin()) {
            return;
        }
        String found;
        String remark;
        try {
            final List<InetAddress> peers =
                    tables.underlays().stream().map(IpAddress::toInetAddress).toList();
            found = firewall.touchedBy(now.name(), now.linkIndex(), peers);
            remark = found.isEmpty() ? "" : "which has rules that may concern it: " + found;
        } catch (final LinuxException failure) {
            found = "rules that cannot be read: " + failure.getMessage();
            remark = "whose rules cannot be read: " + failure.brief();
        }
        tell(now, found);
        passedBy = found;
        passedByRemark = remark;
        looks.end();
    }

    private void tell(final Underlay now, final String found) {
        if (found.equals(passedBy)) {
            return;
        }
        if (found.isEmpty()) {
            LOG.log(
                    INFO,
                    "The packet socket on {0} passes no rule of the host''s firewall by any more{1}",
                    now.name(),
                    LogFields.of("interface", now.name()));
        } else {
            LOG.log(
                    WARNING,
                    "The packet socket on {0} passes the host''s firewall by: {1}. If that matters, choose"
                            + " --underlay-port=udp{2}",
                    now.name(),
                    found,
                    LogFields.of("interface", now.name()));
        }
    }

    private void followLink(final Underlay now) {
        if (now.linkIndex() == sockets.filter().linkIndex()) {
            return;
        }
        try {
            sockets.follow(now.linkIndex());
            onNewSockets.run();
            trouble = "";
            LOG.log(
                    INFO,
                    "{0} was made anew: received by packet socket again{1}",
                    now.name(),
                    LogFields.of("interface", now.name()));
        } catch (final LinuxException failure) {
            final String found = String.valueOf(failure.getMessage());
            if (!found.equals(trouble)) {
                LOG.log(WARNING, "{0}. All is received by UDP, and the packet socket tried again every second", found);
            }
            trouble = found;
        }
    }

    /** Packets that the sockets lost since the last call. */
    long takeLosses() {
        return sockets.takeLosses();
    }

    @Override
    public void close() {
        CloseHelper.closeAll(sending, sockets, firewall);
    }
}
