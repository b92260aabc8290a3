/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** Which subnets are behind which peer, by the tables on record: route to neighbour to FDB entry, as a packet goes. */
public final class PeerSubnets {
    private final Map<IpAddress, TreeSet<IpPrefix>> subnets = new HashMap<>();

    private PeerSubnets() {}

    /**
     * Those of a device.
     *
     * @throws IllegalStateException if there is no such record.
     */
    public static PeerSubnets of(final DeviceRecord device) {
        final Map<String, String> macs = new HashMap<>();
        device.table(TablesFile.Kind.NEIGHBOUR).forEach(line -> macs.put(word(line, 0), value(line, "lladdr")));
        final Map<String, String> underlays = new HashMap<>();
        device.table(TablesFile.Kind.FDB).forEach(line -> underlays.put(word(line, 0), value(line, "dst")));
        final PeerSubnets found = new PeerSubnets();
        for (final String route : device.table(TablesFile.Kind.ROUTE)) {
            final String gateway = value(route, "via");
            final String mac = macs.get(gateway);
            // Without a tunnel header the gateway is the peer itself.
            final String underlay = null == mac ? (underlays.isEmpty() ? gateway : null) : underlays.get(mac);
            if (null != underlay) {
                found.subnets
                        .computeIfAbsent(IpAddress.parse(underlay), peer -> new TreeSet<>())
                        .add(IpPrefix.parse(word(route, 0)));
            }
        }
        return found;
    }

    private static String word(final String line, final int index) {
        return line.split(" ", -1)[index];
    }

    private static String value(final String line, final String key) {
        final List<String> words = List.of(line.split(" ", -1));
        return words.get(words.indexOf(key) + 1);
    }

    /** Those of a peer, in their order; none if it is no peer any more. */
    public List<String> of(final IpAddress peer) {
        return subnets.getOrDefault(peer, new TreeSet<>()).stream()
                .map(IpPrefix::toString)
                .toList();
    }
}
