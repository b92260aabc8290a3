/* SPDX-License-Identifier: Apache-2.0 */
/** Leases in the Kubernetes API: pod CIDRs and annotations of Node objects, as flannel's kube subnet manager has them. */
package io.weft.overlay.registry.kube;
