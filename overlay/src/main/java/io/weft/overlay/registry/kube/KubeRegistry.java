/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static java.lang.System.Logger.Level.DEBUG;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.NoLeaseException;
import io.weft.overlay.registry.NodeRequest;
import io.weft.overlay.registry.PublicAddresses;
import io.weft.overlay.registry.Registry;
import io.weft.overlay.registry.RegistryException;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.overlay.registry.Retry;
import io.weft.overlay.registry.UnavailableException;
import io.weft.overlay.registry.http.HostAddresses;
import io.weft.overlay.registry.kube.access.KubeAccess;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Leases in the Kubernetes API, as flannel keeps them with --kube-subnet-mgr (flannel pkg/subnet/kube). */
public final class KubeRegistry implements Registry {
    private static final System.Logger LOG = System.getLogger(KubeRegistry.class.getName());
    /** What the API takes for a name of a Node or a Pod (apimachinery, util/validation, IsDNS1123Subdomain). */
    private static final Pattern NAME = Pattern.compile("[a-z0-9]([-a-z0-9.]*[a-z0-9])?");

    private final Settings settings;
    private final KubeFollower.Timing timing;
    private final KubeClient client;
    private final RegistryStatus status = new RegistryStatus();
    private final KubeNodes nodes;
    private final NodeReader reader;
    private final Retry retry = new Retry(status);
    private final KubeEvents events;
    private String nodeName = "";
    /** Why this node cannot be in the overlay, as its Node says. */
    private String unreadyCause = "";

    /** What the node is set up with; null before it was asked for. */
    private volatile @Nullable PublicAddresses written;

    private @Nullable ConfigFile configFile;
    private @Nullable KubeOwnNode ownNode;
    private @Nullable KubeFollower follower;

    /**
     * How the registry is used.
     *
     * @param access to the API server.
     * @param annotationPrefix of the node's annotations.
     * @param netConfigPath of the network configuration.
     * @param setsNetworkUnavailable the node's condition is set when it is ready.
     * @param environment NODE_NAME, or POD_NAME and POD_NAMESPACE, tell the node.
     */
    public record Settings(
            KubeAccess access,
            String annotationPrefix,
            Path netConfigPath,
            boolean setsNetworkUnavailable,
            Map<String, String> environment) {}

    /**
     * A registry that connects when it is asked.
     *
     * @param settings how it is used.
     */
    public KubeRegistry(final Settings settings) {
        this(settings, KubeFollower.Timing.USUAL);
    }

    /** @param timing how long things may take. */
    KubeRegistry(final Settings settings, final KubeFollower.Timing timing) {
        this.settings = settings;
        this.timing = timing;
        client = new KubeClient(settings.access);
        events = new KubeEvents(client);
        nodes = new KubeNodes(settings.annotationPrefix, status);
        reader = new NodeReader(nodes.prefix());
    }

    @Override
    public String kind() {
        return "kube";
    }

    @Override
    public boolean ownsMac() {
        return true;
    }

    @Override
    public Set<InetAddress> addresses() {
        return HostAddresses.of(List.of(settings.access.connection().server()));
    }

    @Override
    public RegistryStatus status() {
        return status;
    }

    @Override
    public NetworkConfig config() {
        final ConfigFile read = new ConfigFile(settings.netConfigPath);
        configFile = read;
        final NetworkConfig network = read.config();
        nodes.families(null != network.network(), null != network.ipv6Network());
        return network;
    }

    @Override
    public PublicAddresses publicAddresses() throws InterruptedException {
        return retry.untilRead(() -> {
            final String name = nodeName();
            final KubeNode node = node(name);
            try {
                final PublicAddresses found = nodes.publicAddresses(node);
                written = found;
                return found;
            } catch (final IllegalArgumentException failure) {
                throw new RegistryException("node " + name + ": " + failure.getMessage(), failure);
            }
        });
    }

