/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.testing.UnderlayPort;

/** Received by packet sockets. */
class OuterHeaderByPacketTest extends OuterHeaderSuite {
    OuterHeaderByPacketTest() {
        super(UnderlayPort.PACKET, false);
    }
}
