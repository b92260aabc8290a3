/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * What a kernel VXLAN device is set to.
 *
 * @param vni the network identifier, 24 bits.
 * @param port the UDP port it receives on.
 * @param local the underlay source address, null if the kernel chooses one per packet.
 * @param underlayIndex index of the underlay device, 0 if it is bound to none.
 * @param learning whether it learns FDB entries from what it receives.
 */
public record Vxlan(int vni, int port, @Nullable InetAddress local, int underlayIndex, boolean learning) {}
