/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

/** Over a TUN device. */
class WeftdKillTest extends WeftdKillSuite {
    @Override
    String podPort() {
        return "tun";
    }
}
