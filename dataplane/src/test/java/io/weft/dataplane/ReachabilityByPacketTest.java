/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.testing.UnderlayPort;

/** Received by packet sockets. */
class ReachabilityByPacketTest extends ReachabilitySuite {
    ReachabilityByPacketTest() {
        super(UnderlayPort.PACKET);
    }
}
