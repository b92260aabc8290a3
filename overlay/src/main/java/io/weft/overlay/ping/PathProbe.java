/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.linux.Errno;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.record.PeerPath;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.agrona.CloseHelper;
import org.jspecify.annotations.Nullable;

/**
 * Finds out of ways to peers whether the underlay and the overlay carry packets, how fast and how long ones: by echo requests to both
 * addresses of the peer, all peers at the same time. Owned by one thread.
 */
public final class PathProbe implements AutoCloseable {
    /** Ping's own: 56 bytes of payload, and with IPv6 still less than any MTU. */
    private static final int SHORT_LENGTH = 84;

    private static final int ATTEMPTS = 2;
    /** Of two lengths, before one is told to be too long. */
    private static final int TURNS = 2;

    /** That the first answer may take, as with ping; who is known to be near gets less for the next ones. */
    private static final long TIMEOUT_NS = TimeUnit.SECONDS.toNanos(1);

    private static final long TIMEOUT_MIN_NS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final int TIMEOUT_RTTS = 20;

    /** Ways that are probed together, so that memory and the time until something is known do not grow with the cluster. */
    static final int WAYS = 32;

    /** Lengths that are tried together; three times so many parts find any MTU to the byte. */
    private static final int LENGTHS = 32;

    private static final int IPV4_HEADER_LENGTH = 20;
    private static final int IPV6_HEADER_LENGTH = 40;

    private final EchoExchange exchange;
    private final LossSearch lossSearch;
    private final HostRoutes routes;
    private final ProbedTunnel tunnel;
    private final int podMtu;

    private PathProbe(
            final EchoExchange exchange, final HostRoutes routes, final ProbedTunnel tunnel, final int podMtu) {
        this.exchange = exchange;
        lossSearch = new LossSearch(exchange, podMtu);
        this.routes = routes;
        this.tunnel = tunnel;
        this.podMtu = podMtu;
    }

    /**
     * Opens its sockets in the network namespace of the calling thread.
     *
     * @param tunnel of the network.
     * @param podMtu bytes of the longest packet that pods send.
     * @param perSecond packets at most.
     * @throws io.weft.linux.LinuxException if the kernel refuses: CAP_NET_RAW is needed.
     */
    public static PathProbe open(final ProbedTunnel tunnel, final int podMtu, final int perSecond) {
        final HostRoutes routes = HostRoutes.open(tunnel.networks(), tunnel.subnets());
        EchoExchange exchange = null;
        try {
            exchange = EchoExchange.open(perSecond);
            return new PathProbe(exchange, routes, tunnel, podMtu);
        } finally {
            if (null == exchange) {
                routes.close();
            }
        }
    }

    /**
     * Which of the ways are well, by a few long packets through the overlay for each, and more only where one has no answer: an answer to
     * what the host has led another way is none.
     *
     * @param questions for each.
     * @return round trips in nanoseconds; negative for who is not well, or not for certain.
     */
    long[] roundTripsNs(final List<PeerPath> paths, final int questions) throws InterruptedException {
        final List<LossSearch.Counted> counted =
                lossSearch.count(overlay(paths), filled(paths.size(), podMtu), questions);
        final long[] answers = new long[paths.size()];
        for (int i = 0; i < answers.length; i++) {
            answers[i] = !counted.get(i).losses().isAny()
                            && HostWay.Kind.TUNNEL == routes.of(paths.get(i)).kind()
                    ? counted.get(i).rttNs()
                    : EchoExchange.NO_ANSWER;
        }
        return answers;
    }

    /** All that there is to find out. */
    public List<PathResult> probe(final List<PeerPath> paths) throws InterruptedException {
        final List<PathResult> results = new ArrayList<>();
        for (int from = 0; from < paths.size(); from += WAYS) {
            results.addAll(probe(paths.subList(from, Math.min(paths.size(), from + WAYS)), true));
        }
        return withLosses(results);
    }

    /** The same results, with what is lost on ways that answer. It may take half a minute, and all are asked at the same time. */
    List<PathResult> withLosses(final List<PathResult> results) throws InterruptedException {
        final int[] lengths = results.stream()
                .mapToInt(result -> PathResult.NONE == result.overlayRttNs() || result.isForwarded()
                        ? 0
                        : result.isUnsteady() ? SHORT_LENGTH : result.overlayMtu())
                .toArray();
        final List<Losses> losses = lossSearch.losses(results, lengths);
        return IntStream.range(0, lengths.length)
                .mapToObj(i -> results.get(i).with(losses.get(i)))
                .toList();
    }

