/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import java.net.InetAddress;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What is known of a tunnel's packets: those that come, from whomever, to a UDP port of this host by one device, and those that this
 * host sends by that device to the same port of its peers. Rules are walked through for both as the kernel would.
 */
public final class TunnelTraffic {
    private static final byte IPPROTO_UDP = 17;

    private final String device;
    private final String subject;
    private final Set<String> ownChains;
    private final Map<Field, List<KnownBits>> incoming;
    private final Map<Field, List<KnownBits>> outgoing;

    /**
     * What is known of them.
     *
     * @param local address of this host.
     * @param port of UDP, here and there.
     * @param device that packets come and go by.
     * @param linkIndex of the same.
     * @param peers where packets go.
     * @param ownChains names of chains that whoever asks has made, and so not to be looked at.
     */
    public TunnelTraffic(
            final InetAddress local,
            final int port,
            final String device,
            final int linkIndex,
            final Collection<InetAddress> peers,
            final Set<String> ownChains) {
        this.device = device;
        this.ownChains = Set.copyOf(ownChains);
        subject = "UDP port " + port;
        incoming = Stage.of(local);
        outgoing = Stage.of(local);
        for (final Map<Field, List<KnownBits>> facts : List.of(incoming, outgoing)) {
            Stage.put(facts, Field.PROTOCOL, new byte[] {IPPROTO_UDP});
            Stage.put(facts, Field.DESTINATION_PORT, new byte[] {(byte) (port >>> Byte.SIZE), (byte) port});
        }
        Stage.put(incoming, Field.DESTINATION, local.getAddress());
        Stage.putIn(incoming, device, linkIndex);
        Stage.putOut(incoming, "", 0);
        Stage.put(outgoing, Field.SOURCE, local.getAddress());
        outgoing.put(
                Field.DESTINATION,
                peers.stream().map(peer -> KnownBits.all(peer.getAddress())).toList());
        Stage.putOut(outgoing, device, linkIndex);
        Stage.putIn(outgoing, "", 0);
        Stage.put(outgoing, Field.MARK, Stage.nativeOrder(0)); // sockets set none
    }

    /**
     * The first rule that may concern these packets, in words; empty if there is none. A packet socket is asked behind the hooks
     * {@code ingress} and in front of {@code egress}, those of tc included, so chains there have their say as ever and are not looked at.
     *
     * @param chains all that there are, of the packets' family.
     */
    public String touchedBy(final List<Chain> chains) {
        final RuleWalk in = new RuleWalk(chains, subject, ownChains);
        final RuleWalk out = new RuleWalk(chains, subject, ownChains);
        final List<Stage> ins = Stage.all(device, incoming, Chain.PREROUTING, Chain.INPUT);
        final List<Stage> outs = Stage.all(device, outgoing, Chain.OUTPUT, Chain.POSTROUTING);
        for (final Chain chain : chains) {
            String touched = "";
            for (final Stage stage : ins) {
                touched = stage.asks(chain) ? in.base(stage, chain) : touched;
            }
            for (final Stage stage : outs) {
                touched = stage.asks(chain) ? out.base(stage, chain) : touched;
            }
            if (!touched.isEmpty()) {
                return touched;
            }
        }
        return "";
    }

    /**
     * What becomes of the packets of one peer, by all chains that see those of a direction.
     *
     * @param chains all that there are, of the packets' family.
     * @param peer whose they are.
     * @param isIncoming whether they come from it, or go there.
     */
    public Fate fate(final List<Chain> chains, final InetAddress peer, final boolean isIncoming) {
        final Map<Field, List<KnownBits>> facts = new EnumMap<>(isIncoming ? incoming : outgoing);
        Stage.put(facts, isIncoming ? Field.SOURCE : Field.DESTINATION, peer.getAddress());
        return new RuleWalk(chains, subject, ownChains)
                .fate(
                        isIncoming
                                ? Stage.all(device, facts, Chain.INGRESS, Chain.PREROUTING, Chain.INPUT)
                                : Stage.all(device, facts, Chain.OUTPUT, Chain.POSTROUTING, Chain.EGRESS));
    }
}
