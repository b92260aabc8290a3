/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.dataplane.capture.Offender;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.IcmpError;
import io.weft.dataplane.counters.PathCheck;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.ping.HostWay;
import io.weft.overlay.ping.Losses;
import io.weft.overlay.ping.PathProbe;
import io.weft.overlay.ping.PathResult;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.PeerPath;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What is known of the way to a peer: asked for just now, or what the daemon's last check has left on record.
 *
 * @param state of the way.
 * @param result what was found of it; of a check on record, which keeps less, 0 where that is not known.
 * @param refusal what somebody said of packets that do not get there, about that time; null if nobody did.
 * @param isHeardAndRefused whether the refusal is of the peer's port, and packets of the overlay come from it all the same.
 * @param otherSender whom no lease names, and who sends packets of the peer's pods, as the last that was dropped for that; null for nobody.
 * @param isHeard whether something came from the peer meanwhile.
 * @param isSentNothing whether weft is known to have sent it nothing meanwhile.
 * @param egressDrops what was dropped here on the way out meanwhile, with the remedies, where nothing was sent; empty for nothing.
 * @param ingressDrops the same of what came in, where the peer is heard.
 * @param suspects reasons that may have to do with it, since a fault is what they count, in the last minute and since the check began; of
 *     a check on record.
 */
