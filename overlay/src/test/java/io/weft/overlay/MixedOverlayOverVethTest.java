/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

/** weftd takes pods' packets by packet sockets at the end of a veth pair, and receives by packet sockets too. */
class MixedOverlayOverVethTest extends MixedOverlaySuite {
    MixedOverlayOverVethTest() {
        super("--pod-port=packet", "--underlay-port=packet");
    }
}
