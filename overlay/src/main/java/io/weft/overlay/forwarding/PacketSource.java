/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import io.weft.address.IpAddress;
import io.weft.dataplane.capture.Captures;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.routing.RoutingTables;
import java.util.List;
import java.util.function.Supplier;

/**
 * A forwarder's packets, and what they are forwarded by.
 *
 * @param deviceName of the device that pods' packets are routed to.
 * @param tables that decide where packets go; of the control thread.
 * @param policy tells who may send what.
 * @param captures that packets are shown to.
 * @param local address on the underlay that is sent from.
 * @param port that is received on.
 * @param sourcePorts of each worker, those of its sending sockets.
 */
public record PacketSource(
        String deviceName,
        RoutingTables tables,
        Supplier<IngressPolicy> policy,
        Captures captures,
        IpAddress local,
        int port,
        List<int[]> sourcePorts) {}
