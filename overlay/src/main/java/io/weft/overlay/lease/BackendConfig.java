/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lease;

/**
 * The {@code Backend} object of the network configuration (flannel pkg/backend/vxlan/vxlan.go, pkg/backend/udp and
 * pkg/backend/hostgw).
 *
 * @param type how packets go.
 * @param vni VXLAN network identifier, 24 bits; 0 for another type.
 * @param port UDP port of every node; 0 without a tunnel.
 * @param mtu MTU of the underlay to count from; 0 takes that of the interface.
 * @param learning flannel's {@code Learning}; weft has no use for it, since leases name every VTEP.
 * @param directRouting peers on the same link are routed by the kernel, without the tunnel.
 */
public record BackendConfig(BackendType type, int vni, int port, int mtu, boolean learning, boolean directRouting) {
    /** RFC 7348, 5: the identifier has 24 bits. */
    public static final int VNI_MAX = 0xff_ffff;
    /** flannel pkg/backend/vxlan/vxlan.go, {@code defaultVNI}. */
    public static final int VNI_DEFAULT = 1;
    /** Linux drivers/net/vxlan/vxlan_core.c, {@code vxlan_port}; older than IANA's 4789, and what flannel uses. */
    public static final int PORT_DEFAULT = 8472;
    /** flannel pkg/backend/udp/udp_amd64.go, {@code defaultPort}. */
    public static final int PORT_UDP_DEFAULT = 8285;

    /** The object as flannel's JSON. */
    String json() {
        return "{\"Type\":\"" + type + "\",\"VNI\":" + vni + ",\"Port\":" + port + ",\"MTU\":" + mtu + ",\"Learning\":"
                + learning + ",\"DirectRouting\":" + directRouting + '}';
    }
}
