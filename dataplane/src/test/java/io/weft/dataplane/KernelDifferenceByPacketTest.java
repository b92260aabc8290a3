/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.pod.PodPort;
import io.weft.dataplane.testing.Ports;
import io.weft.dataplane.testing.UnderlayPort;

/** Received by packet sockets. */
class KernelDifferenceByPacketTest extends KernelDifferenceSuite {
    KernelDifferenceByPacketTest() {
        super(new Ports(PodPort.TUN, UnderlayPort.PACKET));
    }
}
