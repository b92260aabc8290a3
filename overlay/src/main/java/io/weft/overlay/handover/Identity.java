/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.handover;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * Who a daemon is, for those that come after it.
 *
 * @param service what is the same for all that may take over from each other: unit, DaemonSet; may be empty.
 * @param instance what is the same as often as one supervisor starts it: pod, parent process; may be empty.
 */
public record Identity(String service, String instance) {
    private static final Path CGROUP = Path.of("/proc/self/cgroup");
    private static final String UNIT_SUFFIX = ".service";

    /**
     * This process.
     *
     * @param named by an option; empty to find it out.
     * @param environment POD_NAME and POD_NAMESPACE, as a manifest may set them; INVOCATION_ID, as systemd sets it.
     */
    public static Identity of(final String named, final Map<String, String> environment) {
        final String pod = environment.getOrDefault("POD_NAME", "");
        if (!pod.isEmpty()) {
            final String name = environment.getOrDefault("POD_NAMESPACE", "") + '/' + pod;
            // A DaemonSet's pods are called after it, with a random end.
            return new Identity(named.isEmpty() ? name.replaceFirst("-[a-z0-9]+$", "") : named, name);
        }
        final boolean isUnit = named.isEmpty() && environment.containsKey("INVOCATION_ID");
        return new Identity(isUnit ? unit() : named, parent());
    }

    /** The last part of a cgroup's path that is a unit, such as {@code 0::/system.slice/weftd.service}. */
    private static String unit() {
        try {
            for (final String line : Files.readAllLines(CGROUP)) {
                final String[] parts = line.split("/", -1);
                for (int i = parts.length - 1; i > 0; i--) {
                    if (parts[i].endsWith(UNIT_SUFFIX)) {
                        return parts[i];
                    }
                }
            }
            return "";
        } catch (final IOException unknown) {
            return "";
        }
    }

    private static String parent() {
        return ProcessHandle.current()
                .parent()
                .map(parent -> parent.pid()
                        + parent.info().startInstant().map(start -> "@" + start).orElse(""))
                .orElse("");
    }
}
