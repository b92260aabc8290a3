/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.DeviceFeatures;
import io.weft.linux.LinuxException;
import io.weft.overlay.lifecycle.LogFields;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * That Linux 7.0.0 to 7.0.10 cut messages of {@code UDP_SEGMENT} wrong for devices that take them half cut: lengths and checksums of what
 * leaves are not those of the datagrams, and nearly all of a stream is lost on the way (net/ipv4/udp_offload.c, {@code __udp_gso_segment}:
 * it came with b10b446ce7ad, and went with 5f17ae0f595a and 78effd896eee). No try on this host shows it, since only the device would, so
 * it is the one thing of a kernel that is told by its version.
 */
final class SegmentationFault {
    private static final System.Logger LOG = System.getLogger(SegmentationFault.class.getName());

    private static final Path RELEASE = Path.of("/proc/sys/kernel/osrelease");

    /** Ubuntu's, whose releases do not tell which of the stable updates they have: {@code Ubuntu 7.0.0-31.31-generic 7.0.14}. */
    private static final Path SIGNATURE = Path.of("/proc/version_signature");

    private static final Pattern FAULTY = Pattern.compile("7\\.0(?:\\.(\\d{1,3}))?(?:[-+].*)?");
    private static final int MENDED_IN = 11;

    private static final String HALF_CUT = "tx-gso-partial";
    private static final Path DEVICES = Path.of("/sys/class/net");

    /** How the kernel names links to the devices that a bridge, a bond or a VLAN lies over (net/core/dev.c). */
    private static final String BENEATH = "lower_";

    private SegmentationFault() {}

    /**
     * Looks whether it is there, and tells so.
     *
     * @param deviceName whose datagrams it concerns.
     * @param underlay the device that they leave by.
     */
    static boolean isThere(final String deviceName, final String underlay) {
        final String release = read(RELEASE);
        if (!isIn(upstream(release, read(SIGNATURE)))) {
            return false;
        }
        final String device = halfCutting(underlay);
        if (null != device) {
            LOG.log(
                    WARNING,
                    "{0}: Linux {1} cuts messages of several datagrams wrong (UDP_SEGMENT) for {2}, which has tx-gso-partial on:"
                            + " they are sent one by one, which is slower. Update to Linux 7.0.{3} or newer; or, also where"
                            + " this kernel has been mended, ethtool -K {2} tx-gso-partial off, and start weftd again{4}",
                    deviceName,
                    release,
                    device,
                    MENDED_IN,
                    LogFields.of("device", deviceName, "kernel", release, "interface", device));
        }
        return null != device;
    }

    static String upstream(final String release, final String signature) {
        return signature.isEmpty() ? release : signature.substring(signature.lastIndexOf(' ') + 1);
    }

    static boolean isIn(final String version) {
        final Matcher matcher = FAULTY.matcher(version);
        return matcher.matches() && (null == matcher.group(1) || Integer.parseInt(matcher.group(1)) < MENDED_IN);
    }

    /** The device, or one beneath it, for which the kernel may cut half; null if there is none. */
    private static @Nullable String halfCutting(final String device) {
        try (DeviceFeatures features = new DeviceFeatures(device, HALF_CUT)) {
            if (features.areActive()) {
                return device;
            }
        } catch (final LinuxException untold) {
            return device; // then it may be
        }
        for (final String beneath : beneath(device)) {
            final String found = halfCutting(beneath);
            if (null != found) {
                return found;
            }
        }
        return null;
    }

    private static List<String> beneath(final String device) {
        try (Stream<Path> files = Files.list(DEVICES.resolve(device))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.startsWith(BENEATH))
                    .map(name -> name.substring(BENEATH.length()))
                    .toList();
        } catch (final IOException | UncheckedIOException untold) {
            return List.of();
        }
    }

    private static String read(final Path file) {
        try {
            return Files.readString(file).trim();
        } catch (final IOException missing) {
            return "";
        }
    }
}
