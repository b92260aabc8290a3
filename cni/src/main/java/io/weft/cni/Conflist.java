/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A list of plugins as it lies in the runtime's directory of configurations.
 *
 * @param text the whole file.
 * @param types of the reference plugins that it needs: those of the chain, and weft-cni's delegate with its address plugin.
 */
record Conflist(String text, Set<String> types) {
    private static final String VERSIONS = "cniVersions";

    /**
     * Reads a list; fails for one that the runtime, or this plugin, would refuse for each pod.
     *
     * @param bytes the file.
     * @throws CniException with the key and value at fault.
     */
    static Conflist read(final byte[] bytes) throws CniException {
        final String text = decode(bytes);
        final Map<String, @Nullable Object> conflist = Json.readObject(bytes, "the file");
        final Object name = conflist.get("name");
        final List<@Nullable Object> plugins = Json.asArray(conflist.get("plugins"));
        if (!(name instanceof String string) || !Invocation.isIdentifier(string)) {
            throw invalid("name", name, NetworkConfig.NAME_ALLOWED);
        }
        if (null == plugins || plugins.isEmpty()) {
            throw invalid("plugins", conflist.get("plugins"), "an array of plugins");
        }
        final Object version = version(conflist);
        final Set<String> types = new LinkedHashSet<>();
        for (final Object each : plugins) {
            final Map<String, @Nullable Object> plugin = Json.asObject(each);
            if (null == plugin || Plugin.typeOf(plugin).isEmpty()) {
                throw invalid("plugins", each, "objects, each with a \"type\"");
            }
            if (InstallCni.PLUGIN.equals(Plugin.typeOf(plugin))) {
                // As the runtime will send it.
                final Map<String, @Nullable Object> sent = new TreeMap<>(plugin);
                sent.put("name", name);
                sent.put(NetworkConfig.CNI_VERSION, version);
                final NetworkConfig config = NetworkConfig.parse(Json.write(sent), Command.ADD);
                types.add(config.delegateType());
                types.add(config.ipamType());
            } else {
                types.add(Plugin.typeOf(plugin));
            }
        }
        return new Conflist(text, types);
    }

    /** Runtimes are written in Go, whose JSON is in UTF-8 and begins with its brace; the parser here would take more. */
    private static String decode(final byte[] bytes) throws CniException {
        final String allowed = "allowed: JSON in UTF-8 without a byte order mark, as runtimes read it";
        try {
            final String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            if (text.startsWith("\uFEFF")) {
                throw new CniException(
                        CniException.DECODING_FAILURE, "the file begins with a byte order mark", allowed);
            }
            if (text.indexOf('\0') < 0) {
                return text;
            }
        } catch (final CharacterCodingException e) {
            // Told below, as UTF-16 is, which may be well-formed here.
        }
        throw new CniException(CniException.DECODING_FAILURE, "the file is not in UTF-8", allowed);
    }

    /**
     * The version that the runtime sends: the newest that it knows, of the one and, from the specification's 1.1.0 on, of a list
     * beside it. A runtime may know as much as this plugin.
     */
    private static @Nullable Object version(final Map<String, @Nullable Object> conflist) throws CniException {
        final Object version = conflist.get(NetworkConfig.CNI_VERSION);
        final List<@Nullable Object> versions =
                conflist.containsKey(VERSIONS) ? Json.asArray(conflist.get(VERSIONS)) : List.of();
        if (null == versions) {
            throw invalidVersions(conflist);
        }
        SpecVersion newest = version instanceof String text ? SpecVersion.of(text) : null;
        for (final Object each : versions) {
            if (!(each instanceof String text)) {
                throw invalidVersions(conflist);
            }
            final SpecVersion spoken = SpecVersion.of(text);
            if (null != spoken && (null == newest || newest.isBefore(spoken))) {
                newest = spoken;
            }
        }
        if (null != newest) {
            return newest.text();
        }
        return null == version && !versions.isEmpty() ? versions.get(0) : version;
    }

    private static CniException invalidVersions(final Map<String, @Nullable Object> conflist) {
        return invalid(VERSIONS, conflist.get(VERSIONS), "an array of versions");
    }

    private static CniException invalid(final String key, final @Nullable Object value, final String allowed) {
        return new CniException(
                CniException.INVALID_CONFIGURATION, key + " is " + Json.show(value), "allowed: " + allowed);
    }
}
