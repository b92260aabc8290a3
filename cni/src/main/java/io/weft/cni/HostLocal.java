/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What the address plugin host-local has given out: dataDir/NETWORK/ADDRESS, with the container and the device as lines
 * (containernetworking/plugins, plugins/ipam/host-local/backend/disk/backend.go).
 */
final class HostLocal {
    static final String TYPE = "host-local";

    private static final String DATA_DIR_DEFAULT = "/var/lib/cni/networks";

    private HostLocal() {}

    /**
     * The devices of a container that have an address in a network.
     *
     * @param configuration the delegate's, whole.
     * @param containerId of the container.
     * @return none where the addresses are another plugin's.
     * @throws CniException code 5 if the addresses cannot be read.
     */
    static Set<String> devices(final Map<String, @Nullable Object> configuration, final String containerId)
            throws CniException {
        final Set<String> devices = new TreeSet<>();
        if (!isUsedBy(configuration)) {
            return devices;
        }
        final Path directory = directory(configuration);
        if (!Files.isDirectory(directory)) {
            return devices;
        }
        try (DirectoryStream<Path> addresses = Files.newDirectoryStream(directory, "[0-9a-f]*[.:]*")) {
            for (final Path address : addresses) {
                final String[] lines = content(address).split("\r?\n", -1);
                if (lines.length > 1 && containerId.equals(lines[0].strip())) {
                    devices.add(lines[1].strip());
                }
            }
        } catch (final IOException e) {
            throw CniException.ofFile("cannot read the addresses in", directory, e);
        }
        devices.removeIf(device -> !Invocation.isInterfaceName(device));
        return devices;
    }

    /** Whether a delegate has its addresses from host-local. */
    static boolean isUsedBy(final Map<String, @Nullable Object> configuration) {
        final Map<String, @Nullable Object> ipam = Json.asObject(configuration.get(NetworkConfig.IPAM));
        return null != ipam && TYPE.equals(Plugin.typeOf(ipam));
    }

    /** Where the addresses of a delegate's network are that have been given out. */
    static Path directory(final Map<String, @Nullable Object> configuration) {
        final Map<String, @Nullable Object> ipam = Json.asObject(configuration.get(NetworkConfig.IPAM));
        return Path.of(
                null != ipam && ipam.get("dataDir") instanceof String dataDir && !dataDir.isEmpty()
                        ? dataDir
                        : DATA_DIR_DEFAULT,
                String.valueOf(configuration.get("name")));
    }

    private static String content(final Path address) throws IOException {
        try {
            return new String(Files.readAllBytes(address), StandardCharsets.ISO_8859_1);
        } catch (final NoSuchFileException e) {
            return ""; // Returned meanwhile.
        }
    }
}
