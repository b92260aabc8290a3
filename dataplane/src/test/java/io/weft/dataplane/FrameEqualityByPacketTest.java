/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.testing.UnderlayPort;

/** Received by packet sockets. */
class FrameEqualityByPacketTest extends FrameEqualitySuite {
    FrameEqualityByPacketTest() {
        super(UnderlayPort.PACKET);
    }
}
