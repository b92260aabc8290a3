/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.overlay.capture.EgressAnswer;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.Liveness;
import io.weft.routing.Encapsulation;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Where a packet would go by the tables that a daemon has left on record: for one that does not answer. */
final class RecordedAnswer {
    /** The daemon's own is not on record, and so the header that is made of it is not told. */
    private static final MacAddress NOBODYS = new MacAddress(0x02_00_00_00_00_00L);

    private static final String REWRITE = "  rewrite ";

    /** That the overlay has no part in it, which is not so of what another node sends. */
    private static final String OWN = "  own ";

    private final DaemonRecord daemon;

    RecordedAnswer(final DaemonRecord daemon) {
        this.daemon = daemon;
    }

    /**
     * The lines of the answer, as the daemon would give them, and how old they are.
     *
     * @throws IllegalStateException if its record cannot be read.
     */
    List<String> lines(final IpAddress destination, final @Nullable IpAddress source) {
        final List<IpPrefix> own = prefixes("subnets");
        String answer = "";
        for (final DeviceRecord device : daemon.devices()) {
            try (RoutingTables tables = device.tables(context())) {
                if (answer.isEmpty()
                        || null != tables.explain(destination.toInetAddress()).route()) {
                    answer = EgressAnswer.of(tables, destination, own, daemon.networks());
                }
            }
        }
        final boolean isToHere = isWithin(own, destination);
        final boolean isFromHere = null == source || isWithin(own, source);
        final List<String> lines = new ArrayList<>(answer.lines()
                .filter(line -> !line.startsWith(REWRITE) && (isFromHere || !line.startsWith(OWN)))
                .toList());
        if (!isFromHere && isToHere) {
            lines.add(Hindrances.line(
                    "policy", "what it says of packets from " + source + " is not on record: ask weftd when it runs"));
        }
        if (null != source && !isFromHere && !isToHere) {
            lines.add(EgressAnswer.notOfThisNode(source));
        }
        lines.add(Hindrances.line(
                "record",
                "by what weftd left on disk, " + Words.duration(daemon.ageMs()) + " old: it does not answer"
                        + (isForwarding() ? "" : ", and forwards nothing")));
        return lines;
    }

    /** Data threads may go on where the control thread does not. */
    private boolean isForwarding() {
        return Liveness.LIVE == daemon.liveness() || Liveness.HUNG == daemon.liveness();
    }

    /** What is known of whether the packet arrives, since nobody answers. */
    Arrival arrival() {
        return isForwarding() ? Arrival.UNKNOWN : Arrival.NO;
    }

    private static boolean isWithin(final List<IpPrefix> subnets, final IpAddress address) {
        return subnets.stream().anyMatch(subnet -> subnet.contains(IpPrefix.host(address)));
    }

    private List<IpPrefix> prefixes(final String key) {
        return daemon.status().required(key).elements().stream()
                .map(JsonValue::string)
                .map(IpPrefix::parse)
                .toList();
    }

    private RoutingContext context() {
        final RoutingContext context = new RoutingContext().underlayPort((int) daemon.number("port"));
        return BackendType.UDP == BackendType.named(daemon.text("backend"))
                ? context.encapsulation(Encapsulation.BARE_IP)
                : context.vni((int) daemon.number("vni")).vtepMac(NOBODYS);
    }
}
