/* SPDX-License-Identifier: Apache-2.0 */
/** Where leases are kept: a file, etcd or the Kubernetes API. Each yields a snapshot and then changes. */
package io.weft.overlay.registry;
