/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.options;

import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A regular expression as flanneld takes it, which is written as Go's regexp/syntax has it. What Java means otherwise is written anew:
 * names of groups, and in brackets classes of POSIX, a bracket and an ampersand. Left as they are {@code (?U)}, names of scripts, and a brace
 * that counts nothing: no interface or address has any use for them.
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
                final int quoteEnd = rest.indexOf("\\E");
                taken = rest.substring(0, rest.startsWith("\\Q") && quoteEnd > 0 ? quoteEnd + 2 : 2);
                written = taken;
            } else if (isInBrackets && posix.lookingAt()) {
                taken = posix.group();
                written = javaClass(posix.group(2), !posix.group(1).isEmpty());
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

    private static String javaClass(final String posix, final boolean isNegated) {
        if ("word".equals(posix)) {
            return isNegated ? "\\W" : "\\w";
        }
        final String usual = posix.substring(0, 1).toUpperCase(Locale.ROOT) + posix.substring(1);
        return (isNegated ? "\\P{" : "\\p{") + NAMED_OTHERWISE.getOrDefault(posix, usual) + '}';
    }
}
