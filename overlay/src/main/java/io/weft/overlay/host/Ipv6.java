/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.address.IpPrefix;
import io.weft.overlay.lifecycle.StartupException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Whether this host can have IPv6 pods: many are set up without IPv6. */
public final class Ipv6 {
    /** Linux Documentation/networking/ip-sysctl.rst: what a device has that is made. */
    private static final Path OF_NEW_DEVICES = Path.of("/proc/sys/net/ipv6/conf/default/disable_ipv6");

    private Ipv6() {}

    private static Path settingOf(final String device) {
        return Path.of("/proc/sys/net/ipv6/conf", device, "disable_ipv6");
    }

    /** Whether a device of the calling thread's network namespace may have no IPv6 address: it has lost those that it had. */
    static boolean isOffOn(final String device) {
        try {
            return new KernelSetting(settingOf(device), "0").isOtherwise();
        } catch (final IOException unknown) {
            return false;
        }
    }

    /** That it may have none, and the command that lets it. */
    static String offOn(final String device) {
        return "net.ipv6.conf." + device.replace('.', '/') + ".disable_ipv6 is 1: sysctl -w net/ipv6/conf/" + device
                + "/disable_ipv6=0";
    }

    /**
     * Checks it before anything is touched.
     *
     * @param network of IPv6 pods; null when there are none.
     * @throws StartupException when a device made now could not have an address of it.
     */
    public static void requireFor(final @Nullable IpPrefix network) {
        if (null == network) {
            return;
        }
        try {
            if (!"0".equals(Files.readString(OF_NEW_DEVICES).strip())) {
                throw new StartupException(
                        "the cluster network has IPv6 (" + network + "), which is switched off here: "
                                + OF_NEW_DEVICES
                                + " is not 0. Set it to 0 (sysctl -w net.ipv6.conf.default.disable_ipv6=0, and"
                                + " the same for conf.all and the pods' bridge), or take IPv6Network out of the network's config");
            }
        } catch (final NoSuchFileException missing) {
            throw new StartupException(
                    "the cluster network has IPv6 (" + network + "), and this kernel runs without: " + OF_NEW_DEVICES
                            + " does not exist. Start it without ipv6.disable=1, or take IPv6Network out of the network's"
                            + " config",
                    missing);
        } catch (final IOException failure) {
            throw new StartupException("read " + OF_NEW_DEVICES + ": " + failure.getMessage(), failure);
        }
    }
}
