/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A way through the overlay, by the tables on record: route to neighbour to FDB entry, as a packet goes.
 *
 * @param device that it begins at.
 * @param peer underlay address of the node at its end.
 * @param subnet of the pods behind it.
 */
public record PeerPath(String device, IpAddress peer, IpPrefix subnet) {
    /**
     * Those of a device, in the order of their subnets.
     *
     * @throws IllegalStateException if there is no such record.
     */
    public static List<PeerPath> of(final DeviceRecord device) {
        final Map<String, String> macs = new HashMap<>();
        device.table(TablesFile.Kind.NEIGHBOUR).forEach(line -> macs.put(word(line, 0), value(line, "lladdr")));
        final Map<String, String> peers = new HashMap<>();
        device.table(TablesFile.Kind.FDB).forEach(line -> peers.put(word(line, 0), value(line, "dst")));
        final List<PeerPath> paths = new ArrayList<>();
        for (final String route : device.table(TablesFile.Kind.ROUTE)) {
            final String gateway = value(route, "via");
            final String mac = macs.get(gateway);
            // Without a tunnel header the gateway is the peer itself.
            final String peer = null == mac ? (peers.isEmpty() ? gateway : null) : peers.get(mac);
            if (null != peer) {
                paths.add(new PeerPath(device.name(), IpAddress.parse(peer), IpPrefix.parse(word(route, 0))));
            }
        }
        paths.sort(Comparator.comparing(PeerPath::subnet));
        return paths;
    }

    private static String word(final String line, final int index) {
        return line.split(" ", -1)[index];
    }

    private static String value(final String line, final String key) {
        final List<String> words = List.of(line.split(" ", -1));
        return words.get(words.indexOf(key) + 1);
    }

    /** The peer's own address in the overlay, that of its tunnel device: the first of its subnet, as flannel has it. */
    public IpAddress overlayAddress() {
        return subnet.base();
    }
}
