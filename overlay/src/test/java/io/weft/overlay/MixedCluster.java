/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.Topology;
import io.weft.overlay.registry.etcd.EtcdServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * A cluster of flannel's with its leases in one real etcd, whose nodes run weftd or flanneld, and change from one to the other.
 * etcd runs beside node A and is reached over the underlay. Each node has a directory with its own subnet file, which says from
 * the beginning which subnet the node had.
 */
final class MixedCluster implements AutoCloseable {
    /** flannel's {@code --etcd-prefix} by default. */
    static final String PREFIX = "/coreos.com/network";

    private final CloseAll resources = new CloseAll();
    private final Path directory;
    private final Topology topology;
    private final EtcdServer etcd;

    MixedCluster(final Path directory, final int nodeCount) throws IOException {
        this.directory = directory;
        topology = resources.add(Topology.builder().nodes(nodeCount).build());
        try {
            etcd = resources.add(node(0).namespace().call(() -> new EtcdServer(directory, node(0).underlayAddress())));
            putConfig("{\"Network\":\"" + Topology.CLUSTER_NETWORK + "\",\"SubnetMin\":\"" + node(0).subnetBase()
                    + "\",\"Backend\":{\"Type\":\"vxlan\"}}");
            for (final Topology.Node node : topology.nodes()) {
                Files.createDirectories(directory(node));
                Files.writeString(subnetFile(node), Flanneld.subnetText(node, topology.podMtu()));
            }
        } catch (final IOException | RuntimeException failed) {
            resources.close();
            throw failed;
        }
    }

    Topology.Node node(final int index) {
        return topology.node(index);
    }

    EtcdServer etcd() {
        return etcd;
    }

    Path directory(final Topology.Node node) {
        return directory.resolve(String.valueOf(node.letter()));
    }

    Path subnetFile(final Topology.Node node) {
        return directory(node).resolve("subnet.env");
    }

    /** Runs etcdctl where etcd is. */
    String etcdctl(final String... words) {
        return node(0).namespace().call(() -> etcd.ctl(words));
    }

    void putConfig(final String json) {
        etcdctl("put", PREFIX + "/config", json);
    }

    /** The revision of etcd's store. */
    long revision() {
        return Flanneld.revision(etcdctl("get", "--write-out=json", PREFIX));
    }

    /** The value of a node's key in etcd; empty without one. */
    String lease(final Topology.Node node) {
        return etcdctl("get", "--print-value-only", Flanneld.key(node));
    }

    BackgroundProcess startWeftd(final Topology.Node node, final String... options) {
        final String[] all = Stream.concat(
                        Stream.of("--etcd-endpoints=" + etcd.endpoint(), "--iface=" + node.underlayDevice()),
                        Stream.of(options))
                .toArray(String[]::new);
        return WeftdProcess.start(node.namespace(), directory(node), all);
    }

    BackgroundProcess startReadyWeftd(final Topology.Node node, final String... options) {
        return startWeftd(node, options).awaitOutput("ready: weft.1 forwards", WeftdProcess.START_TIMEOUT_MS);
    }

    Flanneld startFlanneld(final Topology.Node node) throws IOException {
        return startFlanneld(node, subnetFile(node));
    }

    Flanneld startFlanneld(final Topology.Node node, final Path subnetFile) throws IOException {
        return resources.add(new Flanneld(node, etcd, subnetFile, topology.podMtu()));
    }

    @Override
    public void close() {
        resources.close();
    }
}
