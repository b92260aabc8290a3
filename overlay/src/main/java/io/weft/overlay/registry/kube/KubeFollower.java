/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.RegistryStatus;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Follows the Node objects on a thread of its own: a list, then a watch that the server ends after a while, then a list again,
 * so that whatever a watch lost is healed. Keeps the own node's annotations as well.
 */
final class KubeFollower implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(KubeFollower.class.getName());
    private static final String NODES = "/api/v1/nodes";
    /** Node objects of some 20 KB each: so many make one answer small against the heap. */
    private static final int PAGE_LENGTH = 100;

    private static final int WATCH_TIMEOUT_S = 60;
    private static final long BACKOFF_MIN_MS = 100;
    private static final long BACKOFF_MAX_MS = 5_000;

    private final KubeClient client;
    private final KubeNodes nodes;
    private final String nodeName;
    private final Lease own;
    private final LeaseListener listener;
    private final RegistryStatus status;
    private final CountDownLatch closed = new CountDownLatch(1);
    /** Which subnets each node had: a node whose pod CIDR changes gives the former back. */
    private final Map<String, LeaseKey> keys = new HashMap<>();

    private volatile @Nullable InputStream stream;

    KubeFollower(
            final KubeClient client,
            final KubeNodes nodes,
            final String nodeName,
            final Lease own,
            final LeaseListener listener,
            final RegistryStatus status) {
        this.client = client;
        this.nodes = nodes;
        this.nodeName = nodeName;
        this.own = own;
        this.listener = listener;
        this.status = status;
    }

    void start() {
        final Thread thread = new Thread(this::run, "weft-registry");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() {
        closed.countDown();
        final InputStream open = stream;
        if (null != open) {
            try {
                open.close();
            } catch (final IOException failure) {
                LOG.log(WARNING, "close the watch of nodes: {0}", failure.getMessage());
            }
        }
    }

    private void run() {
        long backoffMs = BACKOFF_MIN_MS;
        try {
            while (0 != closed.getCount()) {
                try {
                    final String version = list();
                    if (backoffMs > BACKOFF_MIN_MS) {
                        LOG.log(INFO, "the Kubernetes API is followed again");
                    }
                    backoffMs = BACKOFF_MIN_MS;
                    follow(version);
                } catch (final KubeException | JsonException failure) {
                    if (status.failure(String.valueOf(failure.getMessage()))) {
                        LOG.log(WARNING, "{0}. Forwarding goes on with the leases as they are", failure.getMessage());
                    }
                    closed.await(backoffMs, TimeUnit.MILLISECONDS);
                    backoffMs = Math.min(2 * backoffMs, BACKOFF_MAX_MS);
                }
            }
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    private String list() throws KubeException, InterruptedException {
        final List<Lease> leases = new ArrayList<>();
        keys.clear();
        String from = "";
        while (true) {
            final JsonValue page = client.get(NODES + "?limit=" + PAGE_LENGTH + from);
            for (final JsonValue node : page.required("items").elements()) {
                final Lease lease = nodes.lease(node);
                if (null != lease) {
                    leases.add(lease);
                    keys.put(KubeNodes.name(node), lease.key());
                }
                keepOwn(node);
            }
            final JsonValue metadata = page.required("metadata");
            final JsonValue more = metadata.member("continue");
            if (null == more || more.string().isEmpty()) {
                listener.onSnapshot(leases);
                status.contact();
                return metadata.required("resourceVersion").string();
            }
            from = "&continue=" + java.net.URLEncoder.encode(more.string(), StandardCharsets.UTF_8);
        }
    }

    private void follow(final String version) throws KubeException, InterruptedException {
        final String path = NODES + "?watch=true&resourceVersion=" + version + "&timeoutSeconds=" + WATCH_TIMEOUT_S;
        try (InputStream opened = client.open(path);
                BufferedReader lines = new BufferedReader(new InputStreamReader(opened, StandardCharsets.UTF_8))) {
            stream = opened;
            String line = 0 == closed.getCount() ? null : lines.readLine();
            while (null != line && take(line)) {
                line = lines.readLine();
            }
        } catch (final IOException ended) {
            LOG.log(DEBUG, "the watch of nodes ended: {0}", ended.getMessage());
        } finally {
            stream = null;
        }
    }

    /** Takes over one event; false when the watch is of no more use. */
    private boolean take(final String line) throws KubeException, InterruptedException {
        final JsonValue event = JsonReader.read(line.getBytes(StandardCharsets.UTF_8), "the watch of nodes");
        final JsonValue node = event.required("object");
        status.contact();
        switch (event.required("type").string()) {
            case "ADDED", "MODIFIED" -> put(node);
            case "DELETED" -> remove(KubeNodes.name(node));
            case "BOOKMARK" -> LOG.log(DEBUG, "bookmark");
            default -> {
                LOG.log(INFO, "the Kubernetes API ended the watch; all nodes are compared anew");
                return false;
            }
        }
        return true;
    }

    private void put(final JsonValue node) throws KubeException, InterruptedException {
        final String name = KubeNodes.name(node);
        final Lease lease = nodes.lease(node);
        keepOwn(node);
        if (null == lease || !lease.key().equals(keys.get(name))) {
            remove(name);
        }
        if (null != lease) {
            keys.put(name, lease.key());
            status.event();
            listener.onPut(lease);
        }
    }

    private void remove(final String name) {
        final LeaseKey key = keys.remove(name);
        if (null != key) {
            status.event();
            listener.onRemove(key);
        }
    }

    private void keepOwn(final JsonValue node) throws KubeException, InterruptedException {
        if (!nodeName.equals(KubeNodes.name(node))) {
            return;
        }
        final LeaseKey key = KubeNodes.key(node);
        if (null != key && !key.equals(own.key())) {
            listener.onRestartNeeded("the pod CIDR of this node is " + key + " now, was " + own.key());
            return;
        }
        final String patch = nodes.patch(node, own.attributes());
        if (!patch.isEmpty()) {
            LOG.log(WARNING, "annotations of this node were changed by somebody else, and are put back");
            client.patch(NODES + '/' + nodeName + "/status", patch);
        }
    }
}
