/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static java.lang.System.Logger.Level.INFO;

import io.weft.overlay.lease.Lease;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.Refusals;
import io.weft.overlay.registry.Registry;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.overlay.registry.UnavailableException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The leases in the Node objects, as they are at a version of the API. Keeps the own node's object as well. The registry's thread alone. */
final class KubeLeases {
    private static final System.Logger LOG = System.getLogger(KubeLeases.class.getName());

    private final KubeNodes nodes;
    private final KubeOwnNode own;
    private final LeaseListener listener;
    private final RegistryStatus status;
    private final Refusals refusals;
    private final KubeClaims claims;
    /** The version of the last change that was read; empty before the first list. */
    private String version = "";
    /** What has come of a list; null while none is read. */
    private @Nullable Listing listing;
    /** Names that have changed since a comparison began; null while there is none. */
    private @Nullable Set<String> touched;

    KubeLeases(
            final KubeNodes nodes, final KubeOwnNode own, final LeaseListener listener, final RegistryStatus status) {
        this.nodes = nodes;
        this.own = own;
        this.listener = listener;
        this.status = status;
        refusals = new Refusals("node", status);
        claims = new KubeClaims(own.name(), listener, new Refusals("node", status));
    }

    /** Nodes as a list has them, with the few that are of use. */
    private static final class Listing {
        private final Map<String, Lease> leases = new LinkedHashMap<>();
        private @Nullable KubeNode own;
    }

    /** The version that changes are asked for from. */
    String version() {
        return version;
    }

    private void reached(final String reached) {
        if (!reached.isEmpty()) {
            version = reached;
            status.revision(reached);
        }
    }

    /** The name of this node's object. */
    String ownName() {
        return own.name();
    }

    /** All nodes come now, each by {@link #listed}. */
    void beginList() {
        nodes.beginList();
        refusals.beginList();
        listing = new Listing();
        touched = null; // a list that is whole is more than a comparison
    }

    /** One node of a list. */
    void listed(final KubeNode node) throws UnavailableException {
        final Listing current = listing;
        if (null == current || !isNamed(node)) {
            return;
        }
        final Lease lease = lease(node);
        if (null == lease) {
            current.leases.remove(node.name());
        } else {
            current.leases.put(node.name(), lease);
        }
        if (own.name().equals(node.name())) {
            current.own = node;
        }
        if (current.leases.size() > Registry.LEASES_MAX) {
            throw new UnavailableException("the Kubernetes API has more than " + Registry.LEASES_MAX
                    + " nodes, for which this node has no memory");
        }
    }

    /** True between {@link #beginList} and {@link #endList}. */
    boolean isListing() {
        return null != listing;
    }

    /** The list will not come to its end. */
    void abandonList() {
        listing = null;
    }

    /** All nodes have come: what was not among them is gone. */
    void endList(final String reached) throws InterruptedException {
        final Listing complete = listing;
        listing = null;
        if (null == complete) {
            return;
        }
        reached(reached);
        claims.replace(complete.leases);
        status.contact();
        if (null == complete.own) {
            own.gone();
        } else {
            own.keep(complete.own, listener); // last: whatever is wrong with it is no reason not to hear of the others
        }
    }

    /** Whether a node has a name; said once for those without. */
    private boolean isNamed(final KubeNode node) {
        if (node.name().isEmpty()) {
            refusals.refuse("without a name", "it has no metadata.name");
        }
        return !node.name().isEmpty();
    }

    /** The lease of a node; null where it has none that is of use. */
    private @Nullable Lease lease(final KubeNode node) {
        final Lease lease = nodes.lease(node);
        if (null != lease && !own.name().equals(node.name()) && own.isRival(lease)) {
            refusals.refuse(
                    node.name(),
                    "it has the public address of this node: delete it (kubectl delete node), if it is an old one of this machine;"
                            + " if another machine has the address too, give one of the two another");
            return null;
        }
        refusals.forget(node.name());
        return lease;
    }

    /**
     * Takes over one line of a watch.
     *
     * @return false when the server has lost the version that the watch goes on from: all nodes are to be listed anew.
     * @throws UnavailableException for an error that may pass.
     */
    boolean take(final KubeEvent event) throws UnavailableException, InterruptedException {
        final KubeNode node = event.node();
        switch (event.type()) {
            case "ADDED", "MODIFIED" -> {
                if (isListing()) {
                    listed(node);
                } else {
                    put(node);
                }
            }
            case "DELETED" -> remove(node);
            case "BOOKMARK" -> {
                if (event.isEndOfList()) {
                    endList(node.version());
                }
            }
            default -> {
                LOG.log(
                        INFO,
                        "the Kubernetes API ended the watch: {0} {1}{2}",
                        event.code(),
                        event.message(),
                        LogFields.of("registry", "kube", "code", event.code()));
                return false;
            }
        }
        if (!isListing()) {
            if (node.version().isEmpty()) {
                throw new UnavailableException(
                        "the Kubernetes API answered the watch of nodes with an object that has no resourceVersion");
            }
            reached(node.version());
        }
        return true;
    }

    private void put(final KubeNode node) throws InterruptedException {
        if (!isNamed(node)) {
            return;
        }
        touch(node.name());
        if (own.name().equals(node.name())) {
            own.keep(node, listener);
        }
        status.event();
        take(node.name(), lease(node));
    }

    private void take(final String name, final @Nullable Lease lease) {
        if (null == lease) {
            claims.remove(name);
        } else if (claims.size() >= Registry.LEASES_MAX && !claims.knows(name)) {
            refusals.refuse(name, "there are " + Registry.LEASES_MAX + " others, for more there is no memory");
        } else {
            claims.put(name, lease);
        }
    }

    private void remove(final KubeNode node) {
        final Listing current = listing;
        nodes.forget(node.name());
        refusals.forget(node.name());
        final boolean isOwn = own.name().equals(node.name());
        if (null != current) {
            current.leases.remove(node.name());
            current.own = isOwn ? null : current.own;
            return;
        }
        touch(node.name());
        status.event();
        claims.remove(node.name());
        if (isOwn) {
            own.gone();
        }
    }

    private void touch(final String name) {
        if (null != touched) {
            touched.add(name);
        }
    }

    /** From now on it is noted what changes, for {@link #compare}. */
    void beginComparison() {
        touched = new HashSet<>();
    }

    /**
     * Compares what is known with a list that was asked for after {@link #beginComparison}: what has changed since is known better.
     *
     * @return how many nodes were not as they should be.
     */
    int compare(final Map<String, KubeNode> listed) throws InterruptedException {
        final Set<String> changed = touched;
        touched = null;
        if (null == changed) {
            return 0;
        }
        int differences = 0;
        final Map<String, Lease> known = new HashMap<>(claims.leases());
        for (final KubeNode node : listed.values()) {
            final Lease before = known.remove(node.name());
            if (changed.contains(node.name())) {
                continue;
            }
            final Lease lease = lease(node);
            if (null == lease ? null != before : !lease.equals(before)) {
                differences++;
                take(node.name(), lease);
            }
            if (own.name().equals(node.name())) {
                own.keep(node, listener);
            }
        }
        known.keySet().removeAll(changed);
        known.keySet().forEach(claims::remove);
        return differences + known.size();
    }

    /** Does what is due by time. */
    void tick() throws InterruptedException {
        own.tick(listener);
    }
}
