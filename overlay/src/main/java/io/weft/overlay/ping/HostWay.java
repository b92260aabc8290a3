/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

/**
 * Where the host's own routes lead packets for a peer.
 *
 * @param device that they lead to, if that is another one than the tunnel's; empty where there is none, or it is not known.
 * @param words what keeps pods' packets from it, and what to do; empty where nothing but the kind is to be said.
 */
public record HostWay(Kind kind, String device, String words) {
    /** What is to be said of it. */
    public enum Kind {
        /** It is the tunnel, or it is not known to be another one: the host may have none at all. */
        TUNNEL,
        /** Another address or route of the host is in front of the tunnel's. */
        ELSEWHERE,
        /** The tunnel's route is missing, and a wider one, as the default, matches in its place. */
        ROUTELESS,
        /** What this host sends goes to the tunnel, and what its pods send does not. */
        NOT_FOR_PODS
    }

    /** Nothing is to be said of it. */
    public static final HostWay TUNNEL = new HostWay(Kind.TUNNEL, "");

    /** Of a way that its kind says enough of. */
    public HostWay(final Kind kind, final String device) {
        this(kind, device, "");
    }

    static HostWay notForPods(final String words) {
        return new HostWay(Kind.NOT_FOR_PODS, "", words);
    }
}
