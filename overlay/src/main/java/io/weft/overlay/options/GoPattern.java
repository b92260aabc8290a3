/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.options;

import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A regular expression as flanneld takes it, which is written as Go's regexp/syntax has it: the same as Java's but for the names of groups,
 * and in brackets for classes of POSIX, a bracket and an ampersand, which mean nothing else there.
 */
public final class GoPattern {
    private static final Pattern POSIX = Pattern.compile("\\[:(\\^?)([a-z]+):]");
    private static final Map<String, String> NAMED_OTHERWISE = Map.of("ascii", "ASCII", "xdigit", "XDigit");
    private static final String NAME_OF_GROUP = "\\(\\?P?<[A-Za-z0-9_]+>";

    private GoPattern() {}

    /**
     * Compiles an expression.
     *
     * @throws java.util.regex.PatternSyntaxException for what is none.
     */
    public static Pattern compile(final String text) {
        final StringBuilder java = new StringBuilder();
        boolean isInBrackets = false;
        int at = 0;
        while (at < text.length()) {
            final String rest = text.substring(at);
            final Matcher posix = POSIX.matcher(rest);
            final char next = text.charAt(at);
            String taken = rest.substring(0, 1);
            String written = taken;
            if ('\\' == next && rest.length() > 1) {
                taken = rest.substring(0, 2);
                written = taken;
            } else if (isInBrackets && posix.lookingAt()) {
                taken = posix.group();
                written = (posix.group(1).isEmpty() ? "\\p{" : "\\P{") + javaName(posix.group(2)) + '}';
            } else if (isInBrackets && ('[' == next || '&' == next)) {
                written = "\\" + next;
            } else if (!isInBrackets && '[' == next) {
                taken = opening(rest);
                written = taken.replace("]", "\\]");
                isInBrackets = true;
            } else if (isInBrackets && ']' == next) {
                isInBrackets = false;
            } else if (!isInBrackets && '(' == next) {
                taken = rest.substring(
                        0,
                        rest.length()
                                - rest.replaceFirst('^' + NAME_OF_GROUP, "").length());
                taken = taken.isEmpty() ? "(" : taken;
                written = 1 == taken.length() ? "(" : "(?:";
            }
            java.append(written);
            at += taken.length();
        }
        return Pattern.compile(java.toString());
    }

    /** A bracket, with what stands for itself only right behind it. */
    private static String opening(final String rest) {
        final String negated = rest.startsWith("[^") ? "[^" : "[";
        return rest.startsWith(negated + ']') ? negated + ']' : negated;
    }

    private static String javaName(final String posix) {
        return NAMED_OTHERWISE.getOrDefault(posix, posix.substring(0, 1).toUpperCase(Locale.ROOT) + posix.substring(1));
    }
}
