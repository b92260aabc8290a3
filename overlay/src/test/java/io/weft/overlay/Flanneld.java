/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.Topology;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.registry.etcd.EtcdServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * What flanneld's vxlan backend does on a node, done by ip, bridge and etcdctl: the device; the node's lease; for the lease of
 * each other node a neighbour, an FDB entry and a route, and the same for every change in etcd. As flanneld it leaves all that on
 * the host when it ends, and uses the device again when it starts. Source: flannel pkg/backend/vxlan, pkg/subnet/etcd.
 */
final class Flanneld implements AutoCloseable {
    private static final String SUBNETS = MixedCluster.PREFIX + "/subnets/";

    private final Topology.Node node;
    private final EtcdServer etcd;
    private final KernelVxlan overlay;
    private final Map<String, String> macsBySubnet = new HashMap<>();
    private final Process watch;
    private final Thread follower = new Thread(this::follow, "flanneld");
    private volatile @Nullable Throwable failure;

    /**
     * Starts it; when this returns, the lease is in etcd and the leases of the others are in the kernel.
     *
     * @param node to be a kernel VXLAN node.
     * @param etcd that the node reaches.
     * @param subnetFile says which subnet the node had, and is written.
     * @param mtu of the device in bytes.
     */
    Flanneld(final Topology.Node node, final EtcdServer etcd, final Path subnetFile, final int mtu) throws IOException {
        this.node = node;
        this.etcd = etcd;
        final boolean hasDevice = 0
                == node.namespace()
                        .tryExec("ip", "link", "show", KernelVxlan.DEVICE)
                        .exitCode();
        overlay = hasDevice ? KernelVxlan.of(node) : KernelVxlan.createIpv4(node, mtu, randomMac());
        putOwnLease(Files.readString(subnetFile));
        Files.writeString(subnetFile, subnetText(node, mtu));
        final String listing = etcdctl("get", "--prefix", "--write-out=json", SUBNETS);
        for (final JsonValue kv : json(listing).required("kvs").elements()) {
            onPut(decoded(kv, "key"), decoded(kv, "value"));
        }
        final long revision = revision(listing);
        watch = node.namespace()
                .call(() -> new ProcessBuilder(etcd.command("watch", "--prefix", "--rev=" + (revision + 1), SUBNETS))
                        .redirectErrorStream(true)
                        .start());
        follower.start();
    }

    /** subnet.env of a node (flannel pkg/subnet/subnet.go). */
    static String subnetText(final Topology.Node node, final int mtu) {
        return "FLANNEL_NETWORK=" + Topology.CLUSTER_NETWORK + "\nFLANNEL_SUBNET=" + node.bridgeAddress()
                + "/24\nFLANNEL_MTU=" + mtu + "\nFLANNEL_IPMASQ=true\n";
    }

    /** flannel pkg/mac/mac.go: random, local, of one station. */
    private static String randomMac() {
        final byte[] bytes = new byte[5];
        new Random().nextBytes(bytes);
        return String.format("02:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4]);
    }

    private String etcdctl(final String... words) {
        return node.namespace().call(() -> etcd.ctl(words));
    }

    /** The lease of a day for the subnet that the node had; a new node's choice is not needed here. */
    private void putOwnLease(final String formerSubnetText) {
        if (!formerSubnetText.contains("FLANNEL_SUBNET=" + node.bridgeAddress() + "/24\n")) {
            throw new IllegalStateException("the pods' addresses are of " + node.subnet() + ": " + formerSubnetText);
        }
        final String mac = node.namespace()
                .exec("cat", "/sys/class/net/" + KernelVxlan.DEVICE + "/address")
                .trim();
        final String grant = etcdctl("lease", "grant", "86400"); // "lease 694d9d12 granted with TTL(86400s)"
        etcdctl(
                "put",
                "--lease=" + grant.split(" ", -1)[1],
                key(node),
                "{\"PublicIP\":\"" + node.underlayAddress()
                        + "\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\""
                        + mac + "\"}}");
    }

    static String key(final Topology.Node node) {
        return SUBNETS + node.subnet().replace('/', '-');
    }

    private static JsonValue json(final String text) {
        return JsonReader.read(text.getBytes(StandardCharsets.UTF_8), "etcdctl");
    }

    /** The revision of etcd's store that an answer of etcdctl in JSON is of. */
    static long revision(final String answer) {
        return json(answer).required("header").required("revision").integer(1, Long.MAX_VALUE);
    }

    private static String decoded(final JsonValue kv, final String member) {
        return new String(Base64.getDecoder().decode(kv.required(member).string()), StandardCharsets.UTF_8);
    }

    /** etcdctl tells a change in three lines: PUT or DELETE, the key, and the value or nothing. */
    private void follow() {
        try (BufferedReader lines = watch.inputReader()) {
            String type = lines.readLine();
            while (null != type) {
                final String key = lines.readLine();
                final String value = lines.readLine();
                if (null == key || null == value) {
                    return;
                }
                if ("PUT".equals(type)) {
                    onPut(key, value);
                } else {
                    onDelete(key);
                }
                type = lines.readLine();
            }
        } catch (final IOException ended) {
            // close() takes the watch away
        } catch (final RuntimeException | Error broken) {
            failure = broken;
        }
    }

    private void onPut(final String key, final String value) {
        final String subnet = subnet(key);
        if (!subnet.equals(node.subnet())) {
            final JsonValue lease = json(value);
            final String mac = lease.required("BackendData").required("VtepMAC").string();
            overlay.addPeer(
                    subnet, base(subnet), mac, lease.required("PublicIP").string());
            macsBySubnet.put(subnet, mac);
        }
    }

    private void onDelete(final String key) {
        final String mac = macsBySubnet.remove(subnet(key));
        if (null != mac) {
            overlay.removePeer(subnet(key), base(subnet(key)), mac);
        }
    }

    private static String subnet(final String key) {
        return key.substring(SUBNETS.length()).replace('-', '/');
    }

    private static String base(final String subnet) {
        return subnet.substring(0, subnet.indexOf('/'));
    }

    /** Ends it; device, routes, neighbours and FDB entries stay. */
    @Override
    public void close() {
        watch.destroyForcibly().onExit().join();
        try {
            follower.join();
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
        final Throwable broken = failure;
        if (null != broken) {
            throw new IllegalStateException("flanneld of node " + node.letter() + " failed", broken);
        }
    }
}
