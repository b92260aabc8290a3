/* SPDX-License-Identifier: Apache-2.0 */
/** TLS from PEM text, the form in which etcd's and Kubernetes' users have keys and certificates. */
package io.weft.overlay.registry.tls;
