/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.WARNING;

import java.io.IOException;
import java.nio.file.Path;

/** What the overlay's device needs besides what rtnetlink sets: Linux's per-device settings under /proc/sys/net. */
final class DeviceSettings {
    private static final System.Logger LOG = System.getLogger(DeviceSettings.class.getName());

    private final KernelSetting acceptLocal;
    private String trouble = "";

    DeviceSettings(final String deviceName) {
        acceptLocal = new KernelSetting(Path.of("/proc/sys/net/ipv4/conf", deviceName, "accept_local"), "1");
    }

    /**
     * Lets the host forward packets that come in from the device with the host's own address as their source
     * (Documentation/networking/ip-sysctl.rst, accept_local). The data plane's ICMP unreachable is one: without this
     * no pod would ever see it. A container may not be allowed to; the rest works without, so that is said once.
     */
    void repair() {
        try {
            acceptLocal.repair();
            trouble = "";
        } catch (final IOException failure) {
            final String found = failure.toString();
            if (!found.equals(trouble)) {
                LOG.log(
                        WARNING,
                        "set {0} to 1: {1}. Pods will not be told when a destination has no route",
                        acceptLocal.file(),
                        found);
            }
            trouble = found;
        }
    }
}
