/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import io.weft.overlay.handover.Succession;
import io.weft.overlay.host.KernelDevices;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.NetworkConfig;
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
}
