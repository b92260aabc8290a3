/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.options;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.address.IpAddress;
import io.weft.dataplane.ThreadingMode;
import io.weft.overlay.lifecycle.StartupException;
import java.lang.reflect.Field;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

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
    /**
     * What Linux's dev_valid_name (net/core/dev.c) takes, without the template character, and without the directories beside
     * those of devices under /proc/sys/net.
     */
    private static final Pattern DEVICE_NAME = Pattern.compile("(?!(\\.\\.?|all|default)$)[^\\s/:%\\p{Cntrl}]+");

    /** Scheme, a name, an IPv4 address or an IPv6 address in brackets, port and path; or host and port alone. */
    private static final Pattern URL =
            Pattern.compile("https?://([\\w.-]+|\\[[0-9a-fA-F:.]+])(:\\d{1,5})?(/[\\w.~/-]*)?"
                    + "|([\\w.-]+|\\[[0-9a-fA-F:.]+]):\\d{1,5}/?");

    /**
     * What Kubernetes takes in front of the names of annotations (apimachinery pkg/api/validate/content/kube.go): a DNS name, and the
     * beginning of a name behind a slash, of 63 characters with the longest of the names.
     */
    private static final Pattern ANNOTATION_PREFIX =
            Pattern.compile("(?=[^/]{1,253}(/|$))[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
                    + "(/([A-Za-z0-9][\\w.-]{0,40})?)?");

    /** Which registry the options choose. */
    public enum RegistryKind {
        FILE,
        ETCD,
        KUBE
    }

    /** Throws a {@link StartupException} naming the first option that is out of its range. */
    public void validate() {
        requireRanges(flanneld);
        requireRanges(weft);
        if (ThreadingMode.INVOKER == weft.threadingMode) {
            throw new StartupException("--threading-mode=INVOKER: must be SHARED, SHARED_NETWORK or DEDICATED");
        }
        requirePublicAddress("--public-ip", flanneld.publicIp, true);
        requirePublicAddress("--public-ipv6", flanneld.publicIpv6, false);
        requireAddress("--iface-can-reach", flanneld.ifaceCanReach);
        for (final String name : flanneld.iface) {
            address(name).ifPresent(address -> requireNode("--iface", name, address));
        }
        for (final String regex : flanneld.ifaceRegex) {
            try {
                GoPattern.compile(regex);
            } catch (final PatternSyntaxException failure) {
                throw new StartupException("--iface-regex=" + regex + ": must be a regular expression, "
                        + failure.getDescription() + " at character " + failure.getIndex());
            }
        }
        requireUrl("--kube-api-url", flanneld.kubeApiUrl);
        requireAnnotationPrefix();
        requireFile("--subnet-file", flanneld.subnetFile);
        requireFile("--net-config-path", flanneld.netConfigPath);
        if (null != weft.countersFile) {
            requireFile("--counters-file", weft.countersFile);
        }
        if (null == (@Nullable Path) weft.runDirectory) {
            throw new StartupException("--run-dir=: must be a directory");
        }
        if (null == (@Nullable Path) weft.stateDirectory) {
            throw new StartupException("--state-dir=: must be a directory");
        }
        final String name = weft.deviceName;
        if (!name.isEmpty()
                && (name.getBytes(UTF_8).length > DEVICE_NAME_LENGTH_MAX
                        || !DEVICE_NAME.matcher(name).matches())) {
            throw new StartupException("--device-name=" + name + ": must be a name of 1 to " + DEVICE_NAME_LENGTH_MAX
                    + " characters without space, slash, colon or percent sign, and not \"all\" or \"default\"");
        }
        weft.ingressAllow();
        weft.statusPage();
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

    /** Which registry it is, also where the options that say so are wrong. */
    public String registryPlace() {
        return String.join(
                " ",
                weft.registry,
                String.valueOf(flanneld.etcdEndpoints),
                String.valueOf(flanneld.etcdPrefix),
                String.valueOf(flanneld.kubeconfigFile),
                String.valueOf(flanneld.kubeApiUrl),
                String.valueOf(flanneld.kubeAnnotationPrefix),
                String.valueOf(flanneld.netConfigPath));
    }

    /** The file of a {@link RegistryKind#FILE} registry. */
    public Path registryFile() {
        return Path.of(weft.registry.substring(FILE_REGISTRY.length()));
    }

    private static void requireRanges(final Object options) {
        for (final Field field : options.getClass().getDeclaredFields()) {
            final Range range = field.getAnnotation(Range.class);
            final Integer value = null == range ? null : number(options, field);
            if (null != range && null != value) {
                requireRange(field.getAnnotation(Option.class).names()[0], value, range.min(), range.max());
            }
        }
    }

    /** Null for an option that is not set. */
    private static @Nullable Integer number(final Object options, final Field field) {
        try {
            return (Integer) field.get(options);
        } catch (final IllegalAccessException ownField) {
            throw new IllegalStateException(ownField);
        }
    }

    private static void requireRange(final String name, final int value, final int min, final int max) {
        if (value < min || value > max) {
            throw new StartupException(name + '=' + value + ": must be from " + min + " to " + max);
        }
    }

    private static void requireUrl(final String name, final String value) {
        if (!value.isEmpty() && !URL.matcher(value).matches()) {
            throw new StartupException(
                    name + '=' + QuotedUrl.of(value) + ": must be a URL such as https://10.0.0.1:6443, without a user,"
                            + " or a host and a port for http");
        }
    }

    /** Else the API server alone would refuse it, with the first write, when the node is set up already. */
    private void requireAnnotationPrefix() {
        final String prefix = flanneld.kubeAnnotationPrefix;
        if (RegistryKind.KUBE == registryKind()
                && !ANNOTATION_PREFIX.matcher(prefix).matches()) {
            throw new StartupException(
                    "--kube-annotation-prefix=" + prefix + ": must be a DNS name in small letters such as"
                            + " flannel.alpha.coreos.com, behind which there may be one slash and up to 41 characters");
        }
    }

    /** An empty value makes no path, also where the field has one from the beginning. */
    private static void requireFile(final String name, final @Nullable Path file) {
        if (null == file || null == file.getFileName()) {
            throw new StartupException(name + '=' + (null == file ? "" : file) + ": must be the path of a file");
        }
    }

    private static void requireAddress(final String name, final String value) {
        if (!value.isEmpty()) {
            requireNode(
                    name,
                    value,
                    address(value)
                            .orElseThrow(() ->
                                    new StartupException(name + '=' + value + ": must be an IPv4 or IPv6 address")));
        }
    }

    private static void requirePublicAddress(final String name, final String value, final boolean ipv4) {
        if (value.isEmpty()) {
            return;
        }
        final String wanted = name + '=' + value + ": must be an " + (ipv4 ? "IPv4" : "IPv6") + " address";
        final InetAddress address = address(value).orElseThrow(() -> new StartupException(wanted));
        if (address instanceof Inet4Address != ipv4) {
            throw new StartupException(wanted);
        }
        requireNode(name, value, address);
    }

    private static Optional<InetAddress> address(final String text) {
        try {
            return Optional.of(IpAddress.parse(text).toInetAddress());
        } catch (final IllegalArgumentException noAddress) {
            return Optional.empty();
        }
    }

    /** Datagrams go there and come from there, so one node has it, and it means the same on all nodes. */
    private static void requireNode(final String name, final String value, final InetAddress address) {
        final boolean isIpv6LinkLocal = !(address instanceof Inet4Address) && address.isLinkLocalAddress();
        final boolean isBroadcast = "255.255.255.255".equals(value);
        if (address.isLoopbackAddress()
                || address.isAnyLocalAddress()
                || address.isMulticastAddress()
                || isIpv6LinkLocal
                || isBroadcast) {
            throw new StartupException(name + '=' + value + ": must be an address by which other nodes reach this one,"
                    + " not one of loopback (127.0.0.0/8, ::1), multicast, broadcast, an IPv6 link or none at all");
        }
    }
}