    /**
     * What there is to find out of a few, but for losses.
     *
     * @param isExact whether to search for the longest packet where not all that is needed is carried: several dozen packets each;
     *     otherwise that is told to be a short one.
     */
    List<PathResult> probe(final List<PeerPath> paths, final boolean isExact) throws InterruptedException {
        final List<PathResult> results = new ArrayList<>(probeOnce(paths, isExact));
        final int[] unsteady = IntStream.range(0, results.size())
                .filter(i -> results.get(i).isUnsteady())
                .toArray();
        if (unsteady.length
                > 0) { // a fault that has begun in between shows as what it is when nothing changes any more
            final List<PathResult> again =
                    probeOnce(Arrays.stream(unsteady).mapToObj(paths::get).toList(), isExact);
            for (int i = 0; i < unsteady.length; i++) {
                results.set(unsteady[i], again.get(i));
            }
        }
        return results;
    }

    private List<PathResult> probeOnce(final List<PeerPath> paths, final boolean isExact) throws InterruptedException {
        final List<IpAddress> to = new ArrayList<>(underlay(paths));
        to.addAll(overlay(paths));
        final int[] needed = new int[to.size()];
        for (int i = 0; i < paths.size(); i++) {
            needed[i] = podMtu + overhead(tunnel.backend(), paths.get(i).peer());
            needed[paths.size() + i] = podMtu;
        }
        final long[] rttNs = ask(to, filled(to.size(), SHORT_LENGTH), TIMEOUT_NS);
        final Map<IpAddress, Long> forwardedNs = forwardedNs(paths, rttNs);
        final Set<IpAddress> forAnyMac = forAnyMac(paths, rttNs, forwardedNs.keySet());
        final int[] mtus = new int[to.size()];
        final boolean[] isUnsteady = mtus(to, needed, rttNs, isExact, mtus);
        final List<PathResult> results = new ArrayList<>();
        for (int i = 0; i < paths.size(); i++) {
            final int overlay = paths.size() + i;
            final @Nullable Long byForwardingNs = forwardedNs.get(paths.get(i).overlayAddress());
            results.add(new PathResult(
                    paths.get(i),
                    errno(rttNs[i]),
                    errno(rttNs[overlay]),
                    routes.of(paths.get(i)),
                    Math.max(PathResult.NONE, rttNs[i]),
                    null == byForwardingNs ? Math.max(PathResult.NONE, rttNs[overlay]) : byForwardingNs,
                    isUnsteady[i] ? 0 : mtus[i],
                    needed[i],
                    null == byForwardingNs ? mtus[overlay] : needed[overlay],
                    needed[overlay],
                    isUnsteady[overlay],
                    Losses.NONE,
                    null != byForwardingNs,
                    forAnyMac.contains(paths.get(i).overlayAddress())));
        }
        return results;
    }

    /**
     * Of those whose overlay addresses do not answer, the ones whose hosts forward packets as long as pods' all the same. They are asked
     * for no other length, since hosts are slow to tell that something was to go too far. By VXLAN alone: flanneld's proxy of UDP takes a
     * hop itself, and tells nobody.
     *
     * @param rttNs as of {@link #forAnyMac}.
     * @return how long that took, in nanoseconds.
     */
    private Map<IpAddress, Long> forwardedNs(final List<PeerPath> paths, final long[] rttNs)
            throws InterruptedException {
        final List<PeerPath> silent = IntStream.range(0, paths.size())
                .filter(i -> EchoExchange.NO_ANSWER == rttNs[paths.size() + i])
                .mapToObj(paths::get)
                .toList();
        final Map<IpAddress, Long> found = new HashMap<>();
        if (silent.isEmpty() || BackendType.VXLAN != tunnel.backend()) {
            return found;
        }
        try (ForwardedWay way = ForwardedWay.open(silent)) {
            final long[] answers = ask(overlay(silent), filled(silent.size(), podMtu), TIMEOUT_NS, way);
            for (int i = 0; i < answers.length; i++) {
                if (answers[i] >= 0) {
                    found.put(silent.get(i).overlayAddress(), answers[i]);
                }
            }
        }
        return found;
    }

