/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The rules of the host's firewall as far as they can be understood from outside: chains of rules, each with conditions on a packet
 * and what becomes of it. {@link io.weft.linux.netlink.Nftables} and {@link io.weft.linux.netfilter.LegacyTables} read them,
 * {@link io.weft.linux.netfilter.TunnelTraffic} says whether they concern a tunnel's packets.
 */
package io.weft.linux.netfilter;
