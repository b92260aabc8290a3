/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

/** weftd receives by UDP sockets. */
class MixedOverlayTest extends MixedOverlaySuite {
    MixedOverlayTest() {
        super("--underlay-port=udp");
    }
}
