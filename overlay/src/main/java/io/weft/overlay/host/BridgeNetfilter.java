/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.lease.NetworkConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * Whether packets between two pods of one bridge pass the rules of iptables, as kube-proxy's Services need it: the answer of a
 * pod on the same node comes back over the bridge, and without the rules its address is not put back to that of the Service.
 * The overlay itself does not need it. flanneld ends where it is not there (flannel main.go); see decision 54.
 */
public final class BridgeNetfilter {
    private static final System.Logger LOG = System.getLogger(BridgeNetfilter.class.getName());
    private static final Path SETTINGS = Path.of("/proc/sys/net/bridge");

    private BridgeNetfilter() {}

    /** Whether all is there that a network needs; what is not, is told. */
    public static boolean isThereFor(final NetworkConfig config) {
        final String hindrance =
                config.nftables() ? "" : hindrance(null != config.network(), null != config.ipv6Network());
        if (!hindrance.isEmpty()) {
            LOG.log(
                    WARNING,
                    "{0}. Without it a pod does not reach a Kubernetes Service whose pod is on the same node;"
                            + " flanneld would end here, weftd goes on",
                    hindrance);
        }
        return hindrance.isEmpty();
    }

    /** What is missing, cause and remedy; empty when all is there. */
    private static String hindrance(final boolean ipv4, final boolean ipv6) {
        final String ofIpv4 = ipv4 ? hindrance("bridge-nf-call-iptables") : "";
        return ofIpv4.isEmpty() && ipv6 ? hindrance("bridge-nf-call-ip6tables") : ofIpv4;
    }

    private static String hindrance(final String setting) {
        final Path file = SETTINGS.resolve(setting);
        try {
            final String value = Files.readString(file).strip();
            return "1".equals(value)
                    ? ""
                    : file + " is " + value + ": set it to 1 (sysctl -w net.bridge." + setting + "=1)";
        } catch (final NoSuchFileException missing) {
            return file + " does not exist: load the module (modprobe br_netfilter)";
        } catch (final IOException failure) {
            return "read " + file + ": " + failure.getMessage();
        }
    }
}
