/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.testing.UnderlayPort;

/** Received by packet sockets, over IPv6. */
class OuterHeaderIpv6ByPacketTest extends OuterHeaderSuite {
    OuterHeaderIpv6ByPacketTest() {
        super(UnderlayPort.PACKET, true);
    }
}
