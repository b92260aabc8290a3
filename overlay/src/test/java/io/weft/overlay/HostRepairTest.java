/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

/** Over a TUN device. */
class HostRepairTest extends HostRepairSuite {
    @Override
    String podPort() {
        return "tun";
    }
}
