/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.json;

import java.util.Collection;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** JSON out of Java's own collections, without spaces: what a program writes for another. */
public final class JsonOutput {
    private JsonOutput() {}

    /**
     * The text of a value.
     *
     * @param value a map with keys of text, a collection, a text, a number, a boolean or null, to any depth.
     * @throws IllegalArgumentException for anything else.
     */
    public static String of(final @Nullable Object value) {
        final StringBuilder text = new StringBuilder();
        write(text, value);
        return text.toString();
    }

    private static void write(final StringBuilder text, final @Nullable Object value) {
        if (value instanceof final Map<?, ?> members) {
            text.append('{');
            String separator = "";
            for (final Map.Entry<?, ?> member : members.entrySet()) {
                text.append(separator).append(JsonValue.quote(String.valueOf(member.getKey())));
                text.append(':');
                write(text, member.getValue());
                separator = ",";
            }
            text.append('}');
        } else if (value instanceof final Collection<?> elements) {
            text.append('[');
            String separator = "";
            for (final Object element : elements) {
                text.append(separator);
                write(text, element);
                separator = ",";
            }
            text.append(']');
        } else if (value instanceof final String string) {
            text.append(JsonValue.quote(string));
        } else if (null == value || value instanceof Number || value instanceof Boolean) {
            text.append(value);
        } else {
            throw new IllegalArgumentException(value.getClass() + " has no form in JSON");
        }
    }
}
