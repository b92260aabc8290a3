/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.pod.PodPort;
import io.weft.dataplane.testing.Ports;
import io.weft.dataplane.testing.UnderlayPort;

/** Received by UDP sockets. */
class AttackerTest extends AttackerSuite {
    AttackerTest() {
        super(new Ports(PodPort.TUN, UnderlayPort.UDP));
    }
}
