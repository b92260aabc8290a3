/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.pod.PodPort;
import io.weft.dataplane.testing.Ports;
import io.weft.dataplane.testing.UnderlayPort;

/** Pods' packets by packet sockets at the end of a veth pair, received by UDP sockets. */
class ReachabilityOverVethTest extends ReachabilitySuite {
    ReachabilityOverVethTest() {
        super(new Ports(PodPort.PACKET, UnderlayPort.UDP));
    }
}
