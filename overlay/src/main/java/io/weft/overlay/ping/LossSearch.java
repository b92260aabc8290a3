/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import io.weft.address.IpAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/**
 * Finds which ways lose some packets and not others, of whatever is asked alike. Who has lost some is asked once more, for what was lost once
 * may have been a matter of a moment. Owned by one thread.
 */
final class LossSearch {
    /** For one way: of one that loses one packet of ten, all are answered once in thirty times. */
    private static final int QUESTIONS = 32;

    /** Of all ways together, before any is suspected: {@code weft ping all} is to end soon in a large cluster too. */
    private static final int QUESTIONS_TOTAL = 1_000;

    /** Between two of one way, so that no batch or superframe has several of them: one that is lost would lose them all. */
    private static final long SPACED_NS = TimeUnit.MILLISECONDS.toNanos(10);

    /** Asked slowly. */
    private static final int SLOW_QUESTIONS = 16;

    /** A little longer than one second: hosts that limit pings answer one in each. */
    private static final long SLOW_NS = TimeUnit.MILLISECONDS.toNanos(1_100);

    private static final long TIMEOUT_NS = TimeUnit.SECONDS.toNanos(1);

    private final EchoExchange exchange;
    private final int podMtu;

    LossSearch(final EchoExchange exchange, final int podMtu) {
        this.exchange = exchange;
        this.podMtu = podMtu;
    }

    /**
     * Who loses packets again and again through the overlay.
     *
     * @param results of the ways, whose losses are not known yet.
     * @param lengths that are answered through the overlay; 0 for who is not to be asked.
     */
    List<Losses> losses(final List<PathResult> results, final int[] lengths) throws InterruptedException {
        final List<IpAddress> overlay =
                results.stream().map(result -> result.path().overlayAddress()).toList();
        final int questions = Math.min(QUESTIONS, QUESTIONS_TOTAL / Math.max(1, results.size()) + 1);
        final List<Counted> first = count(overlay, lengths, questions);
        final List<Counted> second = count(overlay, of(first, lengths), QUESTIONS);
        final int[] suspected = of(second, lengths);
        final List<Losses> found = IntStream.range(0, lengths.length)
                .mapToObj(i ->
                        0 == suspected[i] ? Losses.NONE : second.get(i).losses.and(first.get(i).losses))
                .toList();
        final boolean[] isLimit = limits(results, overlay, found);
        return IntStream.range(0, lengths.length)
                .mapToObj(i -> isLimit[i] ? found.get(i).asLimit() : found.get(i))
                .toList();
    }

    /**
     * Whose losses are the node's own limit on pings. A firewall that has one limits those of the underlay as well, loses most of many in a row, and
     * answers all that come slowly; a way that loses packets does so at any rate, and one that loses a quarter of them answers
     * so many slow ones once in a hundred times.
     */
    private boolean[] limits(final List<PathResult> results, final List<IpAddress> overlay, final List<Losses> found)
            throws InterruptedException {
        final int[] answering = IntStream.range(0, found.size())
                .map(i -> results.get(i).underlayRttNs() >= 0 && found.get(i).isMany() ? podMtu : 0)
                .toArray();
        final List<Counted> underlay =
                count(results.stream().map(result -> result.path().peer()).toList(), answering, QUESTIONS);
        final int[] limited = of(underlay, answering);
        final long asked = Arrays.stream(limited).filter(length -> length > 0).count();
        final List<Counted> slow = count(overlay, limited, SLOW_QUESTIONS, SLOW_NS / Math.max(1, asked));
        final boolean[] isLimit = new boolean[limited.length];
        for (int i = 0; i < isLimit.length; i++) {
            isLimit[i] = limited[i] > 0 && !slow.get(i).losses.isAny();
        }
        return isLimit;
    }

    /** The lengths of those that have lost some. */
    private static int[] of(final List<Counted> counted, final int[] lengths) {
        return IntStream.range(0, lengths.length)
                .map(i -> counted.get(i).losses.isAny() ? lengths[i] : 0)
                .toArray();
    }

    /**
     * What many questions to one have found.
     *
     * @param rttNs the shortest, or as of {@link EchoExchange#exchange}.
     */
    record Counted(Losses losses, long rttNs) {
        private static final Counted NONE = new Counted(Losses.NONE, EchoExchange.NO_ANSWER);

        Counted and(final long answer) {
            return new Counted(
                    PathProbe.isFull(answer) ? losses : losses.and(Losses.ofOne(answer < 0)),
                    answer < 0 ? rttNs : rttNs < 0 ? answer : Math.min(rttNs, answer));
        }
    }

    /**
     * Asks each as often, in turns, and nobody again.
     *
     * @param lengths 0 for who is not to be asked.
     */
    List<Counted> count(final List<IpAddress> to, final int[] lengths, final int questions)
            throws InterruptedException {
        final long asked = Arrays.stream(lengths).filter(length -> length > 0).count();
        return count(to, lengths, questions, SPACED_NS / Math.max(1, asked));
    }

    private List<Counted> count(final List<IpAddress> to, final int[] lengths, final int questions, final long pauseNs)
            throws InterruptedException {
        final List<Integer> owners = new ArrayList<>();
        final List<EchoRequest> requests = new ArrayList<>();
        for (int question = 0; question < questions; question++) {
            for (int i = 0; i < lengths.length; i++) {
                if (lengths[i] > 0) {
                    owners.add(i);
                    requests.add(new EchoRequest(to.get(i), lengths[i]));
                }
            }
        }
        final List<Counted> counted = new ArrayList<>(Collections.nCopies(lengths.length, Counted.NONE));
        final long[] answers = exchange.exchange(requests, TIMEOUT_NS, exchange.hosts(), pauseNs);
        for (int i = 0; i < answers.length; i++) {
            final int owner = owners.get(i);
            counted.set(owner, counted.get(owner).and(answers[i]));
        }
        return counted;
    }
}
