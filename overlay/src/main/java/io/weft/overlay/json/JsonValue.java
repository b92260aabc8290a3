/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.json;

import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.io.JsonStringEncoder;

/**
 * One immutable JSON value with its place in the text and its path from the root. Accessors that need a type throw a
 * {@link JsonException} that names both when the value is of another type; they never return a substitute.
 */
public final class JsonValue {
    private static final int TEXT_LENGTH_MAX = 300;

    private final @Nullable Object value;
    private final String source;
    private final String path;
    private final int line;
    private final int column;

    /**
     * A value as the reader found it.
     *
     * @param value a map, a list, a String, a BigDecimal, a Boolean or null, for the JSON types of these shapes.
     */
    JsonValue(final @Nullable Object value, final String source, final String path, final int line, final int column) {
        this.value = value;
        this.source = source;
        this.path = path;
        this.line = line;
        this.column = column;
    }

    /** Where the value stands, from the root: {@code leases.10.244.0.0-24.PublicIP}; empty for the root. */
    public String path() {
        return path;
    }

    /** True for an object. */
    public boolean isObject() {
        return value instanceof Map;
    }

    /** True for JSON's null. */
    public boolean isNull() {
        return null == value;
    }

    /** The members in the order of the text. */
    @SuppressWarnings("unchecked")
    public Map<String, JsonValue> members() {
        if (value instanceof Map) {
            return (Map<String, JsonValue>) value;
        }
        throw error("must be an object, is " + typeName());
    }

    /** The elements of an array. */
    @SuppressWarnings("unchecked")
    public List<JsonValue> elements() {
        if (value instanceof List) {
            return (List<JsonValue>) value;
        }
        throw error("must be an array, is " + typeName());
    }

    /**
     * The member of this name, or null when it is absent or JSON's null. As Go's decoder does, an exact match wins and
     * any other case of the same letters is taken next: flannel's users rely on it.
     */
    public @Nullable JsonValue member(final String key) {
        final Map<String, JsonValue> members = members();
        JsonValue found = members.get(key);
        if (null == found) {
            for (final Map.Entry<String, JsonValue> entry : members.entrySet()) {
                if (entry.getKey().equalsIgnoreCase(key)) {
                    found = entry.getValue();
                }
            }
        }
        return null == found || found.isNull() ? null : found;
    }

    /** The member of this name; absent is an error of this object. */
    public JsonValue required(final String key) {
        final JsonValue found = member(key);
        if (null == found) {
            throw error("has no \"" + key + "\"");
        }
        return found;
    }

    /** An object without members in the place of this value, where Go takes null or nothing for one. */
    public JsonValue withoutMembers() {
        return new JsonValue(Map.of(), source, path, line, column);
    }

    /** The text of a string. */
    public String string() {
        if (value instanceof final String text) {
            return text;
        }
        throw error("must be a string, is " + typeName());
    }

    /** The value of true or false. */
    public boolean bool() {
        if (value instanceof final Boolean bool) {
            return bool;
        }
        throw error("must be true or false, is " + typeName());
    }

    /** A whole number within [min, max]. */
    public int integer(final int min, final int max) {
        return (int) integer((long) min, (long) max);
    }

    /** A whole number within [min, max]. */
    public long integer(final long min, final long max) {
        if (!(value instanceof final BigDecimal number)) {
            throw error("must be a number, is " + typeName());
        }
        if (number.stripTrailingZeros().scale() > 0
                || number.compareTo(BigDecimal.valueOf(min)) < 0
                || number.compareTo(BigDecimal.valueOf(max)) > 0) {
            throw error("is " + number + ", must be a whole number from " + min + " to " + max);
        }
        return number.longValue();
    }

    /** A fault of this value, to be thrown by whoever found it. */
    public JsonException error(final String cause) {
        return new JsonException(
                source, line, column, (path.isEmpty() ? "the document" : shortened(path)) + " " + shortened(cause));
    }

    /** A value may be as long as its writer likes; what is said of it must fit a line. */
    private static String shortened(final String text) {
        return text.length() <= TEXT_LENGTH_MAX ? text : text.substring(0, TEXT_LENGTH_MAX) + "…";
    }

    /** The value as JSON text without spaces, members in their order. */
    public String compact() {
        final StringBuilder text = new StringBuilder();
        write(text);
        return text.toString();
    }

    /** A Java string as a JSON string, quotes included. Of control characters also those that JSON need not escape: a terminal obeys them. */
    public static String quote(final String text) {
        if (isPlain(text)) {
            return '"' + text + '"';
        }
        final String quoted =
                '"' + String.valueOf(JsonStringEncoder.getInstance().quoteAsCharArray(text)) + '"';
        return quoted.chars().noneMatch(Character::isISOControl) ? quoted : withoutControls(quoted);
    }

    private static boolean isPlain(final String text) {
        for (int i = 0; i < text.length(); i++) {
            final char character = text.charAt(i);
            if ('"' == character || '\\' == character || Character.isISOControl(character)) {
                return false;
            }
        }
        return true;
    }

    private static String withoutControls(final String quoted) {
        final StringBuilder text = new StringBuilder();
        quoted.chars().forEach(character -> {
            if (Character.isISOControl(character)) {
                text.append(String.format("\\u%04x", character));
            } else {
                text.append((char) character);
            }
        });
        return text.toString();
    }

    private void write(final StringBuilder text) {
        if (value instanceof Map) {
            char separator = '{';
            for (final Map.Entry<String, JsonValue> member : members().entrySet()) {
                text.append(separator).append(quote(member.getKey())).append(':');
                member.getValue().write(text);
                separator = ',';
            }
            text.append('{' == separator ? "{}" : "}");
        } else if (value instanceof List) {
            char separator = '[';
            for (final JsonValue element : elements()) {
                text.append(separator);
                element.write(text);
                separator = ',';
            }
            text.append('[' == separator ? "[]" : "]");
        } else if (value instanceof final String string) {
            text.append(quote(string));
        } else {
            text.append(value);
        }
    }

    private String typeName() {
        if (value instanceof Map) {
            return "an object";
        }
        if (value instanceof List) {
            return "an array";
        }
        return null == value ? "null" : compact();
    }
}
