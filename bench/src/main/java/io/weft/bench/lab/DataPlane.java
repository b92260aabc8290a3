/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import java.util.Locale;

/** What carries packets between the pods of two nodes. */
public enum DataPlane {
    /** weftd with the file registry. */
    WEFT,

    /** The same, which receives from the underlay by packet socket. */
    WEFT_PACKET,

    /** The same with packet sockets in the place of a TUN. */
    WEFT_POD_PACKET,

    /** The kernel's VXLAN device, set up as flannel's vxlan backend does. */
    KERNEL,

    /**
     * One packet per system call, bare IP in UDP: what flannel's udp backend does, and what weft is an answer to. Talks
     * to its own kind only.
     */
    SINGLE;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