    @Override
    public Lease acquire(final NodeRequest request) throws InterruptedException {
        return retry.untilWritten(() -> {
            nodeName = nodeName();
            return tryAcquire(request);
        });
    }

    private KubeNode node(final String name) throws UnavailableException, InterruptedException {
        try {
            return reader.node(client.get("/api/v1/nodes/" + name));
        } catch (final KubeClient.RefusedException refused) {
            throw refused.isNotFound()
                    ? new NoLeaseException("the Kubernetes API at "
                            + settings.access.connection().server() + " has no node " + name
                            + ": see whether its kubelet runs and has registered it, and NODE_NAME")
                    : refused;
        }
    }

    private String nodeName() throws UnavailableException, InterruptedException {
        final String name = settings.environment.getOrDefault("NODE_NAME", "");
        if (!name.isEmpty()) {
            requireName("NODE_NAME", name);
            return name;
        }
        final String pod = settings.environment.getOrDefault("POD_NAME", "");
        final String namespace = settings.environment.getOrDefault("POD_NAMESPACE", "");
        if (pod.isEmpty() || namespace.isEmpty()) {
            throw new RegistryException("the node's name is not known: env variables NODE_NAME, or POD_NAME and"
                    + " POD_NAMESPACE, must be set (valueFrom.fieldRef in the manifest)");
        }
        requireName("POD_NAME", pod);
        requireName("POD_NAMESPACE", namespace);
        final String path = "/api/v1/namespaces/" + namespace + "/pods/" + pod;
        return JsonReader.read(client.get(path), path)
                .required("spec")
                .required("nodeName")
                .string();
    }

    private static void requireName(final String variable, final String name) {
        if (!NAME.matcher(name).matches()) {
            final String lowerCase = name.strip().toLowerCase(Locale.ROOT);
            throw new RegistryException("env variable " + variable + '=' + JsonValue.quote(name)
                    + " is no name in Kubernetes, which has small letters, digits, '-' and '.' alone, and begins and ends"
                    + " with a letter or a digit: see kubectl get nodes"
                    + (NAME.matcher(lowerCase).matches() ? "; it may be " + lowerCase : ""));
        }
    }

    private Lease tryAcquire(final NodeRequest request) throws UnavailableException, InterruptedException {
        final KubeNode node = node(nodeName);
        final LeaseKey key = KubeNodes.ownKey(node);
        if (null == key) {
            final String cause = "node " + nodeName + " has no pod CIDR: start kube-controller-manager with"
                    + " --allocate-node-cidrs, or set spec.podCIDR";
            tellUnready(node, cause);
            throw new NoLeaseException(cause);
        }
        final NetworkConfig network =
                Objects.requireNonNull(configFile, "config() comes first").config();
        requireFamily(key, network);
        requireInside(key.subnet(), network.network(), "Network");
        requireInside(key.ipv6Subnet(), network.ipv6Network(), "IPv6Network");
        final LeaseAttributes known = known(node);
        final PublicAddresses overwrites = overwrites(node);
        final LeaseAttributes wanted = with(overwrites, request)
                .attributes(known, null != network.ipv6Network() && null != key.ipv6Subnet(), Set.of());
        final String patch = nodes.patch(node, wanted);
        if (!patch.isEmpty()) {
            client.patch("/api/v1/nodes/" + nodeName + "/status", patch);
        }
        final Lease lease = new Lease(key, wanted);
        ownNode = new KubeOwnNode(
                client,
                nodes,
                events,
                timing.troubleMin(),
                nodeName,
                Objects.requireNonNull(configFile),
                lease,
                wanted.equals(known) ? null : known,
                written,
                overwrites,
                status);
        return lease;
    }

