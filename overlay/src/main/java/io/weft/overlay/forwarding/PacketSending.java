/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.dataplane.DataPlaneContext;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.underlay.NextHopFinder;
import io.weft.dataplane.underlay.NextHops;
import io.weft.dataplane.underlay.PacketSockets;
import io.weft.dataplane.underlay.PacketTransmission;
import io.weft.dataplane.underlay.UnderlaySockets;
import io.weft.linux.LinuxException;
import io.weft.linux.PacketSocket;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.netlink.XfrmPolicies;
import io.weft.overlay.host.KernelNumber;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.routing.RoutingTables;
import java.io.IOException;
import java.net.Inet4Address;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import org.agrona.CloseHelper;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.SystemNanoClock;
import org.jspecify.annotations.Nullable;

/**
 * That a forwarder sends by its packet sockets to those peers that it can reach so (docs/decisions/0008-packet-underlay-port.md); all
 * others, and all while something is in the way, by UDP. Used by the control thread alone.
 */
final class PacketSending implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(PacketSending.class.getName());

    /** After a refusal: a packet is not lost by it, but a batch is sent twice over. */
    private static final long RETRY_NS = TimeUnit.SECONDS.toNanos(10);

    private static final String AS_ASKED =
            "underlay port packet: as --underlay-port says; the host's firewall does not see it";

    private static final int DEFAULT_HOP_LIMIT = 64; // IPDEFTTL, include/uapi/linux/ip.h

    private final PacketTransmission transmission;
    private final PacketSockets sockets;
    private final Rtnetlink rtnetlink;
    private final NextHopFinder finder;
    private final RoutingTables tables;
    private final NanoClock clock;
    private final boolean isIpv4;
    private final Consumer<String> remark;
    private String trouble = "";
    private String passedBy = "";
    private final CounterGrowth refusals;
    private long refusedUntilNs;
    private boolean isRefused;

    private PacketSending(
            final PacketTransmission transmission,
            final PacketSockets sockets,
            final Rtnetlink rtnetlink,
            final Forwarder.Settings settings,
            final RoutingTables tables,
            final ToLongFunction<DataPlaneCounter> counters,
            final Consumer<String> remark,
            final NanoClock clock) {
        this.remark = remark;
        this.transmission = transmission;
        this.sockets = sockets;
        this.rtnetlink = rtnetlink;
        this.tables = tables;
        refusals = new CounterGrowth(counters, DataPlaneCounter.EGRESS_PACKET_REFUSALS);
        this.clock = clock;
        isIpv4 = settings.local() instanceof Inet4Address;
        finder = new NextHopFinder(
                rtnetlink, settings.local(), settings.config().backend().port());
    }

    /**
     * Prepares to send by the sockets that a forwarder receives by.
     *
     * @param counters tells what all workers have counted.
     * @param remark is told by what is received and sent, and why, now and when it changes.
     * @return null where the kernel cuts no superframes for them: by UDP it does, as the log says.
     */
    static @Nullable PacketSending open(
            final Forwarder.Settings settings,
            final UnderlaySockets udp,
            final PacketSockets packets,
            final RoutingTables tables,
            final ToLongFunction<DataPlaneCounter> counters,
            final Consumer<String> remark) {
        if (!PacketSocket.cutsUdpSuperframes()) {
            remark.accept(
                    "underlay port packet, sends by udp: the kernel cuts no superframes of packet sockets (Linux 6.2)");
            LOG.log(
                    INFO,
                    "{0} sends by UDP: packet sockets take no superframes of UDP from it (Linux 6.2){1}",
                    settings.deviceName(),
                    LogFields.of("device", settings.deviceName()));
            return null;
        }
        remark.accept(AS_ASKED);
        final PacketTransmission transmission =
                new PacketTransmission(packets.ports(), udp.sourcePorts(), settings.local());
        final Rtnetlink rtnetlink = Rtnetlink.open();
        boolean isMade = false;
        try {
            final PacketSending made = new PacketSending(
                    transmission, packets, rtnetlink, settings, tables, counters, remark, SystemNanoClock.INSTANCE);
            isMade = true;
            return made;
        } finally {
            if (!isMade) {
                CloseHelper.quietClose(rtnetlink);
            }
        }
    }

    /** The counters have gone on from another process's: what that was refused is not this one's. */
    void goOn() {
        refusals.begin();
    }

    /** What the data plane sends by. */
    void use(final DataPlaneContext context) {
        context.packetTransmission(transmission);
    }

    /**
     * One look at the way to all peers: once a second, and whenever it may have changed.
     *
     * @param nowPassedBy what is to be said of the host's firewall, in words; empty if it has no rule that may concern these packets.
     */
    void follow(final Underlay now, final String nowPassedBy) {
        String hindrance = "";
        String cause;
        NextHops found = NextHops.NONE;
        try {
            hindrance = hindrance(now);
            cause = hindrance;
            if (hindrance.isEmpty()) {
                found = finder.find(sockets.filter().linkIndex(), tables.underlays(), hopLimit(now));
            }
        } catch (final LinuxException failure) {
            hindrance = String.valueOf(failure.getMessage());
            cause = failure.brief();
        }
        transmission.nextHops(found);
        if (!hindrance.isEmpty() && !hindrance.equals(trouble)) {
            LOG.log(WARNING, "{0}. All is sent by UDP; it is looked at again every second", hindrance);
        }
        if (!hindrance.equals(trouble) || !nowPassedBy.equals(passedBy)) {
            final String how = hindrance.isEmpty() ? AS_ASKED : "underlay port packet, sends by udp: " + cause;
            remark.accept(nowPassedBy.isEmpty() ? how : how + ", " + nowPassedBy);
        }
        trouble = hindrance;
        passedBy = nowPassedBy;
    }

    /** Why nothing may be sent by packet socket now; empty if it may. */
    private String hindrance(final Underlay now) {
        if (refusals.hasGrown()) {
            refusals.begin();
            isRefused = true;
            refusedUntilNs = clock.nanoTime() + RETRY_NS;
        }
        isRefused &= refusedUntilNs - clock.nanoTime() > 0;
        if (isRefused) {
            return now.name() + " does not take what the packet socket sends";
        }
        return XfrmPolicies.exist() ? "the host has IPsec policies, which a packet socket would pass by" : "";
    }

    /** As the host's own packets have it; the kernel's default where it is not told. */
    private int hopLimit(final Underlay now) {
        final Path setting = isIpv4
                ? Path.of("/proc/sys/net/ipv4/ip_default_ttl")
                : Path.of("/proc/sys/net/ipv6/conf", now.name(), "hop_limit");
        try {
            return KernelNumber.read(setting);
        } catch (final IOException | NumberFormatException unreadable) {
            return DEFAULT_HOP_LIMIT;
        }
    }

    @Override
    public void close() {
        transmission.nextHops(NextHops.NONE);
        CloseHelper.closeAll(finder, rtnetlink);
    }
}
