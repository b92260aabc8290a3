/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.PublicAddresses;
import io.weft.overlay.registry.PutBack;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.overlay.registry.Rival;
import io.weft.overlay.registry.UnavailableException;
import java.time.Duration;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What this node's object says of it, kept as it should be: its annotations, and that its network is there. Used by the registry's
 * thread, but for {@link #nodeReady}.
 */
final class KubeOwnNode {
    private static final System.Logger LOG = System.getLogger(KubeOwnNode.class.getName());
    private static final String NODES = "/api/v1/nodes/";

    private final KubeClient client;
    private final KubeNodes nodes;
    private final KubeEvents events;
    private final Duration troubleMin;
    private final NodeReader reader;
    private final String name;
    private final ConfigFile configFile;
    private final Lease own;
    private final @Nullable LeaseAttributes replaced;
    private final RegistryStatus status;
    /** Of the Node object that was seen last; another is a Node that was made again, of which nothing has been put back yet. */
    private String uid;

    private PutBack putBack = new PutBack();
    private PutBack conditionPutBack = new PutBack();
    private @Nullable PublicAddresses written;
    private final PublicAddresses overwrites;
    private Rival rival = new Rival();
    private boolean isPutBackDue;
    private boolean isYielding;
    private volatile boolean isReady;
    private volatile boolean setsCondition;
    private volatile boolean isConditionDue;
    private volatile String troubles = "";
    /** The last ones, and since when. */
    private String seenTroubles = "";

    private long seenNs;
    private KubeCondition wanted = KubeCondition.UP;
    /** As the node had it last. */
    private KubeNode.@Nullable Condition present;

    /**
     * @param events tell of what is wrong.
     * @param troubleMin what is wrong for a shorter time is not told; the file of the network configuration is looked at as often.
     * @param own the lease as it was acquired.
     * @param replaced what the annotations said before, where that was something else; null where not. Whoever puts this back
     *     again is alive.
     * @param written by an administrator when this node was set up; null where that is not known, and the first that is seen counts.
     * @param overwrites by an administrator when the lease was acquired.
     */
    KubeOwnNode(
            final KubeClient client,
            final KubeNodes nodes,
            final KubeEvents events,
            final Duration troubleMin,
            final String name,
            final ConfigFile configFile,
            final Lease own,
            final @Nullable LeaseAttributes replaced,
            final @Nullable PublicAddresses written,
            final PublicAddresses overwrites,
            final RegistryStatus status) {
        this.client = client;
        this.nodes = nodes;
        this.events = events;
        this.troubleMin = troubleMin;
        reader = new NodeReader(nodes.prefix());
        this.name = name;
        this.configFile = configFile;
        this.own = own;
        uid = "";
        this.replaced = replaced;
        this.written = written;
        this.overwrites = overwrites;
        this.status = status;
    }

    String name() {
        return name;
    }

    /** True for the lease of another node that has this node's address: what is sent there would come back here. */
    boolean isRival(final Lease lease) {
        final LeaseAttributes attributes = lease.attributes();
        return !lease.key().equals(own.key())
                && ((null != attributes.publicIp()
                                && attributes.publicIp().equals(own.attributes().publicIp()))
                        || (null != attributes.publicIpv6()
                                && attributes
                                        .publicIpv6()
                                        .equals(own.attributes().publicIpv6())));
    }

    /**
     * Pods can be wired; from any thread.
     *
     * @param setsUnavailable whether the condition NetworkUnavailable is this node's to keep.
     */
    void nodeReady(final boolean setsUnavailable) {
        setsCondition = setsUnavailable;
        isConditionDue = setsUnavailable;
        isReady = true;
    }

    /** What is wrong with this node, a line each; from any thread. */
    void troubles(final String present) {
        troubles = present;
    }

    /** Does what is due by time. */
    void tick(final LeaseListener listener) throws InterruptedException {
        final long nowNs = System.nanoTime();
        if (isPutBackDue && putBack.isDue(nowNs) && !(isYielding && rival.isAlive(nowNs))) {
            try {
                keep(reader.node(client.get(NODES + name)), true, listener);
            } catch (final UnavailableException failure) {
                tellUnwritten(failure);
            }
        }
        lookAtTroubles(nowNs);
        configFile.look(troubleMin, name, events);
        if (isConditionDue && conditionPutBack.isAllowed(nowNs)) {
            setCondition();
        }
    }

    /** Troubles that last are told, and their end at once. */
    private void lookAtTroubles(final long nowNs) throws InterruptedException {
        final String now = troubles;
        if (!now.equals(seenTroubles)) {
            seenTroubles = now;
            seenNs = nowNs;
        }
        if (!isReady || (!now.isEmpty() && nowNs - seenNs < troubleMin.toNanos())) {
            return;
        }
        final String message = now.strip().replace("\n", "; ");
        final KubeCondition condition =
                now.isEmpty() ? KubeCondition.UP : new KubeCondition("False", KubeCondition.DEGRADED, message);
        if (condition.equals(wanted)) {
            return;
        }
        wanted = condition;
        isConditionDue = setsCondition;
        if (!now.isEmpty()) {
            events.warn(name, KubeCondition.DEGRADED, message);
        }
    }

    private void setCondition() throws InterruptedException {
        try {
            client.patch(NODES + name + "/status", wanted.patch(present));
            isConditionDue = false;
            LOG.log(
                    INFO,
                    "condition NetworkUnavailable of node {0} is False, {1}{2}",
                    name,
                    wanted.message(),
                    LogFields.of("node", name));
        } catch (final UnavailableException failure) {
            LOG.log(WARNING, "set the condition NetworkUnavailable, tried again: {0}", failure.getMessage());
        }
    }

    /** There is no such Node any more. Packets go on, as in flannel, for those nodes that have not heard of it. */
    void gone() {
        isPutBackDue = false;
        tellTrouble("the Kubernetes API has no node " + name
                + " any more: other nodes send nothing to its pods, and its subnet " + own.key()
                + " may become another's. If it was not deleted for good, restart its kubelet, which registers it");
    }

    /** Compares the node's object with what it should say. */
    void keep(final KubeNode node, final LeaseListener listener) throws InterruptedException {
        keep(node, false, listener);
    }

    /** @param isPresent what a list or a watch tells may be older than what this node has written since. */
    private void keep(final KubeNode node, final boolean isPresent, final LeaseListener listener)
            throws InterruptedException {
        keepCondition(node);
        final LeaseKey key;
        try {
            key = KubeNodes.ownKey(node);
        } catch (final UnavailableException failure) {
            tellUnwritten(failure);
            return;
        }
        if (null != key && !key.equals(own.key())) {
            listener.onRestartNeeded("the pod CIDR of this node is " + key + " now, was " + own.key());
            return;
        }
        // One that was made again has nothing written on it, and no lease to be had before it has a pod CIDR.
        if (null != key && isWrittenAnew(node)) {
            if (isPresent) {
                listener.onRestartNeeded("an administrator has changed the public address of this node's object");
            } else {
                isPutBackDue = true; // it is read anew before
            }
            return;
        }
        final String patch = nodes.patch(node, own.attributes());
        final Lease found = nodes.lease(node);
        if (patch.isEmpty()) {
            isPutBackDue = false;
            isYielding = false;
            if (null == key) {
                tellTrouble("node " + name + " has no pod CIDR any more, was " + own.key()
                        + ", which another node may get: see whether kube-controller-manager allocates one"
                        + " (--allocate-node-cidrs), or set spec.podCIDR");
            } else {
                status.ownTrouble(null);
            }
        } else if (null != found && found.attributes().equals(replaced)) {
            isPutBackDue = !isPresent || !isRivalMet(patch, found);
        } else {
            isYielding = false;
            isPutBackDue = !putBack.isAllowed(System.nanoTime()) || !isPutBack(patch);
        }
    }

    /** Puts back what this node had replaced, or yields; false when there is more to do later. */
    private boolean isRivalMet(final String patch, final Lease found) throws InterruptedException {
        final long nowNs = System.nanoTime();
        isYielding = rival.isAlive(nowNs);
        if (isYielding) {
            yieldTo(found);
            return false;
        }
        if (!putBack.isAllowed(nowNs) || !isPutBack(patch)) {
            return false;
        }
        rival.overcome(nowNs);
        return true;
    }

    /** The condition is this node's to keep, from when it is ready: also of a Node that was made again, or has got it from others. */
    private void keepCondition(final KubeNode node) {
        if (!uid.equals(node.uid())) {
            uid = node.uid();
            putBack = new PutBack();
            rival = new Rival();
            conditionPutBack = new PutBack();
        }
        present = node.networkUnavailable();
        if (setsCondition && (null == present || !"False".equals(present.status()))) {
            isConditionDue = true;
        }
    }

    /** Whether the public addresses that are written are others than those when this node was set up. */
    private boolean isWrittenAnew(final KubeNode node) {
        if (null == written) {
            written = read(() -> nodes.publicAddresses(node), null);
        }
        return !Objects.equals(read(() -> nodes.publicAddresses(node), written), written)
                || !Objects.equals(read(() -> nodes.overwrites(node), overwrites), overwrites);
    }

    /** What is written; what was before if that is no address, since the node goes on as it is until it is one. */
    private static @Nullable PublicAddresses read(
            final Supplier<PublicAddresses> now, final @Nullable PublicAddresses before) {
        try {
            return now.get();
        } catch (final IllegalArgumentException wrong) {
            return before;
        }
    }

    private boolean isPutBack(final String patch) throws InterruptedException {
        final String cause =
                "annotations of node " + name + " were changed by somebody else, and are put back: if by another"
                        + " machine, give one of the two another NODE_NAME";
        LOG.log(WARNING, cause);
        events.warn(name, "AnnotationsChanged", cause);
        try {
            client.patch(NODES + name + "/status", patch);
            status.ownTrouble(null);
            return true;
        } catch (final UnavailableException failure) {
            tellUnwritten(failure);
            return false;
        }
    }

    private void tellUnwritten(final Exception failure) {
        tellTrouble("node " + name + " does not say what it should: " + failure.getMessage());
    }

    private void tellTrouble(final String cause) {
        if (status.ownTrouble(cause)) {
            LOG.log(WARNING, cause);
        }
    }

    /** Two that write against each other would help neither: the one that was there first has the node's name. */
    private void yieldTo(final Lease found) throws InterruptedException {
        final String cause = "node " + name + " is another machine's, which is alive and has put back " + found
                + ": give one of the two another NODE_NAME. Until then this machine is not in the overlay";
        if (status.ownTrouble(cause)) {
            LOG.log(ERROR, cause);
            events.warn(name, "NodeNameTaken", cause);
        }
    }
}
