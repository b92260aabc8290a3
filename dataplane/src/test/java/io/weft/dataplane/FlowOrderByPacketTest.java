/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.UnderlayPort;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.routing.Encapsulation;
import org.junit.jupiter.api.AfterEach;

/** Received by a packet socket. */
@RequiresRoot
class FlowOrderByPacketTest extends FlowOrderSuite {
    private final NetworkNamespace namespace = NetworkNamespace.create("invoked");

    @AfterEach
    void tearDown() {
        namespace.close();
    }

    @Override
    InvokedNode open() {
        return namespace.call(
                () -> new InvokedNode(DataPlaneContext.MAX_SEGMENTS_DEFAULT, Encapsulation.VXLAN, UnderlayPort.PACKET));
    }
}
