/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.dataplane.pod.PodPort;
import io.weft.linux.LinuxException;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.options.WeftOptions;
import java.util.Locale;

/**
 * By what pods' packets come and go, and why.
 *
 * @param port what was chosen.
 * @param reason for it, in few words.
 * @param details why there was no choice, with the remedy; empty if there was.
 */
public record PodPortChoice(PodPort port, String reason, String details) {
    /**
     * Chooses by what was wished for and by what this process may open now.
     *
     * @throws StartupException when that is nothing.
     */
    public static PodPortChoice of(final WeftOptions.PodPorts wish) {
        return switch (wish) {
            case AUTO -> best();
            case TUN -> wished(PodPort.TUN);
            case PACKET -> wished(PodPort.PACKET);
        };
    }

    private static PodPortChoice wished(final PodPort port) {
        try {
            port.require();
            return new PodPortChoice(port, "as --pod-port says", "");
        } catch (final LinuxException failure) {
            throw new StartupException(
                    "--pod-port=" + name(port) + ": " + failure.getMessage()
                            + ". Or leave the choice to --pod-port=auto",
                    failure);
        }
    }

    private static PodPortChoice best() {
        try {
            PodPort.TUN.require();
            return new PodPortChoice(PodPort.TUN, "there is a TUN driver", "");
        } catch (final LinuxException noTun) {
            try {
                PodPort.PACKET.require();
                return new PodPortChoice(PodPort.PACKET, noTun.brief(), String.valueOf(noTun.getMessage()));
            } catch (final LinuxException noSocket) {
                throw new StartupException(
                        "there is no port for pods' packets: " + noTun.getMessage() + "; and " + noSocket.getMessage()
                                + ". One of the two is needed",
                        noSocket);
            }
        }
    }

    private static String name(final PodPort port) {
        return port.name().toLowerCase(Locale.ROOT);
    }

    /** {@code pod port tun: there is a TUN driver}. */
    public String remark() {
        return "pod port " + name(port) + ": " + reason;
    }

    /** The same for the log, with the remedy where one is known. */
    @Override
    public String toString() {
        return details.isEmpty() ? remark() : "pod port " + name(port) + ": " + details;
    }
}
