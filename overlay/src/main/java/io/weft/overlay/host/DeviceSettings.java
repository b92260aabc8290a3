/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.nio.file.Path;

/**
 * What the overlay's device needs of Linux's settings of each device. They are read under /proc/sys/net, and set by rtnetlink: a
 * container that may configure the network may all the same not write there.
 */
final class DeviceSettings {
    private static final System.Logger LOG = System.getLogger(DeviceSettings.class.getName());

    private final Rtnetlink rtnetlink;
    private final KernelSetting acceptLocal;
    private String trouble = "";

    DeviceSettings(final Rtnetlink rtnetlink, final String deviceName) {
        this.rtnetlink = rtnetlink;
        acceptLocal = new KernelSetting(Path.of("/proc/sys/net/ipv4/conf", deviceName, "accept_local"), "1");
    }

    /**
     * Lets the host forward packets that come in from the device with the host's own address as their source
     * (Documentation/networking/ip-sysctl.rst, accept_local). The data plane's ICMP unreachable is one: without this
     * no pod would ever see it. The rest works without, so that is said once.
     *
     * @param linkIndex the kernel's number of the device at present.
     */
    void repair(final int linkIndex) {
        try {
            if (acceptLocal.isOtherwise()) {
                rtnetlink.setIpv4Setting(linkIndex, Rtnetlink.ACCEPT_LOCAL, 1);
            }
            trouble = "";
        } catch (final IOException | LinuxException failure) {
            final String found = failure.toString();
            if (!found.equals(trouble)) {
                LOG.log(
                        WARNING,
                        "set {0} to 1: {1}. Pods will not be told when a destination has no route. On the host:"
                                + " echo 1 > {0}",
                        acceptLocal.file(),
                        found);
            }
            trouble = found;
        }
    }
}
