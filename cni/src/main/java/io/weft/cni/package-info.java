/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The thin CNI plugin: it completes a network configuration from subnet.env, as flannel's plugin does, and hands the work
 * to the reference {@code bridge} and {@code host-local} plugins.
 *
 * <p>A process of this package lives for milliseconds and is mostly the start of its JVM. It therefore keeps to few
 * classes: no lambdas, streams, regular expressions or formatters on the way of an operation.
 *
 * <p>Source: the CNI specification 1.1.0 (containernetworking/cni SPEC.md).
 */
package io.weft.cni;
