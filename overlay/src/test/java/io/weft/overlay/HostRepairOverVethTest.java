/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

/** Over packet sockets at the end of a veth pair. */
class HostRepairOverVethTest extends HostRepairSuite {
    @Override
    String podPort() {
        return "packet";
    }
}
