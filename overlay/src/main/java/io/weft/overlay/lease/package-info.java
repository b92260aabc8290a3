/* SPDX-License-Identifier: Apache-2.0 */
/** What flannel's nodes agree on: subnets, leases and the network configuration, in flannel's own JSON. */
package io.weft.overlay.lease;
