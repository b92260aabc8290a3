/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.Node;
import java.io.IOException;
import java.util.List;

/** ICMP echo between two pods by ping(8), which compares each byte that comes back. */
public final class Ping {
    /** What ping says of an echo that came back changed. */
    private static final String WRONG_DATA = "wrong data";

    /** In the message when no echo came back. */
    public static final String NO_REPLY = "no reply";

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
            if (result.output().contains(WRONG_DATA)) {
                throw new IOException(length + " bytes: " + result.output().strip());
            }
            if (!result.ok()) {
                throw new IOException(length + " bytes: " + NO_REPLY + ": "
                        + result.output()
                                .strip()
                                .lines()
                                .reduce((first, last) -> last)
                                .orElse(""));
            }
        }
        return "";
    }
}
