/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.testing.UnderlayPort;

/** Received by UDP sockets. */
class OuterHeaderTest extends OuterHeaderSuite {
    OuterHeaderTest() {
        super(UnderlayPort.UDP, false);
    }
}