record PathEvidence(
        PathState state,
        PathResult result,
        @Nullable IcmpError refusal,
        boolean isHeardAndRefused,
        @Nullable IpAddress otherSender,
        boolean isHeard,
        boolean isSentNothing,
        String egressDrops,
        String ingressDrops,
        String suspects) {
    /** Answers come in, and are seen, within that time of a check's end. */
    private static final long HEARD_MS = 2_000;

    /** A check of a peer that does not answer lasts so long: eight questions of a second each, and what is between them. */
    static final long CHECK_MS = 9_000;

    /** A check of many silent peers lasts so long. */
    private static final long REFUSED_MS = 15_000;

    /**
     * Of a way that was asked for.
     *
     * @param beginMs when, in milliseconds since 1970: an ICMP error before that means nothing.
     * @param before what was counted before; null where nothing is known of the device.
     * @param after the same afterwards.
     */
    static PathEvidence asked(
            final PathResult result,
            final long beginMs,
            final @Nullable CountersRecord before,
            final @Nullable CountersRecord after) {
        final PeerRecord was = peer(result, before);
        final PeerRecord is = peer(result, after);
        final boolean isHeard = null != was && null != is && is.receivedPackets() > was.receivedPackets();
        final boolean isSentNothing = null != was && null != is && is.sentPackets() == was.sentPackets();
        return new PathEvidence(
                result.state(),
                result,
                null == is ? null : refusal(is, beginMs),
                null != is && is.isHeardAndRefused(beginMs),
                null == after ? null : otherSender(result.path(), after),
                isHeard,
                isSentNothing,
                isSentNothing ? dropped(Direction.EGRESS, before, after) : "",
                isHeard ? dropped(Direction.INGRESS, before, after) : "",
                "");
    }

    /**
     * Of the last check that the daemon has made.
     *
     * @param paths all of the device.
     * @param path that was checked, one of them.
     */
    static PathEvidence onRecord(
            final DaemonRecord daemon,
            final List<PeerPath> paths,
            final PeerPath path,
            final PeerRecord peer,
            final PathCheck check,
            final CountersRecord counters) {
        final List<PeerPath> well = well(paths, counters);
        final int podMtu = (int) daemon.number("mtu");
        final int overhead = PathProbe.overhead(BackendType.named(daemon.text("backend")), path.peer());
        return new PathEvidence(
                check.state(),
                new PathResult(
                        path,
                        0,
                        0,
                        HostWay.TUNNEL,
                        PathResult.NONE,
                        PathResult.NONE,
                        peer.pathMtu(),
                        podMtu + overhead,
                        0,
                        podMtu,
                        PathState.LOSS == check.state(),
                        Losses.NONE,
                        false,
                        PathState.MAC == check.state()),
                refusal(peer, check.timeMs() - REFUSED_MS),
                peer.isHeardAndRefused(check.timeMs() - REFUSED_MS),
                otherSender(path, counters),
                peer.heardMs() >= check.timeMs() - HEARD_MS,
                false,
                "",
                "",
                suspects(counters, check, path, well));
    }

    /** A port that refuses and sends is said to refuse, whichever was the last. */
    private static @Nullable IcmpError refusal(final PeerRecord peer, final long beginMs) {
        return peer.isHeardAndRefused(beginMs) ? peer.lastError() : peer.refusalSince(beginMs);
    }

    /**
     * Who sends packets of the pods behind a path in the last minute, from an address that no lease names.
     *
     * @return null for nobody, as far as the last that was dropped for that tells.
     */
    static @Nullable IpAddress otherSender(final PeerPath path, final CountersRecord counters) {
        return 0 == counters.inMinute(DropReason.UNKNOWN_SENDER)
                ? null
                : Offender.parse(DropReason.UNKNOWN_SENDER, counters.offender(DropReason.UNKNOWN_SENDER))
                        .filter(last -> !path.peer().equals(last.peer()))
                        .filter(last -> isOf(path, last))
                        .map(Offender::peer)
                        .orElse(null);
    }

    /** What was dropped before the check began has nothing to do with what it found. */
    static String suspects(
            final CountersRecord counters, final PathCheck check, final PeerPath path, final List<PeerPath> well) {
        return reasons(reason -> counters.inMinute(reason) > 0
                        && counters.lastMs(reason) >= check.timeMs() - CHECK_MS
                        && null != DropRemedy.of(reason)
                        && mayBeOf(path, reason, counters.offender(reason), well))
                .map(DropReason::toString)
                .collect(Collectors.joining(", "));
    }

    private static @Nullable PeerRecord peer(final PathResult result, final @Nullable CountersRecord counters) {
        return null == counters
                ? null
                : counters.peers().stream()
                        .filter(peer -> peer.address().equals(result.path().peer()))
                        .findFirst()
                        .orElse(null);
    }

    /**
     * Whether packets that were dropped may have come from a peer or been for it. Of many only the last is known: it may be another
     * peer's, and speaks for that one alone only if all is well there; or if no lease names it, which is not so of any other peer.
     *
     * @param offender the last, as {@link Offender#addresses}; empty where nobody keeps that.
     * @param well ways to other peers that answer.
     */
    static boolean mayBeOf(
            final PeerPath path, final DropReason reason, final String offender, final List<PeerPath> well) {
        final Optional<Offender> last = Offender.parse(reason, offender);
        return last.isEmpty()
                || isOf(path, last.get())
                || (DropReason.UNKNOWN_SENDER != reason && well.stream().noneMatch(other -> isOf(other, last.get())));
    }

    private static boolean isOf(final PeerPath path, final Offender offender) {
        return path.peer().equals(offender.peer())
                || Stream.of(offender.source(), offender.destination())
                        .flatMap(Stream::ofNullable)
                        .anyMatch(pod -> path.subnet().contains(IpPrefix.host(pod)));
    }

    /** Those that the last checks found well. */
    private static List<PeerPath> well(final List<PeerPath> paths, final CountersRecord counters) {
        final Set<IpAddress> well = counters.peers().stream()
                .filter(peer ->
                        null != peer.check() && PathState.OK == peer.check().state())
                .map(PeerRecord::address)
                .collect(Collectors.toSet());
        return paths.stream().filter(path -> well.contains(path.peer())).toList();
    }

    private static Stream<DropReason> reasons(final Predicate<DropReason> isMeant) {
        return Arrays.stream(DropReason.values()).filter(isMeant);
    }

    /** Of the probe's own packets, which are for one node: what the host sends to groups meanwhile has nothing to do with them. */
    private static String dropped(
            final Direction direction, final @Nullable CountersRecord was, final @Nullable CountersRecord is) {
        return null == was || null == is
                ? ""
                : reasons(reason -> direction == reason.direction()
                                && DropReason.MULTICAST != reason
                                && is.total(reason) > was.total(reason))
                        .map(reason -> reason + " " + DropRemedy.words(reason))
                        .collect(Collectors.joining("; "));
    }
}
