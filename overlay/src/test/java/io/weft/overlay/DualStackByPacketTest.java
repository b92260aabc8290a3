/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

/** weftd receives by packet sockets. */
class DualStackByPacketTest extends DualStackSuite {
    DualStackByPacketTest() {
        super("packet");
    }
}
