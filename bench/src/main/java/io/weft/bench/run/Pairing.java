/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import io.weft.bench.lab.DataPlane;
import java.util.List;
import java.util.Optional;

/** Which data plane runs on the sending node, and which on the receiving one. */
public enum Pairing {
    WEFT("weft", DataPlane.WEFT, DataPlane.WEFT),
    WEFT_POD_PACKET("weft-pod-packet", DataPlane.WEFT_POD_PACKET, DataPlane.WEFT_POD_PACKET),
    WEFT_ALL_PACKET("weft-all-packet", DataPlane.WEFT_ALL_PACKET, DataPlane.WEFT_ALL_PACKET),
    KERNEL("kernel", DataPlane.KERNEL, DataPlane.KERNEL),
    SINGLE("single", DataPlane.SINGLE, DataPlane.SINGLE),
    WEFT_KERNEL("weft-kernel", DataPlane.WEFT, DataPlane.KERNEL),
    WEFT_PACKET_KERNEL("weft-packet-kernel", DataPlane.WEFT_PACKET, DataPlane.KERNEL),
    KERNEL_WEFT("kernel-weft", DataPlane.KERNEL, DataPlane.WEFT),
    WEFT_PACKET("weft-packet", DataPlane.WEFT_PACKET, DataPlane.WEFT_PACKET),
    KERNEL_WEFT_PACKET("kernel-weft-packet", DataPlane.KERNEL, DataPlane.WEFT_PACKET),
    OVS("ovs", DataPlane.OVS, DataPlane.OVS),
    WIREGUARD_GO("wireguard-go", DataPlane.WIREGUARD_GO, DataPlane.WIREGUARD_GO),
    WIREGUARD("wireguard", DataPlane.WIREGUARD, DataPlane.WIREGUARD);

    private final String label;
    private final DataPlane from;
    private final DataPlane to;

    Pairing(final String label, final DataPlane from, final DataPlane to) {
        this.label = label;
        this.from = from;
        this.to = to;
    }

    /** The data planes, in the order of the lab's nodes. */
    List<DataPlane> planes() {
        return List.of(from, to);
    }

    /** Whether a process forwards on one of the nodes, code that is to be warmed up before it is measured. */
    boolean hasProcess() {
        return from.isProcess() || to.isProcess();
    }

    /** Whether weftd is on one of the nodes. */
    boolean hasWeft() {
        return from.isWeft() || to.isWeft();
    }

    /** Whether weftd is on both nodes. */
    boolean isAllWeft() {
        return from.isWeft() && to.isWeft();
    }

    /** Whether what forwards on both nodes counts what it does. */
    boolean isCounted() {
        return isAllWeft() || (DataPlane.SINGLE == from && DataPlane.SINGLE == to);
    }

    /** What to do before it can be measured on this machine; empty if nothing. */
    public Optional<String> missing() {
        return from.missing().or(to::missing);
    }

    @Override
    public String toString() {
        return label;
    }
}
