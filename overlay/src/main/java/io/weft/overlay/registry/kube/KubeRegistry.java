/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.NetworkConfigReader;
import io.weft.overlay.registry.Follower;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.NodeRequest;
import io.weft.overlay.registry.Registry;
import io.weft.overlay.registry.RegistryException;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.overlay.registry.Retry;
import io.weft.overlay.registry.UnavailableException;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Leases in the Kubernetes API, as flannel keeps them with --kube-subnet-mgr (flannel pkg/subnet/kube). */
public final class KubeRegistry implements Registry {
    private static final System.Logger LOG = System.getLogger(KubeRegistry.class.getName());

    private final Settings settings;
    private final KubeClient client;
    private final RegistryStatus status = new RegistryStatus();
    private final KubeNodes nodes;
    private final Retry retry = new Retry(status);
    private String nodeName = "";
    private @Nullable NetworkConfig config;
    private @Nullable Lease own;
    private @Nullable Follower follower;

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
        this.settings = settings;
        client = new KubeClient(settings.access);
        nodes = new KubeNodes(settings.annotationPrefix, status);
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
    public RegistryStatus status() {
        return status;
    }

    @Override
    public NetworkConfig config() {
        final Path file = settings.netConfigPath;
        try {
            final NetworkConfig read =
                    NetworkConfigReader.read(JsonReader.read(Files.readAllBytes(file), file.toString()), false, false);
            config = read;
            return read;
        } catch (final IOException failure) {
            throw new RegistryException(
                    "read network configuration " + file + ": " + failure
                            + ". Mount the ConfigMap there, or name the file" + " by --net-config-path",
                    failure);
        } catch (final JsonException failure) {
            throw new RegistryException(String.valueOf(failure.getMessage()), failure);
        }
    }

    @Override
    public Lease acquire(final NodeRequest request) throws InterruptedException {
        final Lease lease = retry.untilAnswered(() -> {
            nodeName = nodeName();
            return tryAcquire(request);
        });
        own = lease;
        return lease;
    }

    private String nodeName() throws UnavailableException, InterruptedException {
        final String name = settings.environment.get("NODE_NAME");
        if (null != name && !name.isEmpty()) {
            return name;
        }
        final String pod = settings.environment.get("POD_NAME");
        final String namespace = settings.environment.get("POD_NAMESPACE");
        if (null == pod || null == namespace) {
            throw new RegistryException("the node's name is not known: set NODE_NAME, or POD_NAME and POD_NAMESPACE"
                    + " (valueFrom.fieldRef in the manifest)");
        }
        return client.get("/api/v1/namespaces/" + namespace + "/pods/" + pod)
                .required("spec")
                .required("nodeName")
                .string();
    }

    private Lease tryAcquire(final NodeRequest request) throws UnavailableException, InterruptedException {
        final JsonValue node = client.get("/api/v1/nodes/" + nodeName);
        final LeaseKey key = KubeNodes.ownKey(node);
        if (null == key) {
            throw new UnavailableException("node " + nodeName + " has no pod CIDR: start kube-controller-manager with"
                    + " --allocate-node-cidrs, or set spec.podCIDR");
        }
        final NetworkConfig network = Objects.requireNonNull(config, "config() comes first");
        requireInside(key.subnet(), network.network(), "Network");
        requireInside(key.ipv6Subnet(), network.ipv6Network(), "IPv6Network");
        final LeaseAttributes wanted = withOverwrites(node, request)
                .attributes(known(node), null != network.ipv6Network() && null != key.ipv6Subnet());
        final String patch = nodes.patch(node, wanted);
        if (!patch.isEmpty()) {
            client.patch("/api/v1/nodes/" + nodeName + "/status", patch);
        }
        return new Lease(key, wanted);
    }

    private void requireInside(final @Nullable IpPrefix subnet, final @Nullable IpPrefix network, final String name) {
        if (null != subnet && null != network && !network.contains(subnet)) {
            throw new RegistryException("pod CIDR " + subnet + " of node " + nodeName + " is not in " + name + ' '
                    + network + " of " + settings.netConfigPath);
        }
    }

    private @Nullable LeaseAttributes known(final JsonValue node) {
        final Lease lease = nodes.lease(node);
        return null == lease ? null : lease.attributes();
    }

    /** What an administrator wrote on the node wins over the interface's addresses. */
    private NodeRequest withOverwrites(final JsonValue node, final NodeRequest request) {
        final String ipv4 = nodes.annotation(node, KubeNodes.PUBLIC_IP_OVERWRITE);
        final String ipv6 = nodes.annotation(node, KubeNodes.PUBLIC_IPV6_OVERWRITE);
        try {
            return new NodeRequest(
                    null == ipv4
                            ? request.publicIp()
                            : (Inet4Address) IpAddress.parse(ipv4).toInetAddress(),
                    null == ipv6
                            ? request.publicIpv6()
                            : (Inet6Address) IpAddress.parse(ipv6).toInetAddress(),
                    request.ownAddresses(),
                    request.backend(),
                    request.takenOverMac(),
                    request.takenOverMacV6(),
                    request.previous(),
                    request.former());
        } catch (final IllegalArgumentException | ClassCastException failure) {
            throw new RegistryException(
                    "node " + nodeName + " has a wrong annotation " + KubeNodes.PUBLIC_IP_OVERWRITE + ": "
                            + failure.getMessage(),
                    failure);
        }
    }

    @Override
    public void watch(final LeaseListener listener) {
        final Lease acquired = Objects.requireNonNull(own, "acquire() comes first");
        follower = Follower.start(
                "the Kubernetes API", new KubeLeases(client, nodes, nodeName, acquired, listener, status), status);
    }

    @Override
    public void nodeReady() {
        if (!settings.setsNetworkUnavailable) {
            return;
        }
        final String now = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
        try {
            client.patch(
                    "/api/v1/nodes/" + nodeName + "/status",
                    "{\"status\":{\"conditions\":[{\"type\":\"NetworkUnavailable\",\"status\":\"False\","
                            + "\"reason\":\"FlannelIsUp\",\"message\":\"Flannel is running on this node\","
                            + "\"lastHeartbeatTime\":\"" + now + "\",\"lastTransitionTime\":\"" + now + "\"}]}}");
            LOG.log(INFO, "condition NetworkUnavailable of node {0} is False", nodeName);
        } catch (final UnavailableException failure) {
            LOG.log(WARNING, "set the condition NetworkUnavailable: {0}", failure.getMessage());
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
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
