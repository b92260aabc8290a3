/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.dataplane.capture.Offender;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.PeerPath;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a daemon has dropped in the last minute: a line of {@code weft status}. */
final class DropsFinding {
    /**
     * From senders that no lease names, or with another node's pods inside, a minute. A ping of ten seconds by a pod of a node whose lease is missing here reaches it, and
     * none of the questions that the daemon of such a node asks by itself does; nor does a stray datagram.
     */
    private static final int STRANGE_SENDERS_MIN = 10;

    /** What has not come again for so long is mended, or waits for somebody to send: it is told, and is no fault of now. */
    static final long GOES_ON_MS = 20_000;

    /** What says that a node sends as none should; anybody may make it look so. */
    static final Set<DropReason> OF_STRANGERS = EnumSet.of(DropReason.UNKNOWN_SENDER, DropReason.OTHER_NODES_SOURCE);

    private final List<IpPrefix> networks;
    private final List<CountersRecord> counters;
    private final List<PeerPath> paths;
    private final List<String> counted = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private final List<String> faults = new ArrayList<>();

    /**
     * @param networks of the cluster.
     * @param counters of the daemon's devices that have some to read.
     * @param paths to all peers.
     */
    DropsFinding(final List<IpPrefix> networks, final List<CountersRecord> counters, final List<PeerPath> paths) {
        this.networks = networks;
        this.counters = counters;
        this.paths = paths;
        for (final DropReason reason : DropReason.values()) {
            final long count = counters.stream()
                    .mapToLong(device -> device.inMinute(reason))
                    .sum();
            if (count > 0) {
                add(reason, count);
            }
        }
    }

    private void add(final DropReason reason, final long count) {
        if (null == DropRemedy.of(reason)) {
            final String unleased = DropReason.IP_OUTNOROUTES == reason ? unleased() : "";
            counted.add(count + " " + reason + (unleased.isEmpty() ? lastOffender(reason) : unleased));
        } else {
            final long pausedMs = pausedMs(reason);
            final boolean isGoingOn = pausedMs <= GOES_ON_MS;
            (isGoingOn && isFault(reason, count) ? faults : notes)
                    .add(count + " " + reason + " in the last minute"
                            + (isGoingOn ? "" : ", none for " + Words.duration(pausedMs))
                            + words(reason) + lastOffender(reason));
        }
    }

    private String words(final DropReason reason) {
        final String wrong = DropReason.UNKNOWN_SENDER == reason ? wrongLease() : "";
        return wrong.isEmpty() ? " " + DropRemedy.words(reason) : ": " + wrong;
    }

    /** Of a lease here whose pods' packets come from elsewhere, while nobody answers where it says; empty where there is none. */
    private String wrongLease() {
        for (final CountersRecord device : counters) {
            for (final PeerPath path : paths) {
                final IpAddress sender = PathEvidence.otherSender(path, device);
                if (null != sender && isUnreached(path)) {
                    return PublicAddresses.wrong(path, sender);
                }
            }
        }
        return "";
    }

    private boolean isUnreached(final PeerPath path) {
        return counters.stream()
                .flatMap(device -> device.peers().stream())
                .filter(peer -> peer.address().equals(path.peer()))
                .map(PeerRecord::check)
                .anyMatch(check -> null != check && PathWords.UNREACHED.contains(check.state()));
    }

    /** Since the last one, by the daemon's clock, also where it stands still. */
    private long pausedMs(final DropReason reason) {
        return counters.stream()
                .filter(device -> device.inMinute(reason) > 0)
                .filter(device -> device.lastMs(reason) > 0) // it is noted once a second
                .mapToLong(device -> device.heartbeatMs() - device.lastMs(reason))
                .min()
                .orElse(0);
    }

    Finding finding() {
        final Stream<String> harmless =
                counted.isEmpty() ? Stream.of() : Stream.of(String.join(", ", counted) + " in the last minute");
        return Finding.of(
                "drops",
                String.join("; ", faults),
                counted.isEmpty() && notes.isEmpty()
                        ? "none in the last minute"
                        : Stream.concat(harmless, notes.stream()).collect(Collectors.joining("; ")));
    }

    /** Anybody may send something to the tunnel's port; only a node sends packets of pods, and not just one. */
    private boolean isFault(final DropReason reason, final long count) {
        return !OF_STRANGERS.contains(reason)
                || (count >= STRANGE_SENDERS_MIN && offenders(reason).anyMatch(offender -> isOfPod(reason, offender)));
    }

    private boolean isOfPod(final DropReason reason, final String offender) {
        return Offender.parse(reason, offender)
                .map(Offender::source)
                .filter(this::isOfCluster)
                .isPresent();
    }

    private boolean isOfCluster(final IpAddress pod) {
        return networks.stream().anyMatch(network -> network.contains(IpPrefix.host(pod)));
    }

    private Stream<String> offenders(final DropReason reason) {
        return counters.stream()
                .filter(device -> device.inMinute(reason) > 0)
                .map(device -> device.offender(reason))
                .filter(offender -> !offender.isEmpty());
    }

    /** Whom the last one was from; empty where nobody keeps that. */
    private String lastOffender(final DropReason reason) {
        return offenders(reason)
                .findFirst()
                .map(offender -> " (the last from " + offender + ")")
                .orElse("");
    }

    /** Pods may ask for any address of the network; that its node has no lease, this node cannot know. */
    private String unleased() {
        return offenders(DropReason.IP_OUTNOROUTES)
                .filter(offender -> offender.contains(" > "))
                .findFirst()
                .map(offender -> " (the last " + offender + ": no lease has " + offender.split(" > ", -1)[1]
                        + ", start weftd or flanneld there if that is a pod)")
                .orElse("");
    }
}
