/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.testing.InvokedNode;

/** Received by a UDP socket. */
class FlowOrderTest extends FlowOrderSuite {
    @Override
    InvokedNode open() throws Exception {
        return new InvokedNode(DataPlaneContext.MAX_SEGMENTS_DEFAULT);
    }
}
