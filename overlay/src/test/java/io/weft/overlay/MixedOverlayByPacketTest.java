/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

/** weftd receives by packet sockets. */
class MixedOverlayByPacketTest extends MixedOverlaySuite {
    MixedOverlayByPacketTest() {
        super("--underlay-port=packet");
    }
}
