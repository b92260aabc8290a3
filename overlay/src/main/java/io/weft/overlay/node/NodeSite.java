/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import io.weft.linux.netlink.InterfaceAddress;
import io.weft.overlay.handover.Succession;
import io.weft.overlay.host.KernelDevices;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.options.WeftOptions;
import io.weft.overlay.options.WeftdOptions;
import io.weft.overlay.rules.NodeRules;
import io.weft.overlay.rules.TunnelPort;
import java.util.List;

/**
 * Where a node is to be, as it was found before anything is changed in the registry or on the host.
 *
 * @param deviceNames of the overlay, one for each IP version of the underlay.
 * @param succession to the daemon that has the place, if there is one.
 * @param replaced kernel devices that are to be taken over.
 */
record NodeSite(
        NetworkConfig config,
        Underlay underlay,
        List<String> deviceNames,
        Succession succession,
        KernelDevices replaced) {
    /** Copies the list. */
    NodeSite {
        deviceNames = List.copyOf(deviceNames);
    }

    /**
     * What the host's firewall is to let through and translate.
     *
     * @param own the node's lease.
     * @param addresses of the host.
     */
    NodeRules rules(final WeftdOptions options, final LeaseKey own, final List<InterfaceAddress> addresses) {
        final WeftOptions weft = options.weft();
        final TunnelPort port = TunnelPort.of(config.backend(), underlay, deviceNames, weft.ingressSources, addresses);
        return NodeRules.of(
                config,
                own,
                NodeRules.Wishes.of(options.flanneld(), port),
                deviceNames,
                () -> OtherDaemons.networks(weft.runDirectory, deviceNames.get(0)));
    }
}
