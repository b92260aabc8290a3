/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import static java.lang.System.Logger.Level.DEBUG;

import io.weft.address.IpPrefix;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.rules.OtherNetwork;
import java.nio.file.Path;
import java.util.List;

/** Daemons that run beside this one, in its network namespace and with its run directory. */
final class OtherDaemons {
    private static final System.Logger LOG = System.getLogger(OtherDaemons.class.getName());
    private static final int PORT_MAX = 65_535;

    private OtherDaemons() {}

    /**
     * Their networks, as far as they can be read.
     *
     * @param own device's name, of which there may be a predecessor.
     */
    static List<OtherNetwork> networks(final Path runDirectory, final String own) {
        try {
            return DaemonRecord.readAll(runDirectory, System.currentTimeMillis()).stream()
                    .filter(daemon -> !daemon.name().equals(own)
                            && daemon.isHere()
                            && !daemon.liveness().isGone())
                    .map(daemon -> new OtherNetwork(
                            daemon.networks(),
                            daemon.devices().stream().map(DeviceRecord::name).toList(),
                            port(daemon)))
                    .toList();
        } catch (final IllegalStateException | IllegalArgumentException | JsonException unread) {
            LOG.log(DEBUG, "other daemons are not known: {0}", unread.getMessage());
            return List.of();
        }
    }

    /**
     * Of some networks those that none of these daemons is in.
     *
     * @param own as for {@link #networks}.
     */
    static List<IpPrefix> notIn(final Path runDirectory, final String own, final List<IpPrefix> networks) {
        if (networks.isEmpty()) {
            return networks;
        }
        final List<IpPrefix> ofOthers = networks(runDirectory, own).stream()
                .flatMap(other -> other.networks().stream())
                .toList();
        return networks.stream()
                .filter(network -> ofOthers.stream().noneMatch(network::overlaps))
                .toList();
    }

    private static int port(final DaemonRecord daemon) {
        final JsonValue port = daemon.status().member("port");
        return null == port ? 0 : port.integer(0, PORT_MAX);
    }
}
