/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.testing.UnderlayPort;

/** Received by UDP sockets, over IPv6. */
class OuterHeaderIpv6Test extends OuterHeaderSuite {
    OuterHeaderIpv6Test() {
        super(UnderlayPort.UDP, true);
    }
}
