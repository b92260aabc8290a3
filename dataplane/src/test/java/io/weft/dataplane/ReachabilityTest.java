/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.testing.UnderlayPort;

/** Received by UDP sockets. */
class ReachabilityTest extends ReachabilitySuite {
    ReachabilityTest() {
        super(UnderlayPort.UDP);
    }
}
