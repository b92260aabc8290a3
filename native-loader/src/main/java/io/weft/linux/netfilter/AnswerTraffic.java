/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The answers that this host gets to its pings of another one, by one device. */
public final class AnswerTraffic {
    private static final byte ECHO_REPLY = 0;
    private static final byte ECHO_REPLY_V6 = (byte) 129;

    private static final int STATE_ESTABLISHED = 1 << 1; // NF_CT_STATE_BIT(IP_CT_ESTABLISHED)

    private final String device;
    private final Map<Field, List<KnownBits>> facts;

    /**
     * What is known of them.
     *
     * @param from whom they are.
     * @param device that they come by.
     * @param linkIndex of the same.
     */
    public AnswerTraffic(final InetAddress from, final String device, final int linkIndex) {
        this.device = device;
        facts = Stage.of(from);
        final boolean isIpv4 = from instanceof Inet4Address;
        Stage.putIcmp(facts, isIpv4, isIpv4 ? ECHO_REPLY : ECHO_REPLY_V6);
        Stage.put(facts, Field.SOURCE, from.getAddress());
        Stage.put(facts, Field.CONNECTION_STATE, Stage.nativeOrder(STATE_ESTABLISHED));
        Stage.putIn(facts, device, linkIndex);
        Stage.putOut(facts, "", 0);
    }

    /**
     * What becomes of them.
     *
     * @param chains all that there are, of the packets' family.
     */
    public Fate fate(final List<Chain> chains) {
        return new RuleWalk(chains, "answers to pings", Set.of())
                .fate(Stage.all(device, facts, Chain.INGRESS, Chain.PREROUTING, Chain.INPUT));
    }
}
