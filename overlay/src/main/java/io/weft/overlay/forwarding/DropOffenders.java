/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.dataplane.capture.Offender;
import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DropReason;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.LogFields;
import java.net.InetAddress;
import java.util.Collection;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.status.CountersReader;

/**
 * Tells operators whose packet was dropped last, for each reason: beside the counters, where it outlives the daemon; and of those that the
 * ingress policy refuses also in the log when it begins, after a minute without any. That it goes on is told by {@link DropLog}. Control
 * thread alone.
 */
final class DropOffenders {
    private static final System.Logger LOG = System.getLogger(DropOffenders.class.getName());
    private static final long SILENCE_NS = TimeUnit.MINUTES.toNanos(1);

    /** Of the ingress policy. */
    private static final Set<DropReason> REFUSALS = EnumSet.of(
            DropReason.UNKNOWN_SENDER,
            DropReason.IP_LOCAL_SOURCE,
            DropReason.IP_INVALID_SOURCE,
            DropReason.IP_LOCALNET,
            DropReason.OWN_SUBNET_SOURCE,
            DropReason.OTHER_NODES_SOURCE,
            DropReason.UNANNOUNCED_SOURCE,
            DropReason.FOREIGN_DESTINATION,
            DropReason.OUTER_INVALID_SOURCE);

    /** Where no node sends from. */
    private final List<IpPrefix> podPrefixes;

    private final CountersFile counters;
    private final NanoClock clock;
    private final DropLog dropLog;
    private final Map<DropReason, Integer> remarks = new EnumMap<>(DropReason.class);
    private final Map<DropReason, String> last = new EnumMap<>(DropReason.class);
    private final Map<DropReason, Long> lastNs = new EnumMap<>(DropReason.class);

    DropOffenders(final Forwarder.Settings settings, final CountersFile counters, final NanoClock clock) {
        podPrefixes = podPrefixes(
                settings.config(), settings.own().key(), settings.underlay().localAddresses());
        this.counters = counters;
        this.clock = clock;
        dropLog = new DropLog(settings.deviceName(), clock.nanoTime());
    }

    /**
     * The cluster's networks, and where one covers the nodes' addresses too, of that the node's own subnet alone.
     *
     * @param local addresses of this node.
     */
    static List<IpPrefix> podPrefixes(
            final NetworkConfig config, final LeaseKey own, final Collection<InetAddress> local) {
        return Stream.concat(
                        Stream.of(config.network(), config.ipv6Network())
                                .filter(network ->
                                        null != network && local.stream().noneMatch(network::contains)),
                        Stream.of(own.subnet(), own.ipv6Subnet()))
                .filter(Objects::nonNull)
                .toList();
    }

    /** What the remark of a reason begins with. */
    private static String beginning(final DropReason reason) {
        return "last " + reason + ": from ";
    }

    /**
     * Goes on where another process has stopped, whose counters go on here.
     *
     * @param before of the other process.
     * @param dropped how many packets each reason has counted, there.
     */
    void goOn(final CountersReader before, final ToLongFunction<DropReason> dropped) {
        dropLog.begin(dropped);
        before.forEach((id, typeId, key, label) -> {
            for (final DropReason reason : DropReason.values()) {
                if (CountersFile.REMARK_TYPE_ID == typeId && label.startsWith(beginning(reason))) {
                    remark(reason, label.substring(beginning(reason).length()));
                }
            }
        });
    }

    private void remark(final DropReason reason, final String addresses) {
        final String remark = beginning(reason) + addresses;
        final Integer present = remarks.get(reason);
        if (null == present) {
            remarks.put(reason, counters.remark(remark));
        } else {
            counters.changeRemark(present, remark);
        }
        last.put(reason, addresses);
    }

    void take(final Offender offender) {
        final DropReason reason = offender.reason();
        remark(reason, offender.addresses());
        final Long before = lastNs.put(reason, clock.nanoTime());
        if (!REFUSALS.contains(reason)) {
            return;
        }
        if (null == before || clock.nanoTime() - before >= SILENCE_NS) {
            LOG.log(
                    WARNING,
                    "refused, as are others that are counted under {0}: from {1}. {2}{3}",
                    reason,
                    offender.addresses(),
                    advice(offender),
                    LogFields.of("reason", reason, "offender", offender.addresses()));
        }
    }

    /**
     * Has the log told of drops that go on, if that is due.
     *
     * @param dropped how many packets each reason has counted.
     */
    void tellWhatGoesOn(final ToLongFunction<DropReason> dropped) {
        dropLog.look(clock.nanoTime(), dropped, reason -> last.getOrDefault(reason, ""))
                .forEach(line -> LOG.log(WARNING, line));
    }

    private String advice(final Offender offender) {
        final IpAddress sender = Objects.requireNonNull(offender.peer(), "somebody sent it");
        if (DropReason.UNKNOWN_SENDER == offender.reason()
                && podPrefixes.stream().anyMatch(pods -> pods.contains(sender))) {
            return "This is a pod's address, and pods must not send to the tunnel's port: find out which pod it is, do not"
                    + " admit it.";
        }
        final String admission = "--ingress-allow=" + sender + " admits it";
        return switch (offender.reason()) {
            case UNKNOWN_SENDER ->
                "No lease or Node names this sender: weft status says what to look at; if it is a node that sends by another"
                        + " address, as behind a NAT, " + admission;
            case OTHER_NODES_SOURCE ->
                "The source is of another node's subnet: weft status says what to look at; only if that node sends by this"
                        + " address, as behind a NAT, " + admission;
            default -> offender.reason().description() + '.';
        };
    }
}
