/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** A list of plugins as it lies in the runtime's directory of configurations. */
final class Conflist {
    private Conflist() {}

    /**
     * Fails for a list that the runtime, or this plugin, would refuse for each pod.
     *
     * @param bytes the file.
     * @throws CniException with the key and value at fault.
     */
    static void check(final byte[] bytes) throws CniException {
        final Map<String, @Nullable Object> conflist = Json.readObject(bytes, "the file");
        final Object name = conflist.get("name");
        final List<@Nullable Object> plugins = Json.asArray(conflist.get("plugins"));
        if (!(name instanceof String)) {
            throw invalid("name", name, "a string");
        }
        if (null == plugins || plugins.isEmpty()) {
            throw invalid("plugins", conflist.get("plugins"), "an array of plugins");
        }
        for (final Object each : plugins) {
            final Map<String, @Nullable Object> plugin = Json.asObject(each);
            if (null == plugin || Plugin.typeOf(plugin).isEmpty()) {
                throw invalid("plugins", each, "objects, each with a \"type\"");
            }
            if (InstallCni.PLUGIN.equals(Plugin.typeOf(plugin))) {
                // As the runtime will send it.
                final Map<String, @Nullable Object> config = new TreeMap<>(plugin);
                config.put("name", name);
                config.put(NetworkConfig.CNI_VERSION, version(conflist));
                NetworkConfig.parse(Json.write(config), Command.ADD);
            }
        }
    }

    /** The specification's 1.1.0 allows a list of versions beside the one, of which the runtime takes the newest it knows. */
    private static @Nullable Object version(final Map<String, @Nullable Object> conflist) {
        final List<@Nullable Object> versions = Json.asArray(conflist.get("cniVersions"));
        return conflist.containsKey(NetworkConfig.CNI_VERSION) || null == versions || versions.isEmpty()
                ? conflist.get(NetworkConfig.CNI_VERSION)
                : versions.get(0);
    }

    private static CniException invalid(final String key, final @Nullable Object value, final String allowed) {
        return new CniException(
                CniException.INVALID_CONFIGURATION, key + " is " + Json.show(value), "allowed: " + allowed);
    }
}
