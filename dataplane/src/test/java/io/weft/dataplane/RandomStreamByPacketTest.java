/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.pod.PodPort;
import io.weft.dataplane.testing.Ports;
import io.weft.dataplane.testing.UnderlayPort;

/** Received by packet sockets. What differs: a superframe that comes unsegmented may have segments of any length. */
class RandomStreamByPacketTest extends RandomStreamSuite {
    RandomStreamByPacketTest() {
        super(new Ports(PodPort.TUN, UnderlayPort.PACKET));
    }
}
