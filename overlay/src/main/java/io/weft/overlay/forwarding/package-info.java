/* SPDX-License-Identifier: Apache-2.0 */
/** What carries the packets of one node: a forwarder for each underlay family, with its device, sockets, tables and counters. */
package io.weft.overlay.forwarding;
