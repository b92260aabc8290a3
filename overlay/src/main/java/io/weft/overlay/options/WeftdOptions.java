/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.options;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.dataplane.ThreadingMode;
import io.weft.overlay.lifecycle.StartupException;
import java.nio.file.Path;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * All options of weftd, checked.
 *
 * @param flanneld those that flanneld has as well.
 * @param weft weft's own.
 */
public record WeftdOptions(FlanneldOptions flanneld, WeftOptions weft) {
    private static final String FILE_REGISTRY = "file:";
    /** Linux include/uapi/linux/if.h, IFNAMSIZ less the final zero. */
    private static final int DEVICE_NAME_LENGTH_MAX = 15;

    /** Which registry the options choose. */
    public enum RegistryKind {
        FILE,
        ETCD,
        KUBE
    }

    /** Throws a {@link StartupException} naming the first option that is out of its range. */
    public void validate() {
        requireRange("--workers", weft.workers(), 1, WeftOptions.WORKERS_MAX);
        requireRange("--spin", weft.spinUs, 0, WeftOptions.SPIN_MAX_US);
        requireRange("--healthz-port", flanneld.healthzPort, 0, 65535);
        requireRange("--iptables-resync", flanneld.iptablesResyncSeconds, 1, 86_400);
        requireRange("--subnet-lease-renew-margin", flanneld.subnetLeaseRenewMarginMinutes, 1, 24 * 60 - 1);
        if (ThreadingMode.INVOKER == weft.threadingMode) {
            throw new StartupException("--threading-mode=INVOKER: must be SHARED, SHARED_NETWORK or DEDICATED");
        }
        requireAddress("--public-ip", flanneld.publicIp, true);
        requireAddress("--public-ipv6", flanneld.publicIpv6, false);
        for (final String regex : flanneld.ifaceRegex) {
            try {
                Pattern.compile(regex);
            } catch (final PatternSyntaxException failure) {
                throw new StartupException("--iface-regex=" + regex + ": " + failure.getDescription() + " at character "
                        + failure.getIndex());
            }
        }
        final String name = weft.deviceName;
        if (name.length() > DEVICE_NAME_LENGTH_MAX || !name.matches("[^\\s/:]*") || name.matches("\\.\\.?")) {
            throw new StartupException("--device-name=" + name + ": must be a name of 1 to " + DEVICE_NAME_LENGTH_MAX
                    + " characters without space, slash or colon");
        }
        registryKind();
    }

    public RegistryKind registryKind() {
        return switch (weft.registry) {
            case "" -> flanneld.kubeSubnetMgr ? RegistryKind.KUBE : RegistryKind.ETCD;
            case "etcd" -> RegistryKind.ETCD;
            case "kube" -> RegistryKind.KUBE;
            default -> {
                if (weft.registry.startsWith(FILE_REGISTRY) && weft.registry.length() > FILE_REGISTRY.length()) {
                    yield RegistryKind.FILE;
                }
                throw new StartupException("--registry=" + weft.registry + ": must be file:PATH, etcd or kube");
            }
        };
    }

    /** The file of a {@link RegistryKind#FILE} registry. */
    public Path registryFile() {
        return Path.of(weft.registry.substring(FILE_REGISTRY.length()));
    }

    private static void requireRange(final String name, final int value, final int min, final int max) {
        if (value < min || value > max) {
            throw new StartupException(name + '=' + value + ": must be from " + min + " to " + max);
        }
    }

    private static void requireAddress(final String name, final String value, final boolean ipv4) {
        if (value.isEmpty()) {
            return;
        }
        try {
            if ((IpFamily.IPV4 == IpAddress.parse(value).family()) != ipv4) {
                throw new StartupException(
                        name + '=' + value + ": must be an " + (ipv4 ? "IPv4" : "IPv6") + " address");
            }
        } catch (final IllegalArgumentException failure) {
            throw new StartupException(name + '=' + value + ": " + failure.getMessage(), failure);
        }
    }
}