    /**
     * Of those whose overlay addresses do not answer, the ones that do as soon as nobody asks for their MAC. They are asked as ever once
     * more, for they may have come up meanwhile.
     *
     * @param rttNs of the underlay addresses, and then of the overlay's; who answers after all has his round trip put in.
     * @param well overlay addresses of those that are not to be asked.
     */
    private Set<IpAddress> forAnyMac(final List<PeerPath> paths, final long[] rttNs, final Set<IpAddress> well)
            throws InterruptedException {
        final Map<IpAddress, IpAddress> silent = new LinkedHashMap<>();
        for (int i = 0; i < paths.size(); i++) {
            if (EchoExchange.NO_ANSWER == rttNs[paths.size() + i]
                    && !well.contains(paths.get(i).overlayAddress())) {
                silent.put(paths.get(i).overlayAddress(), paths.get(i).peer());
            }
        }
        if (silent.isEmpty() || BackendType.VXLAN != tunnel.backend()) {
            return Set.of();
        }
        final Set<IpAddress> found = new LinkedHashSet<>();
        final List<IpAddress> asked = List.copyOf(silent.keySet());
        try (BroadcastWay way = BroadcastWay.open(silent, routes, tunnel)) {
            final long[] answers = ask(asked, filled(asked.size(), SHORT_LENGTH), TIMEOUT_NS, way);
            for (int i = 0; i < answers.length; i++) {
                if (answers[i] >= 0) {
                    found.add(asked.get(i));
                }
            }
        } catch (final SocketException unknown) {
            return Set.of(); // nothing is known of MACs then
        }
        final List<IpAddress> again = List.copyOf(found);
        final long[] late = ask(again, filled(again.size(), SHORT_LENGTH), TIMEOUT_NS);
        for (int i = 0; i < late.length; i++) {
            if (late[i] >= 0) {
                found.remove(again.get(i));
                rttNs[paths.size() + overlay(paths).indexOf(again.get(i))] = late[i];
            }
        }
        return found;
    }

    private static int errno(final long answer) {
        return answer < 0 && EchoExchange.NO_ANSWER != answer ? (int) -answer : 0;
    }

    /** Bytes that are put before a packet on its way to a peer. */
    public static int overhead(final BackendType backend, final IpAddress peer) {
        return backend.overhead(IpFamily.IPV4 == peer.family() ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH);
    }

    private static List<IpAddress> underlay(final List<PeerPath> paths) {
        return paths.stream().map(PeerPath::peer).toList();
    }

    private static List<IpAddress> overlay(final List<PeerPath> paths) {
        return paths.stream().map(PeerPath::overlayAddress).toList();
    }

    private static int[] filled(final int count, final int value) {
        final int[] values = new int[count];
        Arrays.fill(values, value);
        return values;
    }

    private long[] ask(final List<IpAddress> to, final int[] lengths, final long timeoutNs)
            throws InterruptedException {
        return ask(to, lengths, timeoutNs, exchange.hosts());
    }

