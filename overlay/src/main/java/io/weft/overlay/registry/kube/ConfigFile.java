/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.NetworkConfigReader;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.registry.BoundedFile;
import io.weft.overlay.registry.RegistryException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The network configuration as the ConfigMap's volume has it. A node reads it when it starts: what is written later is not followed, since
 * all nodes would start anew at once, but told once.
 */
final class ConfigFile {
    private static final System.Logger LOG = System.getLogger(ConfigFile.class.getName());
    private static final String REASON = "NetworkConfigChanged";

    private final Path path;
    private final NetworkConfig config;
    private String told = "";
    private long lookedNs = System.nanoTime();

    /** @throws RegistryException when it is of no use. */
    ConfigFile(final Path path) {
        this.path = path;
        config = read();
    }

    /** What the node was started with. */
    NetworkConfig config() {
        return config;
    }

    private NetworkConfig read() {
        try {
            return NetworkConfigReader.read(
                    JsonReader.read(BoundedFile.read(path, BoundedFile.SETTING_LENGTH_MAX), path.toString()),
                    false,
                    false);
        } catch (final IOException failure) {
            throw new RegistryException(
                    "read network configuration " + path + ": " + failure.getMessage()
                            + ". Mount the ConfigMap there, or name the file by --net-config-path",
                    failure);
        } catch (final JsonException failure) {
            throw new RegistryException(String.valueOf(failure.getMessage()), failure);
        }
    }

    /** Tells of a node that the file has changed, if it has been so long since the last look. */
    void look(final Duration interval, final String node, final KubeEvents events) throws InterruptedException {
        final long nowNs = System.nanoTime();
        if (nowNs - lookedNs < interval.toNanos()) {
            return;
        }
        lookedNs = nowNs;
        final String change = change();
        if (!change.isEmpty() && !change.equals(told)) {
            LOG.log(WARNING, change + LogFields.of("registry", "kube"));
            events.warn(node, REASON, change);
        }
        told = change;
    }

    /** What to do about the file; empty where it says the same as before. */
    private String change() {
        try {
            return read().equals(config)
                    ? ""
                    : path + " says something else than when weftd was started, which goes on as it is: start it anew"
                            + " (kubectl rollout restart)";
        } catch (final RegistryException broken) {
            return broken.getMessage() + ". weftd goes on as it is, and would not start anew";
        }
    }
}
