/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.UnderlayPort;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.routing.Encapsulation;
import org.junit.jupiter.api.AfterEach;

/** Received by a packet socket. What differs: a superframe that came unsegmented is told from datagrams that were joined. */
@RequiresRoot
class JoinedMessageByPacketTest extends JoinedMessageSuite {
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
