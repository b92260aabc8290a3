/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import java.net.Inet6Address;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * By which this host and a peer on the link find each other's MAC address: neighbour solicitations and advertisements of ICMPv6 (RFC 4861).
 * Those of ARP are no packets of IP, and tables of their own see them.
 */
public final class NeighbourTraffic {
    private static final byte SOLICITATION = (byte) 135;
    private static final byte ADVERTISEMENT = (byte) 136;

    private static final int STATE_UNTRACKED = 1 << 6; // NF_CT_STATE_UNTRACKED_BIT

    private final Inet6Address local;
    private final Inet6Address peer;
    private final String device;
    private final int linkIndex;

    /**
     * What is known of them.
     *
     * @param local address of this host.
     * @param device that they come and go by.
     * @param linkIndex of the same.
     */
    public NeighbourTraffic(
            final Inet6Address local, final Inet6Address peer, final String device, final int linkIndex) {
        this.local = local;
        this.peer = peer;
        this.device = device;
        this.linkIndex = linkIndex;
    }

    /**
     * What becomes of them: of all of a kind, since each is needed.
     *
     * @param chains all that there are, of IPv6.
     */
    public Fate fate(final List<Chain> chains) {
        @Nullable Culprit dropped = null;
        @Nullable Culprit mayLose = null;
        String touched = "";
        for (final List<Stage> stages :
                List.of(going(SOLICITATION), coming(ADVERTISEMENT), coming(SOLICITATION), going(ADVERTISEMENT))) {
            final Fate fate = new RuleWalk(chains, "neighbour discovery", Set.of()).fate(stages);
            dropped = null == dropped ? fate.dropped() : dropped;
            mayLose = null == mayLose ? fate.mayLose() : mayLose;
            touched = touched.isEmpty() ? fate.touched() : touched;
        }
        return new Fate(dropped, mayLose, touched);
    }

    /** To whom a solicitation is, a group or the peer alone, is not asked. */
    private Map<Field, List<KnownBits>> facts(final byte type) {
        final Map<Field, List<KnownBits>> facts = Stage.of(local);
        Stage.putIcmp(facts, false, type);
        Stage.put(facts, Field.CONNECTION_STATE, Stage.nativeOrder(STATE_UNTRACKED));
        return facts;
    }

    private List<Stage> coming(final byte type) {
        final Map<Field, List<KnownBits>> facts = facts(type);
        if (ADVERTISEMENT == type) {
            Stage.put(facts, Field.SOURCE, peer.getAddress());
            Stage.put(facts, Field.DESTINATION, local.getAddress());
        }
        Stage.putIn(facts, device, linkIndex);
        Stage.putOut(facts, "", 0);
        return Stage.all(device, facts, Chain.INGRESS, Chain.PREROUTING, Chain.INPUT);
    }

    private List<Stage> going(final byte type) {
        final Map<Field, List<KnownBits>> facts = facts(type);
        Stage.putOut(facts, device, linkIndex);
        Stage.putIn(facts, "", 0);
        return Stage.all(device, facts, Chain.OUTPUT, Chain.POSTROUTING, Chain.EGRESS);
    }
}
