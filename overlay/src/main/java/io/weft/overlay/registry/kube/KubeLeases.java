/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static java.lang.System.Logger.Level.INFO;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.registry.Follower;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.Refusals;
import io.weft.overlay.registry.Registry;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.overlay.registry.UnavailableException;
import io.weft.overlay.registry.http.ChangeStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** The leases in the Node objects, as they are followed. Keeps the own node's object as well. */
final class KubeLeases implements Follower.Source {
    private static final System.Logger LOG = System.getLogger(KubeLeases.class.getName());
    private static final String NODES = "/api/v1/nodes";
    /** Node objects of some 20 KB each: so many make one answer small against the heap. */
    private static final int PAGE_LENGTH = 100;
    /** The server ends a watch after 5 to 10 minutes, as those of client-go (tools/cache/reflector.go, minWatchTimeout). */
    private static final int WATCH_TIMEOUT_MIN_S = 300;
    /** The server sends a bookmark about once a minute (apiserver storage/cacher, bookmarkFrequency). */
    static final Duration SILENCE_MAX = Duration.ofSeconds(90);

    private final KubeClient client;
    private final KubeNodes nodes;
    private final KubeOwnNode own;
    private final LeaseListener listener;
    private final RegistryStatus status;
    private final Refusals refusals;
    private final KubeClaims claims;
    private final Duration silenceMax;
    /** The version of the last change that was read. */
    private String version = "";

    KubeLeases(
            final KubeClient client,
            final KubeNodes nodes,
            final KubeOwnNode own,
            final LeaseListener listener,
            final RegistryStatus status,
            final Duration silenceMax) {
        this.silenceMax = silenceMax;
        this.client = client;
        this.nodes = nodes;
        this.own = own;
        this.listener = listener;
        this.status = status;
        refusals = new Refusals("node", status);
        claims = new KubeClaims(own.name(), listener, new Refusals("node", status));
    }

    @Override
    public void list() throws UnavailableException, InterruptedException {
        nodes.beginList();
        refusals.beginList();
        final Map<String, Lease> leases = new LinkedHashMap<>();
        JsonValue ownNode = null;
        String from = "";
        int pageLength = PAGE_LENGTH;
        while (true) {
            final JsonValue page;
            try {
                page = client.get(NODES + "?limit=" + pageLength + from);
            } catch (final KubeClient.TooLongException failure) {
                if (1 == pageLength) {
                    throw failure;
                }
                pageLength = Math.max(1, pageLength / 4);
                continue;
            }
            for (final JsonValue node : page.required("items").elements()) {
                final String name = name(node);
                final Lease lease = null == name ? null : lease(name, node);
                if (null != lease) {
                    leases.put(name, lease);
                }
                if (own.name().equals(name)) {
                    ownNode = node;
                }
            }
            if (leases.size() > Registry.LEASES_MAX) {
                throw new UnavailableException("the Kubernetes API has more than " + Registry.LEASES_MAX
                        + " nodes, for which this node has no memory");
            }
            final JsonValue metadata = page.required("metadata");
            final JsonValue more = metadata.member("continue");
            if (null == more || more.string().isEmpty()) {
                reached(metadata);
                break;
            }
            from = "&continue=" + URLEncoder.encode(more.string(), StandardCharsets.UTF_8);
        }
        claims.replace(leases);
        if (null != ownNode) {
            own.keep(ownNode, listener); // last: whatever is wrong with it is no reason not to hear of the others
        }
    }

    private void reached(final JsonValue metadata) {
        version = metadata.required("resourceVersion").string();
        status.revision(version);
    }

    /** The name of a node; null, and said once, for an object that has none. */
    private @Nullable String name(final JsonValue node) {
        try {
            return KubeNodes.name(node);
        } catch (final JsonException failure) {
            refusals.refuse("without a name", String.valueOf(failure.getMessage()));
            return null;
        }
    }

    /** The lease of a node; null where it has none that is of use. */
    private @Nullable Lease lease(final String name, final JsonValue node) {
        final Lease lease = nodes.lease(node);
        if (null != lease && !own.name().equals(name) && own.isRival(lease)) {
            refusals.refuse(name, "it has the public address of this node: give one of the two another");
            return null;
        }
        refusals.forget(name);
        return lease;
    }

    @Override
    public ChangeStream changes() throws UnavailableException, InterruptedException {
        final int timeoutS = WATCH_TIMEOUT_MIN_S + ThreadLocalRandom.current().nextInt(WATCH_TIMEOUT_MIN_S);
        return client.open(NODES + "?watch=true&allowWatchBookmarks=true&resourceVersion=" + version
                + "&timeoutSeconds=" + timeoutS);
    }

    @Override
    public long silenceMaxNs() {
        return silenceMax.toNanos();
    }

    /** A version that the server has forgotten it answers with an error. */
    @Override
    public boolean resumes() {
        return true;
    }

    @Override
    public void tick() throws InterruptedException {
        own.tick(listener);
    }

    @Override
    public boolean take(final byte[] line) throws UnavailableException, InterruptedException {
        final JsonValue event = JsonReader.read(line, "the watch of nodes");
        final JsonValue node = event.required("object");
        switch (event.required("type").string()) {
            case "ADDED", "MODIFIED" -> put(node);
            case "DELETED" -> remove(node);
            case "BOOKMARK" -> {} // its version is all that it has
            default -> {
                LOG.log(INFO, "the Kubernetes API ended the watch; all nodes are compared anew");
                return false;
            }
        }
        reached(node.required("metadata"));
        return true;
    }

    private void put(final JsonValue node) throws InterruptedException {
        final String name = name(node);
        if (null == name) {
            return;
        }
        if (own.name().equals(name)) {
            own.keep(node, listener);
        }
        final Lease lease = lease(name, node);
        status.event();
        if (null == lease) {
            claims.remove(name);
        } else if (claims.size() >= Registry.LEASES_MAX && !claims.knows(name)) {
            refusals.refuse(name, "there are " + Registry.LEASES_MAX + " others, for more there is no memory");
        } else {
            claims.put(name, lease);
        }
    }

    private void remove(final JsonValue node) {
        final String name = name(node);
        if (null != name) {
            nodes.forget(name);
            refusals.forget(name);
            status.event();
            claims.remove(name);
        }
    }
}
