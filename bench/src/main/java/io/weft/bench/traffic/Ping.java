/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.Node;
import java.io.IOException;
import java.util.List;

/** ICMP echo between two pods by ping(8), which compares each byte that comes back. */
public final class Ping {
    private Ping() {}

    /**
     * Sends echoes of each payload length.
     *
     * @return nothing to remark.
     * @throws IOException if one does not come back, or comes back changed.
     */
    public static String exchange(final Node from, final Node to, final List<Integer> payloadLengths)
            throws IOException {
        for (final int length : payloadLengths) {
            final Command.Result result = Command.tryRun(from.inPod(
                    "ping", "-c", "2", "-i", "0.01", "-W", "10", "-s", String.valueOf(length), to.podAddress()));
            if (!result.ok() || result.output().contains("wrong data")) {
                throw new IOException(length + " bytes: "
                        + result.output()
                                .strip()
                                .lines()
                                .reduce((first, last) -> last)
                                .orElse("no answer"));
            }
        }
        return "";
    }
}
