/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.pod.PodPort;
import io.weft.dataplane.testing.Ports;
import io.weft.dataplane.testing.UnderlayPort;

/** Packet sockets on both sides. */
class RandomStreamByPacketOverVethTest extends RandomStreamSuite {
    RandomStreamByPacketOverVethTest() {
        super(new Ports(PodPort.PACKET, UnderlayPort.PACKET));
    }
}
