/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.Follower;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.overlay.registry.UnavailableException;
import java.io.InputStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The leases in the Node objects, as they are followed. Keeps the own node's annotations as well. */
final class KubeLeases implements Follower.Source {
    private static final System.Logger LOG = System.getLogger(KubeLeases.class.getName());
    private static final String NODES = "/api/v1/nodes";
    /** Node objects of some 20 KB each: so many make one answer small against the heap. */
    private static final int PAGE_LENGTH = 100;

    /** The server ends the watch before the follower would cut it. */
    private static final int WATCH_TIMEOUT_S = Follower.RELIST_S - 5;

    private final KubeClient client;
    private final KubeNodes nodes;
    private final String nodeName;
    private final Lease own;
    private final LeaseListener listener;
    private final RegistryStatus status;
    /** Which subnets each node had: a node whose pod CIDR changes gives the former back. */
    private final Map<String, LeaseKey> keys = new HashMap<>();

    KubeLeases(
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

    @Override
    public String list() throws UnavailableException, InterruptedException {
        final List<Lease> leases = new ArrayList<>();
        keys.clear();
        JsonValue ownNode = null;
        String from = "";
        while (true) {
            final JsonValue page = client.get(NODES + "?limit=" + PAGE_LENGTH + from);
            for (final JsonValue node : page.required("items").elements()) {
                final Lease lease = nodes.lease(node);
                if (null != lease) {
                    leases.add(lease);
                    keys.put(KubeNodes.name(node), lease.key());
                }
                if (nodeName.equals(KubeNodes.name(node))) {
                    ownNode = node;
                }
            }
            final JsonValue metadata = page.required("metadata");
            final JsonValue more = metadata.member("continue");
            if (null == more || more.string().isEmpty()) {
                listener.onSnapshot(leases);
                if (null != ownNode) {
                    keepOwn(ownNode); // last: whatever is wrong with it is no reason not to hear of the others
                }
                return metadata.required("resourceVersion").string();
            }
            from = "&continue=" + URLEncoder.encode(more.string(), StandardCharsets.UTF_8);
        }
    }

    @Override
    public InputStream changes(final String version) throws UnavailableException, InterruptedException {
        return client.open(NODES + "?watch=true&resourceVersion=" + version + "&timeoutSeconds=" + WATCH_TIMEOUT_S);
    }

    @Override
    public boolean take(final byte[] line) throws UnavailableException, InterruptedException {
        final JsonValue event = JsonReader.read(line, "the watch of nodes");
        final JsonValue node = event.required("object");
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

    private void put(final JsonValue node) throws UnavailableException, InterruptedException {
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

    private void keepOwn(final JsonValue node) throws UnavailableException, InterruptedException {
        if (!nodeName.equals(KubeNodes.name(node))) {
            return;
        }
        final LeaseKey key = KubeNodes.ownKey(node);
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
