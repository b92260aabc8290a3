/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.dataplane.underlay.TunnelOffload;
import io.weft.dataplane.underlay.UnderlaySockets;
import io.weft.encap.TunnelSuperframe;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.FrameLine;
import io.weft.linux.TapDevice;
import io.weft.linux.TunDevice;
import io.weft.linux.UdpSocket;
import io.weft.routing.Encapsulation;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.net.InetAddress;
import java.util.List;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.CloseHelper;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.CountersManager;
import org.agrona.concurrent.status.CountersReader;

/** One of the two nodes of a {@link Rehearsal}: a data plane of one worker, on the loopback, between two lines. */
final class RehearsalNode implements AutoCloseable {
    private static final int BUFFER_LENGTH = 1 << 20;
    private static final int COUNTERS_MAX = 256;
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();

    private final Resources resources = new Resources();
    private final RoutingTables routing;
    private final UdpSocket receiver;
    private final TunDevice host;
    private final TunDevice outlet;
    private final TunnelOffload offload;
    private final DataPlane dataPlane;

    /**
     * @param mac of the node's VTEP.
     * @param peerPort where the other node receives.
     * @param hasOffload whether there is a way for superframes that need no cutting.
     * @param hasBatches whether several frames are read or written with one call.
     * @throws io.weft.linux.LinuxException if the kernel refuses.
     */
    RehearsalNode(
            final Encapsulation encapsulation,
            final MacAddress mac,
            final int peerPort,
            final int mtu,
            final boolean hasOffload,
            final boolean hasBatches) {
        try {
            final FrameLine pods = resources.add(new FrameLine());
            final TunDevice device = resources.add(TunDevice.ofLine(pods, 0, VirtioNetHeaderFlyweight.LENGTH));
            if (hasBatches) {
                TunDevice.batch(List.of(device));
            }
            host = resources.add(TunDevice.ofLine(pods, 1, VirtioNetHeaderFlyweight.LENGTH));
            final FrameLine unsegmented = resources.add(new FrameLine());
            final TapDevice tap = resources.add(TapDevice.ofLine(unsegmented, 0, TunnelSuperframe.VNET_LENGTH));
            outlet = resources.add(TunDevice.ofLine(unsegmented, 1, TunnelSuperframe.VNET_LENGTH));
            final UnderlaySockets sockets = resources.add(
                    UnderlaySockets.open(LOOPBACK, 0, 1, UnderlaySockets.SEND_SOCKETS_DEFAULT, BUFFER_LENGTH));
            receiver = sockets.receivePorts().get(0);
            routing = resources.add(new RoutingTables(new RoutingContext()
                    .encapsulation(encapsulation)
                    .underlayPort(peerPort)
                    .vni(1)
                    .vtepMac(mac)));
            offload = new TunnelOffload(
                    List.of(tap),
                    sockets.sourcePorts(),
                    mac.value(),
                    IpAddress.of(LOOPBACK).ipv4(),
                    mtu);
            dataPlane = resources.add(new DataPlane(new DataPlaneContext()
                    .routing(routing)
                    .counters(new CountersManager(
                            buffer(COUNTERS_MAX * CountersReader.METADATA_LENGTH),
                            buffer(COUNTERS_MAX * CountersReader.COUNTER_LENGTH)))
                    .errorHandler(failure -> {}) // counted, and no packet of anybody's
                    .hostPorts(List.of(device))
                    .receivePorts(sockets.receivePorts())
                    .sendPorts(sockets.sendPorts())
                    .tunnelOffload(hasOffload ? offload : null)
                    .maxSegments(sockets.segmentationOffload() ? DataPlaneContext.MAX_SEGMENTS_DEFAULT : 1)
                    .mtu(mtu)
                    .ingressPolicy(policy())
                    .conclude()));
            dataPlane.start();
        } catch (final RuntimeException | Error failure) {
            resources.closeAfter(failure);
            throw failure;
        }
    }

    /** The node's other address. */
    static InetAddress otherLoopback() {
        return IpAddress.ofIpv4(IpAddress.of(LOOPBACK).ipv4() + 1).toInetAddress();
    }

    private static UnsafeBuffer buffer(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, BitUtil.CACHE_LINE_LENGTH));
    }

    private static IngressPolicy policy() {
        return new IngressPolicy.Builder(IngressPolicy.Sources.KNOWN)
                .node(
                        List.of(IpAddress.of(LOOPBACK), IpAddress.of(otherLoopback())),
                        List.of(RehearsalFrames.SOURCE, RehearsalFrames.SOURCE_IPV6))
                .ownSubnet(RehearsalFrames.DESTINATION)
                .ownSubnet(RehearsalFrames.DESTINATION_IPV6)
                .build();
    }

    /** Has this node send to the other what is for {@link RehearsalFrames}' destinations. */
    void sendTo(final MacAddress peerMac) {
        if (Encapsulation.VXLAN == routing.context().encapsulation()) {
            for (final IpPrefix destination : List.of(RehearsalFrames.DESTINATION, RehearsalFrames.DESTINATION_IPV6)) {
                final InetAddress gateway = destination.base().toInetAddress();
                routing.addRoute(destination, gateway);
                routing.addNeighbour(gateway, peerMac);
            }
            routing.addFdb(peerMac, LOOPBACK);
        } else {
            routing.addRoute(RehearsalFrames.DESTINATION, LOOPBACK);
        }
        routing.publish();
    }

    /** The host's end of the line that is in the place of the pods' device. */
    TunDevice host() {
        return host;
    }

    /** The host's end of the line by which superframes leave unsegmented. */
    TunDevice outlet() {
        return outlet;
    }

    /** Where it receives from the underlay, on {@link InetAddress#getLoopbackAddress}. */
    int underlayPort() {
        return receiver.localPort();
    }

    void offloadMode(final TunnelOffload.Mode mode) {
        offload.mode(mode);
    }

    /** Stands still and goes on, as before a handover that does not come to be. */
    void pauseAndResume() throws InterruptedException {
        if (dataPlane.pause()) {
            dataPlane.resume();
        }
    }

    /** Packets that came by the underlay and were written to the host's line. */
    long delivered() {
        return dataPlane.total(DataPlaneCounter.INGRESS_DELIVERED_PACKETS);
    }

    @Override
    public void close() {
        CloseHelper.quietClose(resources);
    }
}
