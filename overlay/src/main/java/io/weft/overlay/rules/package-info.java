/* SPDX-License-Identifier: Apache-2.0 */
/** Masquerade and forward rules as flanneld leaves them on a host, by iptables or nftables. */
package io.weft.overlay.rules;
