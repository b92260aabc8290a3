/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.LinuxException;
import io.weft.linux.netlink.InterfaceAddress;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.forwarding.Forwarders;
import io.weft.overlay.forwarding.PodRoutes;
import io.weft.overlay.host.HostSteps;
import io.weft.overlay.host.OwnAddresses;
import io.weft.overlay.host.PodPath;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lifecycle.ControlLoop;
import io.weft.overlay.ops.Condition;
import io.weft.overlay.ops.Conditions;
import io.weft.overlay.ops.NodeMetrics;
import io.weft.overlay.peers.LeaseTable;
import java.util.List;
import java.util.Map;

/**
 * Compares the host with what the node needs: puts right what is the node's own, and tells what is others'. A refusal of the kernel is no
 * reason to stop forwarding: it is told, and tried again. The control thread alone.
 */
final class HostComparison {
    private static final System.Logger LOG = System.getLogger(HostComparison.class.getName());

    /** Why a node is taken down whose device somebody has deleted. */
    static final String DEVICE_GONE = "the device is gone";

    private final Rtnetlink rtnetlink;
    private final Conditions conditions;
    private final NodeMetrics metrics;
    private final ControlLoop loop;
    private final RepairedDevices repaired = new RepairedDevices();

    HostComparison(
            final Rtnetlink rtnetlink, final Conditions conditions, final NodeMetrics metrics, final ControlLoop loop) {
        this.rtnetlink = rtnetlink;
        this.conditions = conditions;
        this.metrics = metrics;
        this.loop = loop;
    }

    /** Those whose devices, addresses or routes others changed. */
    RepairedDevices repaired() {
        return repaired;
    }

    /**
     * Does a part of it.
     *
     * @param isWhole what is compared is all that the condition is about, so that it holds if nothing fails.
     */
    void attempt(final boolean isWhole, final Runnable comparison) {
        try {
            comparison.run();
            if (isWhole) {
                conditions.holds(Condition.HOST);
            }
        } catch (final LinuxException failure) {
            final String trouble = String.valueOf(failure.getMessage());
            if (!trouble.equals(conditions.trouble(Condition.HOST))) {
                LOG.log(WARNING, "{0}. The host is compared again every second", trouble);
            }
            conditions.set(Condition.HOST, trouble);
        }
    }

    /** What other nodes may not say to be from; and whether pods' gateway is of this node, and the host forwards to and fro. */
    void look(final LeaseTable table, final PodRoutes routes, final PodPath podPath, final LeaseKey own) {
        attempt(false, () -> {
            table.ownAddresses(OwnAddresses.now(rtnetlink));
            final List<InterfaceAddress> addresses = rtnetlink.addresses();
            routes.keepBridges(addresses);
            conditions.set(Condition.BRIDGE, podPath.strangers(own, addresses));
            conditions.set(Condition.POD_PATH, podPath.trouble(own, addresses));
        });
    }

    /**
     * Devices, routes and their settings.
     *
     * @param isRoutesDue whether routes are to be compared too, which takes the kernel time; else only after trouble.
     */
    void repair(final Forwarders opened, final PodRoutes routes, final boolean isRoutesDue) {
        final boolean isWhole = isRoutesDue
                || routes.hasTrouble()
                || !conditions.trouble(Condition.HOST).isEmpty();
        attempt(isWhole, () -> {
            final HostSteps steps = new HostSteps();
            final boolean[] isThere = {true};
            steps.attempt(() -> isThere[0] &= routes.repairDevices());
            steps.attempt(() -> isThere[0] &= opened.repairPodDevices());
            if (!isThere[0]) {
                loop.end(DEVICE_GONE);
            }
            if (isWhole) {
                steps.attempt(routes::repairRoutes);
            }
            steps.attempt(() -> opened.repairOffload(rtnetlink));
            steps.requireAll();
        });
        final Map<String, Long> ofDevices = routes.repairsOfDevices();
        opened.repairsOfPodDevices().forEach((device, repairs) -> ofDevices.merge(device, repairs, Long::sum));
        repaired.count(ofDevices);
        metrics.hostRepairs(
                ofDevices.values().stream().mapToLong(Long::longValue).sum()
                        + routes.otherRepairs()
                        + opened.offloadRepairs());
        metrics.directRouteRepairs(routes.routeRepairs());
    }
}
