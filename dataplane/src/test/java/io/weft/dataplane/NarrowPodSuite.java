/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.testing.DualStack;
import io.weft.dataplane.testing.Ports;
import io.weft.dataplane.testing.StaticNode;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A kernel node sends TCP to a pod of a weft node that takes less than the MTU of the overlay, over an underlay that superframes
 * cross unsegmented. The segments of the kernel's superframes fit, since the pod said in its handshake how long they may be, or
 * since a router told the sender; those that weft makes of them have to fit as well.
 */
@RequiresRoot
abstract class NarrowPodSuite {
    private static final int PORT = 5001;
    private static final int LENGTH = 16 << 20;

    /** What is narrow. */
    enum Narrow {
        /** The pod, its bridge and all between, as where another plane or an older underlay has the smaller MTU. */
        POD,
        /** The bridge alone: the pod does not know. */
        BRIDGE,
        /** The route to the pods. */
        ROUTE;

        void apply(final Topology.Node node, final int mtu) {
            final String bytes = Integer.toString(mtu);
            if (ROUTE == this) {
                final String subnet = node.subnet();
                node.namespace().ip("route", "replace", subnet, "dev", "cni0", "mtu", bytes);
                return;
            }
            node.namespace().ip("link", "set", "cni0", "mtu", bytes);
            if (POD == this) {
                node.namespace().ip("link", "set", "veth0", "mtu", bytes);
                node.pod().ip("link", "set", "eth0", "mtu", bytes);
            }
        }
    }

    private final Ports ports;

    /** @param ports of weft's nodes. */
    NarrowPodSuite(final Ports ports) {
        this.ports = ports;
    }

    @ParameterizedTest
    @CsvSource({
        "POD, 1450, false",
        "POD, 1430, false",
        "POD, 1280, false",
        "POD, 576, false",
        "POD, 1430, true",
        "POD, 1280, true",
        "BRIDGE, 1430, false",
        "BRIDGE, 1280, true",
        "ROUTE, 1400, false"
    })
    void shouldReceiveWhatAKernelPeerSends(final Narrow narrow, final int mtu, final boolean ipv6) throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final Topology topology =
                    resources.add(Topology.builder().dualStack().build());
            final Topology.Node own = topology.node(0);
            final Topology.Node peer = topology.node(1);
            final StaticNode weft = resources.add(StaticNode.start(topology, own, ports.options()));
            topology.kernelVxlan(peer);
            DualStack.addPeer(own, weft, peer);
            DualStack.addPeer(peer.namespace(), own);
            narrow.apply(own, mtu);
            final String address = ipv6 ? own.podAddressV6() : own.podAddress();
            peer.pod().exec("ping", "-c", "1", "-W", "60", address);
            assertEquals(LENGTH, transfer(resources, peer, own, address), () -> "bytes, " + weft.counters());
            assertTrue(
                    weft.counters().of(DataPlaneCounter.INGRESS_RECEIVED_PACKETS) < LENGTH / topology.mtu() / 2,
                    () -> "came as superframes: " + weft.counters());
            assertTrue(weft.errors().isEmpty(), () -> weft.errors().toString());
            weft.counters().awaitConserved();
            ports.assertUsed(weft);
        }
    }

    /** How many of the {@link #LENGTH} bytes that one pod sends the other receives. */
    private static long transfer(
            final CloseAll resources, final Topology.Node from, final Topology.Node to, final String address)
            throws Exception {
        final InetSocketAddress toAddress = new InetSocketAddress(address, PORT);
        final ServerSocketChannel listener =
                resources.add(to.pod().call(() -> ServerSocketChannel.open().bind(toAddress)));
        final SocketChannel client = resources.add(from.pod().call(() -> SocketChannel.open(toAddress)));
        final SocketChannel server = resources.add(listener.accept());
        final FutureTask<Long> sent = start(() -> send(client));
        final long received = start(() -> receive(server)).get(Await.TIMEOUT_MS, TimeUnit.MILLISECONDS);
        assertEquals(received, sent.get(Await.TIMEOUT_MS, TimeUnit.MILLISECONDS));
        return received;
    }

    private static FutureTask<Long> start(final Callable<Long> callable) {
        final FutureTask<Long> task = new FutureTask<>(callable);
        final Thread thread = new Thread(task, "tcp");
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    private static long send(final SocketChannel channel) throws Exception {
        final ByteBuffer bytes = ByteBuffer.allocate(LENGTH);
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
        channel.shutdownOutput();
        return LENGTH;
    }

    private static long receive(final SocketChannel channel) throws Exception {
        return Channels.newInputStream(channel).transferTo(OutputStream.nullOutputStream());
    }
}
