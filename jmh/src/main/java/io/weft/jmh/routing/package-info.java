/* SPDX-License-Identifier: Apache-2.0 */
/** Longest-prefix match, building and changing of the routing tables, and the same tables for DPDK. */
package io.weft.jmh.routing;
