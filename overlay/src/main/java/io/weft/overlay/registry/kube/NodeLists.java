/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.registry.Registry;
import io.weft.overlay.registry.UnavailableException;
import io.weft.overlay.registry.http.BodyStream;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Whole lists of the nodes, out of the server's watch cache: one to begin with where the server does not stream it, and one now and then
 * to compare with. That is read on a thread of its own, so that changes do not wait for it. Used by the registry's thread.
 */
final class NodeLists implements AutoCloseable {
    static final String NODES = "/api/v1/nodes";
    /** Any version, out of the cache. */
    private static final String ANY = "0";
    /** The latest version, out of the store: the cache of the server that is behind may be so for a moment, and another's not. */
    private static final String LATEST = "";

    private static final System.Logger LOG = System.getLogger(NodeLists.class.getName());

    private final KubeClient client;
    private final NodeReader reader;
    private final KubeLeases leases;
    private final Duration interval;
    /**
     * The server has not got as far as what was known, since a store that is restored from a backup begins with lower versions: all nodes
     * have to be listed anew, as they are in the store.
     */
    private boolean isBehind;

    private long dueNs;
    private @Nullable Thread comparison;
    private volatile @Nullable Map<String, KubeNode> compared;
    private volatile boolean isOlder;

    NodeLists(final KubeClient client, final NodeReader reader, final KubeLeases leases, final Duration interval) {
        this.client = client;
        this.reader = reader;
        this.leases = leases;
        this.interval = interval;
    }

    /** Where a list begins that may not be older than what is known; empty for the latest of all. */
    String startVersion() {
        return isBehind ? LATEST : leases.version().isEmpty() ? ANY : leases.version();
    }

    /** Reads all nodes into the leases. */
    void list() throws UnavailableException, InterruptedException {
        final String version = startVersion();
        leases.beginList();
        final UnavailableException[] full = {null};
        try {
            final String reached = read(version, node -> {
                try {
                    leases.listed(node);
                } catch (final UnavailableException tooMany) {
                    full[0] = tooMany;
                }
            });
            if (null != full[0]) {
                throw full[0];
            }
            leases.endList(reached);
        } catch (final KubeClient.RefusedException refused) {
            isBehind |= refused.isTooNew(); // asked for the latest the next time
            throw refused;
        } finally {
            leases.abandonList();
        }
    }

    /** All nodes are known: the next comparison is some time from now, and nodes that have started together do not list together. */
    void listed() {
        isBehind = false;
        dueAgain();
    }

    private void dueAgain() {
        final long ns = interval.toNanos();
        dueNs = System.nanoTime() + ns - ThreadLocalRandom.current().nextLong(1 + ns / 4);
    }

    /**
     * Begins a comparison that is due, and ends one whose list has come.
     *
     * @return false when the server {@link #isBehind is behind}.
     */
    boolean tick() throws InterruptedException {
        final Map<String, KubeNode> listed = compared;
        if (isOlder) {
            isOlder = false;
            isBehind = true;
            return false;
        }
        if (null != listed) {
            compared = null;
            final int differences = leases.compare(listed);
            if (differences > 0) {
                LOG.log(
                        WARNING,
                        "{0} nodes were not as the Kubernetes API lists them{1}",
                        String.valueOf(differences),
                        LogFields.of("registry", "kube", "nodes", differences));
            }
        }
        if (System.nanoTime() - dueNs >= 0 && (null == comparison || !comparison.isAlive())) {
            dueAgain();
            leases.beginComparison();
            final String version = leases.version();
            final Thread thread = new Thread(() -> compare(version), "weft-nodes");
            thread.setDaemon(true);
            comparison = thread;
            thread.start();
        }
        return true;
    }

    /**
     * Asks for one node of the version that is known: a watch that goes on from a version which the server has not is opened like any
     * other, and tells nothing until the server has come so far.
     *
     * @return true when the server {@link #isBehind is behind}.
     */
    boolean askIsBehind() throws UnavailableException, InterruptedException {
        try {
            client.get(NODES + '/' + leases.ownName() + "?resourceVersion=" + leases.version());
        } catch (final KubeClient.RefusedException refused) {
            isBehind |= refused.isTooNew();
        }
        return isBehind;
    }

    /** The server has said that it {@link #isBehind is behind}. */
    void behind() {
        isBehind = true;
    }

    private void compare(final String version) {
        final Map<String, KubeNode> listed = new HashMap<>();
        try {
            read(version, node -> {
                if (!node.annotations().isEmpty() && listed.size() < Registry.LEASES_MAX) {
                    listed.put(node.name(), node);
                }
            });
            compared = listed;
        } catch (final KubeClient.RefusedException refused) {
            isOlder = refused.isTooNew();
            LOG.log(DEBUG, "nodes are not compared: {0}", refused.getMessage());
        } catch (final UnavailableException failure) {
            LOG.log(DEBUG, "nodes are not compared: {0}", failure.getMessage());
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    /** @return the version that the list has. */
    private String read(final String version, final Consumer<KubeNode> nodes)
            throws UnavailableException, InterruptedException {
        final String first = "?resourceVersion=" + version
                + (ANY.equals(version) || LATEST.equals(version) ? "" : "&resourceVersionMatch=NotOlderThan");
        String query = first;
        while (true) {
            final NodeReader.ListEnd end;
            try (BodyStream body = client.list(NODES + query)) {
                end = reader.list(body, node -> {
                    body.partIsRead();
                    nodes.accept(node);
                });
            } catch (final IOException lost) {
                throw client.unreachable(lost);
            }
            if (end.more().isEmpty()) {
                return end.version();
            }
            // The server cuts it into pages though nobody asked for them.
            query = "?continue=" + URLEncoder.encode(end.more(), StandardCharsets.UTF_8);
        }
    }

    @Override
    public void close() {
        final Thread reading = comparison;
        if (null != reading) {
            reading.interrupt();
        }
    }
}
