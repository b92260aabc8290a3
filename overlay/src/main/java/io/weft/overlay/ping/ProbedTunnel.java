/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import io.weft.overlay.lease.BackendType;

/**
 * What is between two nodes of a network.
 *
 * @param backend which adds to packets what it adds.
 * @param vni of VXLAN.
 * @param port of UDP, at all nodes.
 */
public record Tunnel(BackendType backend, int vni, int port) {}
