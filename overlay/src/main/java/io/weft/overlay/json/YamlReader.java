/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.json;

import java.io.ByteArrayInputStream;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/**
 * Reads one YAML 1.2 document, which JSON is too, into {@link JsonValue}s: what YAML has beyond JSON is refused. The library's nodes are
 * used and not its objects, which forget their places in the text.
 */
public final class YamlReader {
    /** Nobody nests so deep; an alias that leads to what it stands in would do so without end. */
    private static final int DEPTH_MAX = 100;

    private final String source;
    private int count;

    private YamlReader(final String source) {
        this.source = source;
    }

    /**
     * Reads one document. Of a key that comes twice the last value counts, as for Go's libraries.
     *
     * @param text UTF-8, or UTF-16 with a mark.
     * @param source what an error calls the text: a file's path.
     * @throws JsonException with line and column when the text is not exactly one value that JSON could say.
     * @throws JsonTooLargeException when it has more than {@link JsonReader#VALUES_MAX} values, each alias counted anew.
     */
    public static JsonValue read(final byte[] text, final String source) {
        final JsonValue json = text.length > 0 && '{' == text[0] ? json(text, source) : null;
        return null == json ? yaml(text, source) : json;
    }

    /** Text that is JSON; null for other. The library refuses tabs between the tokens of JSON, with which some programs indent it. */
    private static @Nullable JsonValue json(final byte[] text, final String source) {
        try {
            return JsonReader.read(text, source);
        } catch (final JsonTooLargeException tooLarge) {
            throw tooLarge;
        } catch (final JsonException noJson) {
            return null; // a mapping of YAML may begin so too
        }
    }

    private static JsonValue yaml(final byte[] text, final String source) {
        final LoadSettings settings = LoadSettings.builder()
                .setLabel(source)
                .setSchema(new CoreSchema())
                .build();
        try {
            final Optional<Node> root = new Compose(settings).composeInputStream(new ByteArrayInputStream(text));
            if (root.isEmpty()) {
                throw new JsonException(source, 1, 1, "is empty, an object is needed");
            }
            return new YamlReader(source).value(root.get(), "", 0);
        } catch (final MarkedYamlEngineException failure) {
            final Optional<Mark> place = failure.getProblemMark();
            throw new JsonException(
                    source,
                    place.map(Mark::getLine).orElse(0) + 1,
                    place.map(Mark::getColumn).orElse(0) + 1,
                    failure.getProblem());
        } catch (final YamlEngineException failure) {
            throw new JsonException(source, 1, 1, String.valueOf(failure.getMessage()));
        }
    }

    private JsonValue value(final Node node, final String path, final int depth) {
        count++;
        if (count > JsonReader.VALUES_MAX || depth > DEPTH_MAX) {
            throw new JsonTooLargeException(
                    source,
                    line(node),
                    column(node),
                    "there are more than " + JsonReader.VALUES_MAX + " values, or they are nested deeper than "
                            + DEPTH_MAX);
        }
        final Object value;
        if (node instanceof final MappingNode mapping) {
            value = object(mapping, path, depth);
        } else if (node instanceof final SequenceNode sequence) {
            final List<JsonValue> elements = new ArrayList<>();
            for (final Node element : sequence.getValue()) {
                elements.add(value(element, path + '[' + elements.size() + ']', depth + 1));
            }
            value = Collections.unmodifiableList(elements);
        } else {
            value = scalar((ScalarNode) node, path);
        }
        return new JsonValue(value, source, path, line(node), column(node));
    }

    private Map<String, JsonValue> object(final MappingNode mapping, final String path, final int depth) {
        final Map<String, JsonValue> members = new LinkedHashMap<>();
        for (final NodeTuple tuple : mapping.getValue()) {
            if (!(tuple.getKeyNode() instanceof final ScalarNode key)) {
                throw error(tuple.getKeyNode(), path, "has a key that is no text");
            }
            final String memberPath = path.isEmpty() ? key.getValue() : path + '.' + key.getValue();
            members.put(key.getValue(), value(tuple.getValueNode(), memberPath, depth + 1));
        }
        return Collections.unmodifiableMap(members);
    }

    private @Nullable Object scalar(final ScalarNode node, final String path) {
        final Tag tag = node.getTag();
        if (Tag.STR.equals(tag)) {
            return node.getValue();
        }
        if (Tag.NULL.equals(tag)) {
            return null;
        }
        if (Tag.BOOL.equals(tag)) {
            return Boolean.parseBoolean(node.getValue());
        }
        if (Tag.INT.equals(tag) || Tag.FLOAT.equals(tag)) {
            try {
                return new BigDecimal(node.getValue());
            } catch (final NumberFormatException failure) {
                throw error(node, path, "is " + node.getValue() + ", which is no number in JSON");
            }
        }
        throw error(node, path, "has the tag " + tag + ", which JSON does not have");
    }

    private JsonException error(final Node node, final String path, final String cause) {
        return new JsonValue(null, source, path, line(node), column(node)).error(cause);
    }

    private static int line(final Node node) {
        return node.getStartMark().map(Mark::getLine).orElse(0) + 1;
    }

    private static int column(final Node node) {
        return node.getStartMark().map(Mark::getColumn).orElse(0) + 1;
    }
}
