/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.overlay.record.PeerPath;

/** What is found of the way to 192.168.100.2 with 10.244.1.0/24, whose underlay answers. */
public final class PathResults {
    public static final PeerPath PATH =
            new PeerPath("weft.1", IpAddress.parse("192.168.100.2"), IpPrefix.parse("10.244.1.0/24"));

    private static final int UNDERLAY_MTU = 1_500;
    private static final int POD_MTU = 1_450;
    private static final long RTT_NS = 1_000_000;

    private PathResults() {}

    public static PathResult silent(final HostWay way) {
        return of(way, PathResult.NONE, 0);
    }

    public static PathResult answered(final HostWay way) {
        return of(way, RTT_NS, POD_MTU);
    }

    private static PathResult of(final HostWay way, final long rttNs, final int overlayMtu) {
        return new PathResult(
                PATH,
                0,
                0,
                way,
                RTT_NS,
                rttNs,
                UNDERLAY_MTU,
                UNDERLAY_MTU,
                overlayMtu,
                POD_MTU,
                false,
                Losses.NONE,
                false,
                false);
    }
}
