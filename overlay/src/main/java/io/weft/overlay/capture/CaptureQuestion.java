/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.capture;

import io.weft.address.IpPrefix;
import io.weft.dataplane.capture.CaptureFilter;
import io.weft.dataplane.counters.Direction;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Which packets are wanted, and how: as a command asks a daemon for them. In words, of which each is {@value #ANY} where it does not
 * matter:
 *
 * <pre>
 *   capture KIND DIRECTION SOURCE DESTINATION PROTOCOL PORT FORM COUNT LENGTH
 *   capture drops egress 10.244.0.0/24 - 17 53 inner 10 131072
 * </pre>
 *
 * @param filter which packets.
 * @param form what is to be made of them.
 * @param count after how many there are enough; 0 for never.
 * @param snapshotLength bytes of a packet that are wanted at most, tunnel header and all.
 */
public record CaptureQuestion(CaptureFilter filter, Form form, long count, int snapshotLength) {
    /** What the question begins with. */
    static final String NAME = "capture";

    private static final String ANY = "-";
    private static final int WORDS = 10;

    /** What is made of packets. */
    public enum Form {
        /** A file of pods' packets. */
        INNER,

        /** A file of the datagrams that they are in, where they are in one. */
        OUTER,

        /** Their way in words. */
        TEXT,

        /** The same for programs: a line with an object of JSON for each. */
        JSON
    }

    /** Whether a question is one of this kind. */
    static boolean isOne(final String question) {
        return question.startsWith(NAME + " ");
    }

    /**
     * Reads what {@link #toString} wrote.
     *
     * @throws IllegalArgumentException if it is something else, as of another version.
     */
    static CaptureQuestion parse(final String question) {
        final List<String> words = List.of(question.split(" ", -1));
        if (WORDS == words.size() && NAME.equals(words.get(0))) {
            try {
                return of(words);
            } catch (final IllegalArgumentException unknown) { // in words of Java's, as that a constant is missing
                throw new IllegalArgumentException(notUnderstood(question), unknown);
            }
        }
        throw new IllegalArgumentException(notUnderstood(question));
    }

    private static String notUnderstood(final String question) {
        return "\"" + question + "\" is not understood by this version of weftd";
    }

    private static CaptureQuestion of(final List<String> words) {
        final CaptureFilter filter = new CaptureFilter(
                CaptureFilter.Kind.valueOf(words.get(1).toUpperCase(Locale.ROOT)),
                direction(words.get(2)),
                prefix(words.get(3)),
                prefix(words.get(4)),
                number(words.get(5)),
                number(words.get(6)));
        return new CaptureQuestion(
                filter,
                Form.valueOf(words.get(7).toUpperCase(Locale.ROOT)),
                Long.parseLong(words.get(8)),
                Integer.parseInt(words.get(9)));
    }

    private static @Nullable Direction direction(final String word) {
        return ANY.equals(word) ? null : Direction.valueOf(word.toUpperCase(Locale.ROOT));
    }

    private static @Nullable IpPrefix prefix(final String word) {
        return ANY.equals(word) ? null : IpPrefix.parse(word);
    }

    private static int number(final String word) {
        return ANY.equals(word) ? CaptureFilter.ANY : Integer.parseInt(word);
    }

    private static String word(final int number) {
        return CaptureFilter.ANY == number ? ANY : String.valueOf(number);
    }

    private static String word(final @Nullable Object value) {
        return null == value ? ANY : value.toString().toLowerCase(Locale.ROOT);
    }

    @Override
    public String toString() {
        return String.join(
                " ",
                NAME,
                word(filter.kind()),
                word(filter.direction()),
                word(filter.source()),
                word(filter.destination()),
                word(filter.protocol()),
                word(filter.port()),
                word(form),
                String.valueOf(count),
                String.valueOf(snapshotLength));
    }
}
