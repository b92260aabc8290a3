/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpPrefix;
import io.weft.dataplane.DataPlaneContext;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.dataplane.pod.PodDevice;
import io.weft.dataplane.underlay.UnderlaySockets;
import io.weft.linux.LinuxException;
import io.weft.linux.RawSocket;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.options.WeftOptions;
import io.weft.routing.Encapsulation;
import io.weft.routing.RoutingContext;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.agrona.CloseHelper;
import org.jspecify.annotations.Nullable;

/** What a forwarder makes of its settings: sockets of its backend, and what its tables and its data plane begin with. */
final class TunnelSetup {
    private static final System.Logger LOG = System.getLogger(TunnelSetup.class.getName());

    private TunnelSetup() {}

    /** Opens the sockets, or goes on with those that another process left. */
    static UnderlaySockets sockets(final Forwarder.Settings settings, final List<Integer> left) {
        final InetAddress local = settings.local();
        final int port = settings.config().backend().port();
        final int workers = settings.options().workers();
        final int bufferLength = UnderlaySockets.BUFFER_LENGTH_DEFAULT;
        return BackendType.UDP == settings.config().backend().type()
                ? UnderlaySockets.openOnePort(local, port, workers, bufferLength, left)
                : UnderlaySockets.open(local, port, workers, UnderlaySockets.SEND_SOCKETS_DEFAULT, bufferLength, left);
    }

    /**
     * Has several small packets of pods read or written with one call, if that is wished and the kernel lets it.
     *
     * @return whether it is so.
     */
    static boolean batch(final Forwarder.Settings settings, final PodDevice pods) {
        if (!settings.options().ioUring) {
            return false;
        }
        try {
            pods.batch();
            return true;
        } catch (final LinuxException refused) {
            LOG.log(
                    INFO,
                    "{0}. Small packets of pods cost a call each; --io-uring=false says that it is wished so{1}",
                    refused.getMessage(),
                    LogFields.of("device", settings.deviceName()));
            return false;
        }
    }

    /** None where the kernel refuses: then pods wait for an answer that does not come, and all else works. */
    static List<RawSocket> outputs(final int workers) {
        final List<RawSocket> outputs = new ArrayList<>(workers);
        try {
            for (int i = 0; i < workers; i++) {
                outputs.add(RawSocket.open());
            }
            return outputs;
        } catch (final LinuxException failure) {
            CloseHelper.closeAll(outputs);
            LOG.log(WARNING, "{0}. Pods will not be told when a destination has no route", failure.getMessage());
            return List.of();
        }
    }

    /** How many datagrams the kernel is given in a message to cut, at most. */
    static int maxSegments(final Forwarder.Settings settings, final UnderlaySockets sockets) {
        return sockets.segmentationOffload()
                        && !SegmentationFault.isThere(
                                settings.deviceName(), settings.underlay().name())
                ? DataPlaneContext.MAX_SEGMENTS_DEFAULT
                : 1;
    }

    /** What the tables know of this node. */
    static RoutingContext routing(final Forwarder.Settings settings) {
        final RoutingContext context =
                new RoutingContext().underlayPort(settings.config().backend().port());
        if (BackendType.UDP == settings.config().backend().type()) {
            context.encapsulation(Encapsulation.BARE_IP);
        } else {
            context.vni(settings.config().backend().vni()).vtepMac(settings.vtepMac());
            final LeaseKey own = settings.own().key();
            Stream.of(own.subnet(), own.ipv6Subnet())
                    .flatMap(Stream::ofNullable)
                    .forEach(subnet -> context.addOverlayAddress(subnet.base()));
        }
        addAddress(context, settings.underlay().address());
        addAddress(context, settings.underlay().ipv6Address());
        return context;
    }

    /** What a data plane is told that is neither a port nor made by its forwarder. */
    static DataPlaneContext dataPlane(final Forwarder.Settings settings) {
        final WeftOptions options = settings.options();
        final IpPrefix subnet = settings.own().key().subnet();
        final IpPrefix ipv6Subnet = settings.own().key().ipv6Subnet();
        return new DataPlaneContext()
                .schedulingRefusals(new SchedulingRemarks())
                .realTimePriority(options.realTimePriority)
                .threadingMode(options.threadingMode)
                .spinNs(TimeUnit.MICROSECONDS.toNanos(options.spinUs))
                .busyPoll(options.busyPoll)
                .mtu(settings.podMtu())
                .ingressPolicy(new IngressPolicy.Builder(options.ingressSources).build())
                .hostIpv4(null == subnet ? 0 : subnet.base().ipv4())
                .hostIpv6(null == ipv6Subnet ? null : ipv6Subnet.base().toBytes());
    }

    private static void addAddress(final RoutingContext context, final @Nullable InetAddress address) {
        if (null != address) {
            context.addUnderlayAddress(address);
        }
    }
}
