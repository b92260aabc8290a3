/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What carries packets between the pods of two nodes. */
public enum DataPlane {
    /** weftd with the file registry. */
    WEFT,

    /** The same by packet socket on the underlay. */
    WEFT_PACKET,

    /** The same with packet sockets in the place of a TUN. */
    WEFT_POD_PACKET,

    /** The same by packet sockets on both sides. */
    WEFT_ALL_PACKET,

    /** The kernel's VXLAN device, set up as flannel's vxlan backend does. */
    KERNEL,

    /**
     * One packet per system call, bare IP in UDP: what flannel's udp backend does, and what weft is an answer to. Talks
     * to its own kind only.
     */
    SINGLE,

    /** {@link OpenVswitch}'s userspace datapath. */
    OVS("ovs-vswitchd --version", "apt-get install openvswitch-switch"),

    /** {@link WireGuard} by wireguard-go. */
    WIREGUARD_GO("wg --version && wireguard-go --version", "apt-get install wireguard-go wireguard-tools"),

    /** {@link WireGuard} by the kernel. */
    WIREGUARD(
            "wg --version && unshare --net ip link add wg0 type wireguard",
            "apt-get install wireguard-tools, on a kernel with CONFIG_WIREGUARD");

    private final String probe;
    private final String remedy;

    DataPlane() {
        this("true", "");
    }

    /**
     * @param probe shell command that succeeds where the plane can be had.
     * @param remedy what to do where it does not.
     */
    DataPlane(final String probe, final String remedy) {
        this.probe = probe;
        this.remedy = remedy;
    }

    /** What to do before the plane can be had on this machine; empty if nothing. */
    public Optional<String> missing() {
        return Command.tryRun(List.of("sh", "-c", probe)).ok() ? Optional.empty() : Optional.of(remedy);
    }

    /** Whether it forwards by a process. */
    public boolean isProcess() {
        return KERNEL != this && WIREGUARD != this;
    }

    /** Whether it is weftd. */
    public boolean isWeft() {
        return switch (this) {
            case WEFT, WEFT_PACKET, WEFT_POD_PACKET, WEFT_ALL_PACKET -> true;
            case KERNEL, SINGLE, OVS, WIREGUARD_GO, WIREGUARD -> false;
        };
    }

    /** Whether it shares an overlay with others than its own kind: those that speak flannel's VXLAN do. */
    public boolean isOfFlannel() {
        return isWeft() || KERNEL == this;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
