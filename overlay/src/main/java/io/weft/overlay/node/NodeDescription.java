/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import io.weft.dataplane.pod.PodPort;
import io.weft.overlay.forwarding.UnderlayFamily;
import io.weft.overlay.handover.Description;
import io.weft.overlay.handover.Tenure;
import io.weft.overlay.host.PodPortChoice;
import io.weft.overlay.host.SubnetFile;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.options.Version;
import io.weft.overlay.options.WeftOptions;
import io.weft.overlay.options.WeftOptions.UnderlayPort;
import io.weft.overlay.options.WeftdOptions;

/** What a node says of itself to the one that is to take its place, or did. */
final class NodeDescription {
    private NodeDescription() {}

    /** All but its lease. */
    static Description of(
            final Tenure tenure,
            final WeftdOptions options,
            final NetworkConfig config,
            final Underlay underlay,
            final SubnetFile subnetFile) {
        final WeftOptions weft = options.weft();
        return tenure.describe()
                .put(Description.VERSION, Version.text())
                .put(Description.BACKEND, config.backend().type())
                .put(Description.VNI, config.backend().vni())
                .put(Description.PORT, config.backend().port())
                .put(Description.NETWORK, config.json())
                .put(
                        Description.DEVICES,
                        String.join(" ", UnderlayFamily.deviceNames(weft, config.backend(), underlay)))
                .put(Description.WORKERS, weft.workers())
                .put(
                        Description.POD_PORT,
                        podPort(PodPortChoice.of(weft.podPort).port(), weft.workers()))
                .put(
                        Description.UNDERLAY_PORT,
                        UnderlayPort.PACKET == weft.underlayPort ? UnderlayPort.PACKET : UnderlayPort.UDP)
                .put(Description.UNDERLAY, underlay.binding())
                .put(Description.SUBNET_FILE, subnetFile.path().toAbsolutePath().normalize());
    }

    /** A TUN device of several queues has one more to be written since 2026-11; one without is of no use, so it is told by another name. */
    private static String podPort(final PodPort port, final int workers) {
        return PodPort.TUN == port && workers > 1 ? port + " with a queue to write" : port.toString();
    }
}
