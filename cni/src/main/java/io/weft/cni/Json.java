/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.ByteArrayOutputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.JsonRecyclerPools;

/**
 * JSON as plain trees: an object is a {@code Map<String, Object>} in the order of its keys, as Go writes its maps; an array
 * a {@code List<Object>}; then String, Boolean, Integer, Long, BigInteger, BigDecimal, and null.
 */
final class Json {
    /** Nothing is parsed often enough here for a pool of buffers to pay for its making. */
    private static final JsonFactory FACTORY = JsonFactory.builder()
            .recyclerPool(JsonRecyclerPools.nonRecyclingPool())
            .build();

    private Json() {}

    /**
     * @param bytes one JSON object in UTF-8, and nothing after it.
     * @param what what the bytes are, for the error message.
     * @throws CniException code 6 with the place of the mistake.
     */
    static Map<String, @Nullable Object> readObject(final byte[] bytes, final String what) throws CniException {
        try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), bytes)) {
            if (JsonToken.START_OBJECT != parser.nextToken()) {
                throw new CniException(
                        CniException.DECODING_FAILURE,
                        what + (0 == bytes.length ? " is empty" : " is no JSON object"),
                        "");
            }
            final Map<String, @Nullable Object> object = object(parser);
            if (null != parser.nextToken()) {
                throw new CniException(CniException.DECODING_FAILURE, what + " goes on after its JSON object", "");
            }
            return object;
        } catch (final JacksonException e) {
            final TokenStreamLocation location = e.getLocation();
            throw new CniException(
                    CniException.DECODING_FAILURE,
                    what + " is malformed"
                            + (null == location
                                    ? ""
                                    : " at line " + location.getLineNr() + ", column " + location.getColumnNr()),
                    e.getOriginalMessage());
        } catch (final NumberFormatException e) {
            // Of an exponent, which is read when it is asked for.
            throw new CniException(
                    CniException.DECODING_FAILURE,
                    what + " is malformed: a number is too large",
                    String.valueOf(e.getMessage()));
        }
    }

    /** The object in UTF-8, without white space. */
    static byte[] write(final Map<String, ? extends @Nullable Object> object) {
        final ByteArrayOutputStream out = new ByteArrayOutputStream(512);
        try (JsonGenerator generator = FACTORY.createGenerator(ObjectWriteContext.empty(), out)) {
            value(generator, object);
        }
        return out.toByteArray();
    }

    /** The value as an object, or null where it is none. */
    @SuppressWarnings("unchecked") // Objects come from readObject, or are built with String keys in this package.
    static @Nullable Map<String, @Nullable Object> asObject(final @Nullable Object value) {
        return value instanceof Map ? (Map<String, @Nullable Object>) value : null;
    }

    /** The value as an array, or null where it is none. */
    @SuppressWarnings("unchecked") // Arrays come from readObject, or are built in this package.
    static @Nullable List<@Nullable Object> asArray(final @Nullable Object value) {
        return value instanceof List ? (List<@Nullable Object>) value : null;
    }

    /** The value as a message shows it. */
    static String show(final @Nullable Object value) {
        final Map<String, @Nullable Object> holder = new TreeMap<>();
        holder.put("", value);
        final byte[] bytes = write(holder);
        final String text = new String(bytes, StandardCharsets.UTF_8);
        return text.substring("{\"\":".length(), text.length() - 1);
    }

    private static Map<String, @Nullable Object> object(final JsonParser parser) {
        final Map<String, @Nullable Object> object = new TreeMap<>();
        for (String key = parser.nextName(); null != key; key = parser.nextName()) {
            parser.nextToken();
            object.put(key, value(parser));
        }
        return object;
    }

    private static List<@Nullable Object> array(final JsonParser parser) {
        final List<@Nullable Object> array = new ArrayList<>();
        while (JsonToken.END_ARRAY != parser.nextToken()) {
            array.add(value(parser));
        }
        return array;
    }

    private static @Nullable Object value(final JsonParser parser) {
        return switch (parser.currentToken()) {
            case START_OBJECT -> object(parser);
            case START_ARRAY -> array(parser);
            case VALUE_STRING -> parser.getString();
            case VALUE_NUMBER_INT -> parser.getNumberValue();
            case VALUE_NUMBER_FLOAT -> parser.getDecimalValue();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            default -> null;
        };
    }

    private static void value(final JsonGenerator generator, final @Nullable Object value) {
        if (value instanceof Map<?, ?> object) {
            generator.writeStartObject();
            for (final Map.Entry<?, ?> entry : object.entrySet()) {
                generator.writeName((String) entry.getKey());
                value(generator, entry.getValue());
            }
            generator.writeEndObject();
        } else if (value instanceof List<?> array) {
            generator.writeStartArray();
            for (final Object element : array) {
                value(generator, element);
            }
            generator.writeEndArray();
        } else if (value instanceof String string) {
            generator.writeString(string);
        } else if (value instanceof Boolean flag) {
            generator.writeBoolean(flag);
        } else if (value instanceof Integer number) {
            generator.writeNumber(number.intValue());
        } else if (value instanceof Long number) {
            generator.writeNumber(number.longValue());
        } else if (value instanceof BigInteger number) {
            generator.writeNumber(number);
        } else if (value instanceof BigDecimal number) {
            generator.writeNumber(number);
        } else {
            generator.writeNull();
        }
    }
}
