/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.json;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;

/**
 * Reads one JSON document into {@link JsonValue}s. Jackson's token stream alone is used: the tree needs places in the text,
 * which Jackson's own tree forgets, and the daemon stays smaller without data binding.
 */
public final class JsonReader {
    /** Values in one text: each takes some 200 bytes of the heap. */
    public static final int VALUES_MAX = 100_000;

    static final JsonFactory FACTORY = new JsonFactory();

    private final JsonParser parser;
    private final JsonText text;
    private final boolean isStrict;
    private int count;

    private JsonReader(final JsonParser parser, final JsonText text, final boolean isStrict) {
        this.parser = parser;
        this.text = text;
        this.isStrict = isStrict;
    }

    /**
     * Reads one document as Go's decoder does: of a key that comes twice the last value counts.
     *
     * @param text UTF-8 (or another Unicode encoding that JSON allows).
     * @param source what an error calls the text: a file's path, an etcd key, an annotation.
     * @throws JsonException with line and column when the text is not exactly one JSON value.
     * @throws JsonTooLargeException when it has more than {@link #VALUES_MAX} values.
     */
    public static JsonValue read(final byte[] text, final String source) {
        return read(JsonText.of(text, source), false);
    }

    /** @param isStrict refuse a key that comes twice: for files that people write for weft alone. */
    static JsonValue read(final JsonText text, final boolean isStrict) {
        try (JsonParser parser = text.parser()) {
            final JsonReader reader = new JsonReader(parser, text, isStrict);
            if (null == parser.nextToken()) {
                throw text.error("is empty, a JSON object is needed");
            }
            final JsonValue root = reader.value(text.path());
            if (null != parser.nextToken()) {
                throw reader.value("").error("is followed by more text");
            }
            return root;
        } catch (final JacksonException failure) {
            throw text.error(failure);
        }
    }

    private JsonValue value(final String path) {
        final TokenStreamLocation place = parser.currentTokenLocation();
        count++;
        if (count > VALUES_MAX) {
            throw new JsonTooLargeException(
                    text.source(),
                    text.line(place),
                    text.column(place),
                    "there are more than " + VALUES_MAX + " values");
        }
        final JsonToken token = parser.currentToken();
        final Object value = switch (token) {
            case START_OBJECT -> object(path);
            case START_ARRAY -> array(path);
            case VALUE_STRING -> parser.getString();
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> parser.getDecimalValue();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            default -> null;
        };
        return new JsonValue(value, text.source(), path, text.line(place), text.column(place));
    }

    private Map<String, JsonValue> object(final String path) {
        final Map<String, JsonValue> members = new LinkedHashMap<>();
        while (JsonToken.END_OBJECT != parser.nextToken()) {
            final String key = parser.currentName();
            final TokenStreamLocation place = parser.currentTokenLocation();
            parser.nextToken();
            final String memberPath = path.isEmpty() ? key : path + '.' + key;
            if (null != members.put(key, value(memberPath)) && isStrict) {
                throw new JsonException(
                        text.source(), text.line(place), text.column(place), "key " + memberPath + " comes twice");
            }
        }
        return Collections.unmodifiableMap(members);
    }

    private List<JsonValue> array(final String path) {
        final List<JsonValue> elements = new ArrayList<>();
        while (JsonToken.END_ARRAY != parser.nextToken()) {
            elements.add(value(path + '[' + elements.size() + ']'));
        }
        return Collections.unmodifiableList(elements);
    }
}
