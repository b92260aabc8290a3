/* SPDX-License-Identifier: Apache-2.0 */
/** Leases in etcd, in flannel's keys and values, by etcd's v3 API over its JSON gateway. */
package io.weft.overlay.registry.etcd;
