/* SPDX-License-Identifier: Apache-2.0 */
/** How the Kubernetes API is reached, and who calls: by kubeconfig as client-go reads it, by URL, or as a pod. */
package io.weft.overlay.registry.kube.access;
