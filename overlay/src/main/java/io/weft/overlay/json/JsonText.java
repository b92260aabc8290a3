/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.json;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.TokenStreamLocation;

/**
 * A part of a UTF-8 text that holds one JSON value which nobody has read yet, with its place in the whole. Of a long text that has
 * changed in few places, the parts that are the same need not be read again.
 */
public final class JsonText {
    /** Where a value began, which the parser does not know here; and its settings, which nobody can change. */
    private static final Pattern NOISE = Pattern.compile(
            " ?\\([^()\\[]*\\[Source: [^]]*]\\)|, from `[^`]*`|: enable `[^`]*` to allow| \\([^()]* since Feature [^()]*\\)");

    private final byte[] text;
    private final int begin;
    private final int end;
    private final String source;
    private final String path;
    private final int line;
    private final int column;

    private JsonText(
            final byte[] text,
            final int begin,
            final int end,
            final String source,
            final String path,
            final int line,
            final int column) {
        this.text = text;
        this.begin = begin;
        this.end = end;
        this.source = source;
        this.path = path;
        this.line = line;
        this.column = column;
    }

    /**
     * A whole text.
     *
     * @param text in UTF-8; not to be changed afterwards.
     * @param source what an error calls the text.
     */
    public static JsonText of(final byte[] text, final String source) {
        return new JsonText(text, 0, text.length, source, "", 1, 1);
    }

    /**
     * The value, read.
     *
     * @throws JsonException with line and column, also where a key comes twice.
     */
    public JsonValue read() {
        return JsonReader.read(this, true);
    }

    /**
     * The members of an object, in their order.
     *
     * @throws JsonException with line and column when the text is not exactly one JSON object, or a key comes twice.
     */
    public Map<String, JsonText> members() {
        try (JsonParser parser = parser()) {
            if (JsonToken.START_OBJECT != parser.nextToken()) {
                return Collections.unmodifiableMap(requireNone(read().members()));
            }
            final Map<String, JsonText> members = new LinkedHashMap<>();
            while (JsonToken.END_OBJECT != parser.nextToken()) {
                final String key = parser.currentName();
                final TokenStreamLocation keyPlace = parser.currentTokenLocation();
                parser.nextToken();
                final TokenStreamLocation place = parser.currentTokenLocation();
                parser.skipChildren();
                parser.finishToken();
                final JsonText member = new JsonText(
                        text,
                        begin + (int) place.getByteOffset(),
                        begin + (int) parser.currentLocation().getByteOffset(),
                        source,
                        path.isEmpty() ? key : path + '.' + key,
                        line(place),
                        column(place));
                if (null != members.put(key, member)) {
                    throw new JsonException(
                            source, line(keyPlace), column(keyPlace), "key " + member.path + " comes twice");
                }
            }
            if (null != parser.nextToken()) {
                throw error("is followed by more text");
            }
            return Collections.unmodifiableMap(members);
        } catch (final JacksonException failure) {
            throw error(failure);
        }
    }

    /** What is no object has an error instead of members. */
    private static Map<String, JsonText> requireNone(final Map<String, JsonValue> members) {
        throw new IllegalStateException("read as an object: " + members);
    }

    /** True when the two are the same byte for byte. */
    public boolean hasTextOf(final JsonText other) {
        return Arrays.equals(text, begin, end, other.text, other.begin, other.end);
    }

    /** A fault of this value, to be thrown by whoever found it. */
    public JsonException error(final String cause) {
        return new JsonValue(null, source, path, line, column).error(cause);
    }

    JsonParser parser() {
        return JsonReader.FACTORY.createParser(ObjectReadContext.empty(), text, begin, end - begin);
    }

    JsonException error(final JacksonException failure) {
        final TokenStreamLocation place = failure.getLocation();
        return new JsonException(
                source,
                null == place ? line : line(place),
                null == place ? column : column(place),
                words(failure.getOriginalMessage()));
    }

    /** Without what the parser says of itself. */
    private static String words(final String message) {
        final String first = message.lines().findFirst().orElse("is no JSON");
        return first.startsWith("Unexpected end-of-input")
                ? "ends too early" + inside(first) + ": it is cut short"
                : NOISE.matcher(first).replaceAll("").replace("close marker ", "");
    }

    /** Of what the text ends in. */
    private static String inside(final String message) {
        if (message.matches(".*(for Object|Object entries).*")) {
            return ", inside an object";
        }
        return message.matches(".*(for Array|Array entries).*") ? ", inside an array" : "";
    }

    String source() {
        return source;
    }

    String path() {
        return path;
    }

    /** Line in the whole of a place that a parser of this part tells. */
    int line(final TokenStreamLocation place) {
        return line + place.getLineNr() - 1;
    }

    int column(final TokenStreamLocation place) {
        return 1 == place.getLineNr() ? column + place.getColumnNr() - 1 : place.getColumnNr();
    }
}
