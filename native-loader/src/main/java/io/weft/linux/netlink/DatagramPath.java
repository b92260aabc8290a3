/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import java.net.InetAddress;

/**
 * The way that datagrams take from this host to a destination.
 *
 * @param linkIndex of the device that they leave by.
 * @param nextHop the gateway, or the destination itself.
 * @param mtu of the path in bytes, as a route or a router on the way told; 0 where it is the device's.
 */
public record DatagramPath(int linkIndex, InetAddress nextHop, int mtu) {}
