/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

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
                .put(Description.POD_PORT, PodPortChoice.of(weft.podPort).port())
                .put(
                        Description.UNDERLAY_PORT,
                        UnderlayPort.PACKET == weft.underlayPort ? UnderlayPort.PACKET : UnderlayPort.UDP)
                .put(Description.UNDERLAY, underlay.binding())
                .put(Description.SUBNET_FILE, subnetFile.path().toAbsolutePath().normalize());
    }
}
