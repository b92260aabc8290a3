/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

/** Over packet sockets at the end of a veth pair. */
class WeftdKillOverVethTest extends WeftdKillSuite {
    @Override
    String podPort() {
        return "packet";
    }
}