    /** Of the pod CIDRs one at least has to be of an IP version that the network has; another is left alone. */
    private void requireFamily(final LeaseKey key, final NetworkConfig network) {
        final boolean hasIpv4 = null != network.network() && null != key.subnet();
        final boolean hasIpv6 = null != network.ipv6Network() && null != key.ipv6Subnet();
        if (!hasIpv4 && !hasIpv6) {
            final boolean isIpv4 = null != key.subnet();
            throw new RegistryException("node " + nodeName + " has the pod CIDR "
                    + (isIpv4 ? key.subnet() : key.ipv6Subnet()) + " alone, and " + settings.netConfigPath
                    + " no network of that IP version: set "
                    + (isIpv4 ? "Network and EnableIPv4" : "IPv6Network and EnableIPv6") + " there");
        }
    }

    private void requireInside(final @Nullable IpPrefix subnet, final @Nullable IpPrefix network, final String name) {
        if (null != subnet && null != network && !network.contains(subnet)) {
            throw new RegistryException("pod CIDR " + subnet + " of node " + nodeName + " is not in " + name + ' '
                    + network + " of " + settings.netConfigPath);
        }
    }

    private @Nullable LeaseAttributes known(final KubeNode node) {
        final Lease lease = nodes.lease(node);
        return null == lease ? null : lease.attributes();
    }

    private PublicAddresses overwrites(final KubeNode node) {
        try {
            return nodes.overwrites(node);
        } catch (final IllegalArgumentException failure) {
            throw new RegistryException("node " + nodeName + ": " + failure.getMessage(), failure);
        }
    }

    /** What an administrator wrote on the node wins over the interface's addresses. */
    private static NodeRequest with(final PublicAddresses overwrites, final NodeRequest request) {
        return new NodeRequest(
                overwrites.publicIp().isEmpty()
                        ? request.publicIp()
                        : (Inet4Address) IpAddress.parse(overwrites.publicIp()).toInetAddress(),
                overwrites.publicIpv6().isEmpty()
                        ? request.publicIpv6()
                        : (Inet6Address)
                                IpAddress.parse(overwrites.publicIpv6()).toInetAddress(),
                request.ownAddresses(),
                request.backend(),
                request.takenOverMac(),
                request.takenOverMacV6(),
                request.previous(),
                request.former());
    }

    @Override
    public void watch(final LeaseListener listener) {
        final KubeOwnNode node = Objects.requireNonNull(ownNode, "acquire() comes first");
        follower =
                new KubeFollower(client, new KubeLeases(nodes, node, listener, status), reader, status, timing).start();
    }

    /** The API is told by the registry's thread: whoever calls this has packets to forward. */
    @Override
    public void nodeReady() {
        final KubeOwnNode node = ownNode;
        if (null != node) {
            node.nodeReady(settings.setsNetworkUnavailable);
        }
    }

    @Override
    public void nodeTroubles(final String troubles) {
        final KubeOwnNode node = ownNode;
        if (null != node) {
            node.troubles(troubles);
        }
    }

    @Override
    public void nodeFailed(final String cause) throws InterruptedException {
        try {
            tellUnready(reader.node(client.get("/api/v1/nodes/" + nodeName())), cause);
        } catch (final UnavailableException | RegistryException | JsonException untold) {
            LOG.log(DEBUG, "the Kubernetes API is not told: {0}", untold.getMessage());
        }
    }

    /**
     * A network that is there, by another daemon or by this one before it failed, is not said to be gone; nor where nobody has said
     * anything, as with networks that never do: the condition keeps pods from the node, and would outlive weft.
     */
    private void tellUnready(final KubeNode node, final String cause)
            throws UnavailableException, InterruptedException {
        events.warn(node.name(), KubeCondition.UNREADY, cause);
        final KubeNode.Condition present = node.networkUnavailable();
        final boolean isMissing = null != present && "True".equals(present.status());
        if (settings.setsNetworkUnavailable && isMissing && !cause.equals(unreadyCause)) {
            client.patch(
                    "/api/v1/nodes/" + node.name() + "/status",
                    new KubeCondition("True", KubeCondition.UNREADY, cause).patch(present));
            unreadyCause = cause;
        }
    }

    @Override
    public void close() {
        retry.close();
        if (null != follower) {
            follower.close();
        }
    }
}
