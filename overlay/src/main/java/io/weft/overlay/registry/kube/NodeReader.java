/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import io.weft.overlay.registry.UnavailableException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.exc.JacksonIOException;
import tools.jackson.core.json.JsonFactory;

/**
 * Reads Node objects out of the API's JSON, piece by piece: of each only what {@link KubeNode} has is kept, so that the length of a list
 * does not matter. A member of another type than the API has is as good as none. One thread at a time.
 */
final class NodeReader {
    private static final JsonFactory FACTORY = new JsonFactory();
    private static final Set<String> ADDRESS_TYPES = Set.of("InternalIP", "ExternalIP");

    private final String prefix;

    /**
     * What a list says of itself.
     *
     * @param version of all objects.
     * @param more where the next page begins; empty for the last.
     */
    record ListEnd(String version, String more) {}

    /** Takes the value that the parser stands at, and leaves the parser at its end. */
    private interface Member {
        void read(String name, JsonParser parser);
    }

    /** @param prefix of the annotations that are kept. */
    NodeReader(final String prefix) {
        this.prefix = prefix;
    }

    /**
     * Reads a NodeList to its end.
     *
     * @param nodes hears of each, in order.
     * @throws UnavailableException when it is none.
     * @throws IOException of the stream.
     */
    ListEnd list(final InputStream text, final Consumer<KubeNode> nodes) throws UnavailableException, IOException {
        final String[] found = {"", ""};
        final boolean[] hasItems = {false};
        try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), text)) {
            requireObject(parser, "a list of nodes");
            members(parser, (name, at) -> {
                if ("items".equals(name) && at.currentToken() != JsonToken.VALUE_NULL) {
                    hasItems[0] = elements(at, element -> nodes.accept(node(element)));
                } else if ("metadata".equals(name)) {
                    members(at, (key, value) -> {
                        if ("resourceVersion".equals(key)) {
                            found[0] = text(value);
                        } else if ("continue".equals(key)) {
                            found[1] = text(value);
                        }
                    });
                } else if ("items".equals(name)) {
                    hasItems[0] = true; // Go writes null for an empty list
                }
            });
        } catch (final JacksonIOException failure) {
            throw failure.getCause();
        } catch (final JacksonException failure) {
            throw wrong("a list of nodes", failure);
        }
        if (!hasItems[0] || found[0].isEmpty()) {
            throw new UnavailableException("the Kubernetes API answered a list of nodes that has no "
                    + (hasItems[0] ? "metadata.resourceVersion" : "items"));
        }
        return new ListEnd(found[0], found[1]);
    }

    /** Reads one Node object. */
    KubeNode node(final byte[] text) throws UnavailableException {
        try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), text)) {
            requireObject(parser, "a node");
            return node(parser);
        } catch (final JacksonException failure) {
            throw wrong("a node", failure);
        }
    }

    /** Reads one line of a watch. */
    KubeEvent event(final byte[] line) throws UnavailableException {
        final String[] texts = {"", ""};
        final int[] code = {0};
        final KubeNode[] node = {null};
        try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), line)) {
            requireObject(parser, "the watch of nodes");
            members(parser, (name, at) -> {
                if ("type".equals(name)) {
                    texts[0] = text(at);
                } else if ("object".equals(name) && at.currentToken() == JsonToken.START_OBJECT) {
                    node[0] = node(at, (key, value) -> {
                        if ("code".equals(key) && value.currentToken() == JsonToken.VALUE_NUMBER_INT) {
                            code[0] = value.getIntValue();
                        } else if ("message".equals(key)) {
                            texts[1] = text(value);
                        }
                    });
                }
            });
        } catch (final JacksonException failure) {
            throw wrong("the watch of nodes", failure);
        }
        if (texts[0].isEmpty() || null == node[0]) {
            throw new UnavailableException("the Kubernetes API answered the watch of nodes with a line that has no "
                    + (texts[0].isEmpty() ? "type" : "object"));
        }
        return new KubeEvent(texts[0], node[0], code[0], texts[1]);
    }

    private static void requireObject(final JsonParser parser, final String what) throws UnavailableException {
        final JsonToken first = parser.nextToken();
        if (first != JsonToken.START_OBJECT) {
            throw new UnavailableException("the Kubernetes API answered " + what + " that "
                    + (null == first ? "is empty" : "is no JSON object"));
        }
    }

    private static UnavailableException wrong(final String what, final JacksonException failure) {
        return new UnavailableException(
                "the Kubernetes API answered " + what + " that is no JSON: "
                        + failure.getOriginalMessage().lines().findFirst().orElse(""),
                failure);
    }

    private KubeNode node(final JsonParser parser) {
        return node(parser, (name, value) -> {});
    }

    /** @param others takes members that nodes do not have. */
    private KubeNode node(final JsonParser parser, final Member others) {
        final Map<String, String> metadata = new HashMap<>();
        final Map<String, String> annotations = new HashMap<>();
        final List<String> cidrs = new ArrayList<>(2);
        final String[] cidr = {""};
        final Set<String> addresses = new HashSet<>();
        final KubeNode.Condition[] condition = {null};
        members(parser, (name, at) -> {
            switch (name) {
                case "metadata" ->
                    members(at, (key, value) -> {
                        if ("annotations".equals(key)) {
                            members(value, (annotation, given) -> keep(annotations, annotation, given));
                        } else if ("name".equals(key) || "uid".equals(key) || "resourceVersion".equals(key)) {
                            metadata.put(key, text(value));
                        }
                    });
                case "spec" ->
                    members(at, (key, value) -> {
                        if ("podCIDRs".equals(key)) {
                            elements(value, element -> cidrs.add(text(element)));
                        } else if ("podCIDR".equals(key)) {
                            cidr[0] = text(value);
                        }
                    });
                case "status" ->
                    members(at, (key, value) -> {
                        if ("conditions".equals(key)) {
                            elements(value, element -> condition(element, condition));
                        } else if ("addresses".equals(key)) {
                            elements(value, element -> address(element, addresses));
                        }
                    });
                default -> others.read(name, at);
            }
        });
        if (cidrs.isEmpty() && !cidr[0].isEmpty()) {
            cidrs.add(cidr[0]);
        }
        return new KubeNode(
                metadata.getOrDefault("name", ""),
                metadata.getOrDefault("resourceVersion", ""),
                metadata.getOrDefault("uid", ""),
                Map.copyOf(annotations),
                List.copyOf(cidrs),
                Set.copyOf(addresses),
                condition[0]);
    }

    private void keep(final Map<String, String> annotations, final String name, final JsonParser value) {
        if ((name.startsWith(prefix) || KubeEvent.INITIAL_EVENTS_END.equals(name))
                && value.currentToken() == JsonToken.VALUE_STRING) {
            annotations.put(name, value.getString());
        }
    }

    private static void address(final JsonParser parser, final Set<String> addresses) {
        final Map<String, String> texts = new HashMap<>();
        members(parser, (key, value) -> texts.put(key, text(value)));
        if (ADDRESS_TYPES.contains(texts.getOrDefault("type", ""))) {
            addresses.add(texts.getOrDefault("address", ""));
        }
    }

    private static void condition(final JsonParser parser, final KubeNode.@Nullable Condition[] found) {
        final Map<String, String> texts = new HashMap<>();
        members(parser, (key, value) -> texts.put(key, text(value)));
        if ("NetworkUnavailable".equals(texts.get("type"))) {
            found[0] = new KubeNode.Condition(
                    texts.getOrDefault("status", ""),
                    texts.getOrDefault("reason", ""),
                    texts.getOrDefault("message", ""));
        }
    }

    /** The text of a string; empty for anything else. */
    private static String text(final JsonParser parser) {
        return parser.currentToken() == JsonToken.VALUE_STRING ? parser.getString() : "";
    }

    /** Goes through the members of an object; skips anything else. */
    private static void members(final JsonParser parser, final Member each) {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            parser.skipChildren();
            return;
        }
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            final String name = parser.currentName();
            final JsonToken value = parser.nextToken();
            if (null == value) {
                return; // the text ends too early, which the parser says itself
            }
            each.read(name, parser);
            if (parser.currentToken() == JsonToken.START_OBJECT || parser.currentToken() == JsonToken.START_ARRAY) {
                parser.skipChildren(); // nobody has read it
            }
        }
    }

    /** Goes through the elements of an array; skips anything else, and returns false. */
    private static boolean elements(final JsonParser parser, final Consumer<JsonParser> each) {
        if (parser.currentToken() != JsonToken.START_ARRAY) {
            parser.skipChildren();
            return false;
        }
        for (JsonToken token = parser.nextToken();
                token != JsonToken.END_ARRAY && null != token;
                token = parser.nextToken()) {
            each.accept(parser);
            if (parser.currentToken() == JsonToken.START_OBJECT || parser.currentToken() == JsonToken.START_ARRAY) {
                parser.skipChildren();
            }
        }
        return true;
    }
}
