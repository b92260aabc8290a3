/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.pod.PodPort;
import io.weft.dataplane.testing.Ports;
import io.weft.dataplane.testing.UnderlayPort;

/** Received by UDP sockets. */
class KernelDifferenceTest extends KernelDifferenceSuite {
    KernelDifferenceTest() {
        super(new Ports(PodPort.TUN, UnderlayPort.UDP));
    }
}
