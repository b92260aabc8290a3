/* SPDX-License-Identifier: Apache-2.0 */
/**
 * rtnetlink (RFC 3549, rtnetlink(7)): links, addresses, routes, neighbours and the bridge forwarding database of the
 * network namespace in which the socket was opened. {@link io.weft.linux.netlink.Rtnetlink} asks and changes,
 * {@link io.weft.linux.netlink.RtnetlinkMonitor} tells what others change.
 */
package io.weft.linux.netlink;
