/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.NetworkConfigReader;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.registry.UnavailableException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The network configuration as etcd has it. A node reads it when it starts: what is written later is not followed, since all nodes would
 * start anew at once, but told once.
 */
final class EtcdConfig {
    private static final System.Logger LOG = System.getLogger(EtcdConfig.class.getName());
    private static final long INTERVAL_NS = TimeUnit.MINUTES.toNanos(1);
    private static final String GOES_ON = ". weftd goes on as it is, and would not start anew";

    private final EtcdStore store;
    private volatile @Nullable NetworkConfig config;
    private String told = "";
    private long lookedNs = System.nanoTime();

    EtcdConfig(final EtcdStore store) {
        this.store = store;
    }

    /** What is there now, which the node starts with. */
    NetworkConfig read() throws UnavailableException, InterruptedException {
        final byte[] text = store.config();
        if (null == text) {
            throw new UnavailableException(missing());
        }
        final NetworkConfig read = parse(text);
        config = read;
        return read;
    }

    /** What {@link #read} has read; null before. */
    @Nullable
    NetworkConfig config() {
        return config;
    }

    private String missing() {
        return "etcd has no key " + store.configKey() + ": put the network configuration there";
    }

    private NetworkConfig parse(final byte[] text) {
        return NetworkConfigReader.read(JsonReader.read(text, "etcd key " + store.configKey()), false, true);
    }

    /** Tells that somebody has changed it, if it has been a while since the last look. */
    void look(final long nowNs) throws InterruptedException {
        if (nowNs - lookedNs < INTERVAL_NS) {
            return;
        }
        lookedNs = nowNs;
        try {
            final String change = change();
            if (!change.isEmpty() && !change.equals(told)) {
                LOG.log(WARNING, change + LogFields.of("registry", "etcd"));
            }
            told = change;
        } catch (final UnavailableException failure) {
            LOG.log(DEBUG, "look at the network configuration: {0}", failure.getMessage());
        }
    }

    /** What to do about it; empty where it says the same as before. */
    String change() throws UnavailableException, InterruptedException {
        final byte[] text = store.config();
        try {
            if (null == text) {
                return missing() + GOES_ON;
            }
            return parse(text).equals(config)
                    ? ""
                    : "etcd key " + store.configKey()
                            + " says something else than when weftd was started, which goes on as it"
                            + " is: start it anew on all nodes";
        } catch (final JsonException broken) {
            return broken.getMessage() + GOES_ON;
        }
    }
}