    /** Asks until there is an answer, but not for ever. Results as of {@link EchoExchange#exchange}. */
    private long[] ask(final List<IpAddress> to, final int[] lengths, final long timeoutNs, final EchoExchange.Way way)
            throws InterruptedException {
        final long[] results = filledWithNone(to.size());
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            final List<Integer> open = new ArrayList<>();
            final List<EchoRequest> requests = new ArrayList<>();
            for (int i = 0; i < results.length; i++) {
                if (EchoExchange.NO_ANSWER == results[i] && lengths[i] > 0) {
                    open.add(i);
                    requests.add(new EchoRequest(to.get(i), lengths[i]));
                }
            }
            final long[] answers = exchange.exchange(requests, timeoutNs, way);
            for (int i = 0; i < answers.length; i++) {
                results[open.get(i)] = isFull(answers[i]) ? EchoExchange.NO_ANSWER : answers[i];
            }
        }
        return results;
    }

    /** The host had no room for it, as while it looks for many neighbours: to be asked again. */
    static boolean isFull(final long answer) {
        return -Errno.EAGAIN == answer || -Errno.ENOBUFS == answer;
    }

    private static long[] filledWithNone(final int count) {
        final long[] results = new long[count];
        Arrays.fill(results, EchoExchange.NO_ANSWER);
        return results;
    }

    /**
     * Finds how long packets may be.
     *
     * @param carried gets it: up to what is needed; 0 for who does not answer at all.
     * @return as of {@link #confirm}.
     */
    private boolean[] mtus(
            final List<IpAddress> to,
            final int[] needed,
            final long[] rttNs,
            final boolean isExact,
            final int[] carried)
            throws InterruptedException {
        final int[] refused = new int[to.size()];
        final int[] lengths = new int[to.size()];
        for (int i = 0; i < lengths.length; i++) {
            lengths[i] = rttNs[i] >= 0 ? needed[i] : 0;
        }
        final long timeoutNs = Math.min(
                TIMEOUT_NS,
                Math.max(
                        TIMEOUT_MIN_NS,
                        TIMEOUT_RTTS * Arrays.stream(rttNs).max().orElse(0)));
        final long[] whole = ask(to, lengths, timeoutNs);
        for (int i = 0; i < lengths.length; i++) {
            carried[i] = rttNs[i] < 0 ? 0 : whole[i] >= 0 ? needed[i] : SHORT_LENGTH;
            refused[i] = carried[i] == SHORT_LENGTH ? needed[i] : 0;
        }
        if (isExact) {
            boolean isFound = false;
            while (!isFound) {
                isFound = narrow(to, carried, refused, timeoutNs);
            }
        }
        return confirm(to, needed, carried, timeoutNs);
    }

    /**
     * Asks for a length that is carried and for all that is needed in turn, where less was found: a narrow way carries the one each time
     * and never the other. Who answers the other has a wide way by now.
     *
     * @return whether one that is carried was not: packets are lost whatever their length, or a fault has begun meanwhile.
     */
    private boolean[] confirm(final List<IpAddress> to, final int[] needed, final int[] carried, final long timeoutNs)
            throws InterruptedException {
        final boolean[] isUnsteady = new boolean[carried.length];
        final int[] found = carried.clone();
        for (int turn = 0; turn < TURNS; turn++) {
            final int[] small = new int[carried.length];
            final int[] whole = new int[carried.length];
            for (int i = 0; i < carried.length; i++) {
                final boolean isOpen = !isUnsteady[i] && 0 != carried[i] && carried[i] < needed[i];
                small[i] = isOpen ? found[i] : 0;
                whole[i] = isOpen ? needed[i] : 0;
            }
            final long[] answers = ask(to, small, timeoutNs);
            final long[] late = ask(to, whole, timeoutNs);
            for (int i = 0; i < carried.length; i++) {
                if (late[i] >= 0) {
                    carried[i] = needed[i];
                } else {
                    isUnsteady[i] |= small[i] > 0 && answers[i] < 0;
                }
            }
        }
        return isUnsteady;
    }

    /** Tries lengths between what is carried and what is not, evenly spread. Returns whether nothing is left between any two. */
    private boolean narrow(final List<IpAddress> to, final int[] carried, final int[] refused, final long timeoutNs)
            throws InterruptedException {
        final List<IpAddress> asked = new ArrayList<>();
        final List<Integer> owners = new ArrayList<>();
        final List<Integer> lengths = new ArrayList<>();
        for (int i = 0; i < carried.length; i++) {
            final int step = Math.max(1, (refused[i] - carried[i]) / LENGTHS);
            for (int length = carried[i] + step; length < refused[i]; length += step) {
                asked.add(to.get(i));
                owners.add(i);
                lengths.add(length);
            }
        }
        final long[] answers =
                ask(asked, lengths.stream().mapToInt(Integer::intValue).toArray(), timeoutNs);
        for (int i = 0; i < answers.length; i++) {
            if (answers[i] >= 0) {
                carried[owners.get(i)] = Math.max(carried[owners.get(i)], lengths.get(i));
            }
        }
        for (int i = 0; i < answers.length; i++) {
            if (lengths.get(i) > carried[owners.get(i)]) {
                refused[owners.get(i)] = Math.min(refused[owners.get(i)], lengths.get(i));
            }
        }
        return asked.isEmpty();
    }

    @Override
    public void close() {
        CloseHelper.closeAll(exchange, routes);
    }
}
