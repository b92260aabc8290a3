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
        return of(text, text.length, source);
    }

    /**
     * A whole text at the beginning of some memory.
     *
     * @param text not to be changed as long as this, or a part of it that is no {@link #copy}, is in use.
     * @param length of it in bytes.
     * @param source what an error calls the text.
     */
    public static JsonText of(final byte[] text, final int length, final String source) {
        return new JsonText(text, 0, length, source, "", 1, 1);
    }

    /** The same with memory of its own. */
    public JsonText copy() {
        return new JsonText(Arrays.copyOfRange(text, begin, end), 0, end - begin, source, path, line, column);
    }

    /** Takes the members of an object. */
    public interface MemberConsumer {
        /**
         * Called for each, in their order.
         *
         * @param key of the member.
         * @param keyText where the key is, for an error.
         */
        void accept(String key, JsonText keyText, JsonText member);
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
        final Map<String, JsonText> members = new LinkedHashMap<>();
        forEachMember((key, keyText, member) -> {
            if (null != members.put(key, member)) {
                throw keyText.comesTwice();
            }
        });
        return Collections.unmodifiableMap(members);
    }

    /**
     * Calls with each member of an object, without keeping them.
     *
     * @throws JsonException with line and column when the text is not exactly one JSON object. That a key comes twice is for the consumer to see.
     */
    public void forEachMember(final MemberConsumer consumer) {
        try (JsonParser parser = parser()) {
            if (JsonToken.START_OBJECT != parser.nextToken()) {
                requireNone(read().members());
            }
            while (JsonToken.END_OBJECT != parser.nextToken()) {
                final String key = parser.currentName();
                final String memberPath = path.isEmpty() ? key : path + '.' + key;
                final JsonText keyText = part(memberPath, parser.currentTokenLocation(), parser);
                parser.nextToken();
                final TokenStreamLocation place = parser.currentTokenLocation();
                parser.skipChildren();
                parser.finishToken();
                consumer.accept(key, keyText, part(memberPath, place, parser));
            }
            if (null != parser.nextToken()) {
                throw error("is followed by more text");
            }
        } catch (final JacksonException failure) {
            throw error(failure);
        }
    }

    /** From a place to where the parser is. */
    private JsonText part(final String partPath, final TokenStreamLocation place, final JsonParser parser) {
        return new JsonText(
                text,
                begin + (int) place.getByteOffset(),
                begin + (int) parser.currentLocation().getByteOffset(),
                source,
                partPath,
                line(place),
                column(place));
    }

    /** That this key has been in its object before. */
    public JsonException comesTwice() {
        return new JsonException(source, line, column, "key " + path + " comes twice");
    }

    /** What is no object has an error instead of members. */
    private static void requireNone(final Map<String, JsonValue> members) {
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
