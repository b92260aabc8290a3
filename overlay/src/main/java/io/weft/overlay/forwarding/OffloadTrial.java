/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.pod.SiblingName;
import io.weft.dataplane.underlay.TunnelOffload;
import io.weft.dataplane.underlay.UnderlaySockets;
import io.weft.linux.DepartureSocket;
import io.weft.linux.DeviceFeatures;
import io.weft.linux.LinuxException;
import io.weft.linux.TapDevice;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.host.OffloadDevice;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lifecycle.LogFields;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.ToLongFunction;
import org.agrona.CloseHelper;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.SystemNanoClock;
import org.jspecify.annotations.Nullable;

/**
 * Decides whether superframes leave unsegmented. They may where the underlay device says that it cuts UDP tunnels, and only
 * after it was seen that what is handed to the host really leaves: a firewall may drop what the host routes, and nobody
 * would be told. So the first superframe is a trial, and later ones are looked at now and then.
 *
 * <pre>
 *    +------------------ device can ------------------------+
 *    |                                                      v
 *   OFF                   WAIT -- superframes come --> TRIAL -- seen to leave --> ON --------+
 *    ^                     ^                             |                        ^          | after a pause
 *    |                     +---- none handed over -------+                        |          v
 *    |                     +---- handed over, not seen: for 5 minutes ----+       +-- seen -- LOOK
 *    |                                                                    +------ not seen ---+
 *    +-- from everywhere: device cannot any more
 * </pre>
 *
 * A daemon that starts does not wait for the first superframe, so that the first stream has the short way from its beginning, also
 * after a handover.
 *
 * What leaves well may stop to: a policy of the FORWARD chain or a sysctl is changed, and each superframe from then on is lost. So
 * while many leave, each of which ends a look at once, there is one a second. A look that waits long for one costs more, and the
 * next is as much later.
 *
 * Used by the control thread alone.
 */
public final class OffloadTrial implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(OffloadTrial.class.getName());
    /** Of the name of the device that superframes are handed to, after the name of the TUN device. */
    private static final String DEVICE_SUFFIX = "-out";

    /**
     * Of what kind a device is that has the features, and no use of them: the kernel goes by others for tunnels ({@code hw_enc_features}, net/core/dev.c),
     * of which a bridge has none, and cuts in front of it (net/bridge/br_device.c).
     */
    private static final String BRIDGE = "bridge";

    /** Over when the next second has come: looks begin once a second. */
    private static final long MIN_PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(500);

    private static final long MAX_PAUSE_NS = TimeUnit.SECONDS.toNanos(10);

    /** The pause after a look is so many times as long as the look was. */
    private static final int PAUSE_PER_LOOK = 10;

    private static final long RETRY_NS = TimeUnit.MINUTES.toNanos(5);

    /** How long a watch goes on in which nothing is handed over: it costs every packet that leaves a little. */
    private static final long WATCH_LIMIT_NS = TimeUnit.SECONDS.toNanos(1);

    /** The same of the first one, which begins before anything is sent. */
    private static final long FIRST_WATCH_LIMIT_NS = TimeUnit.SECONDS.toNanos(10);

    private enum State {
        OFF,
        WAIT,
        TRIAL,
        ON,
        LOOK
    }

    private final OffloadDevice device;
    private final TunnelOffload offload;
    private final int port;
    private final ToLongFunction<DataPlaneCounter> counters;
    private final NanoClock clock;
    private final DeviceFeatures features;
    private final boolean isBridge;
    private Underlay underlay;
    private boolean isUnderlayUp = true;
    private State state = State.OFF;
    private String trouble = "";
    private @Nullable DepartureSocket departures;
    private final CounterGrowth offloaded;
    private final CounterGrowth refusals;
    private long superframesBefore;
    private boolean isHandedOver;
    private boolean isSeen;
    private long beganNs;
    private long nextNs;

    /**
     * @param rtnetlink asked for what kind the interface is.
     * @param device that superframes are handed to.
     * @param offload what is switched.
     * @param underlay the interface that superframes leave by.
     * @param port of the peers.
     * @param counters tells what all workers have counted.
     * @throws LinuxException if the interface does not tell its features.
     */
    OffloadTrial(
            final Rtnetlink rtnetlink,
            final OffloadDevice device,
            final TunnelOffload offload,
            final Underlay underlay,
            final int port,
            final ToLongFunction<DataPlaneCounter> counters,
            final NanoClock clock) {
        this.device = device;
        this.offload = offload;
        this.underlay = underlay;
        this.port = port;
        this.counters = counters;
        this.clock = clock;
        isBridge = rtnetlink
                .link(underlay.name())
                .map(Link::kind)
                .filter(BRIDGE::equals)
                .isPresent();
        offloaded = new CounterGrowth(counters, DataPlaneCounter.EGRESS_OFFLOADED_FRAMES);
        refusals = new CounterGrowth(counters, DataPlaneCounter.EGRESS_OFFLOAD_REFUSALS);
        features = new DeviceFeatures(
                underlay.name(), DeviceFeatures.TUNNEL_SEGMENTATION, DeviceFeatures.TUNNEL_CHECKSUM_SEGMENTATION);
    }

    /**
     * Makes the device that superframes are handed to.
     *
     * @param counters tells what all workers have counted.
     * @param left descriptors of the device's queues that another process left, or none.
     * @return null where the kernel cannot do it, as the log says at start, or refuses, as it says here.
     */
    static @Nullable OffloadTrial open(
            final Forwarder.Settings settings,
            final UnderlaySockets sockets,
            final ToLongFunction<DataPlaneCounter> counters,
            final List<Integer> left) {
        final String name = SiblingName.of(settings.deviceName(), DEVICE_SUFFIX);
        @Nullable OffloadDevice device = null;
        @Nullable OffloadTrial trial = null;
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            device = OffloadDevice.open(rtnetlink, name, settings.options().workers(), left);
            if (null == device) {
                return null;
            }
            final TunnelOffload offload = new TunnelOffload(
                    device.queues(),
                    sockets.sourcePorts(),
                    device.mac(rtnetlink).orElse(0),
                    ByteBuffer.wrap(settings.local().getAddress()).getInt(),
                    settings.podMtu());
            trial = new OffloadTrial(
                    rtnetlink,
                    device,
                    offload,
                    settings.underlay(),
                    settings.config().backend().port(),
                    counters,
                    SystemNanoClock.INSTANCE);
            return trial;
        } catch (final LinuxException | IOException failure) {
            LOG.log(
                    WARNING,
                    "make offload device {0}: {1}. Superframes are cut here{2}",
                    name,
                    failure,
                    LogFields.of("device", name));
            return null;
        } finally {
            if (null == trial) {
                CloseHelper.close(device);
            }
        }
    }

    /** What is switched, for the data threads. */
    TunnelOffload offload() {
        return offload;
    }

    /** The descriptors of the device's queues. */
    List<Integer> descriptors() {
        return device.queues().stream().map(TapDevice::fd).toList();
    }

    /** Whether superframes leave unsegmented. */
    public boolean isOn() {
        return State.ON == state || State.LOOK == state;
    }

    /**
     * Puts right what somebody changed at the device.
     *
     * @return how many differences there were.
     */
    int repair(final Rtnetlink rtnetlink) {
        try {
            final int differences = device.repair(rtnetlink);
            device.mac(rtnetlink).ifPresent(offload::deviceMac);
            return differences;
        } catch (final LinuxException | IOException failure) {
            refuse(failure.getMessage() + ".");
            return 0;
        }
    }

    /**
     * One look at the device and at what leaves by it: once a second, and whenever the device may have changed.
     *
     * @param now the interface as it is now, by the same name.
     * @param isUp whether anything can leave by it.
     */
    public void run(final Underlay now, final boolean isUp) {
        underlay = now;
        isUnderlayUp = isUp;
        compareDevice();
        look();
    }

    private void compareDevice() {
        final boolean can = !isBridge && features.areActive();
        if (can && State.OFF == state) {
            enter(State.WAIT, 0);
            begin(State.TRIAL, FIRST_WATCH_LIMIT_NS);
        } else if (!can && State.OFF != state) {
            if (isOn()) {
                LOG.log(
                        INFO,
                        "{0} does not cut tunnels any more: superframes are cut here{1}",
                        underlay.name(),
                        LogFields.of("interface", underlay.name()));
            }
            enter(State.OFF, 0);
        }
    }

    /** Whether a superframe is awaited that is to show whether others may follow: then {@link #look} often. */
    public boolean isWatching() {
        return null != departures;
    }

    /** One look at what leaves. */
    public void look() {
        final boolean isDue = nextNs - clock.nanoTime() <= 0;
        final DepartureSocket watched = departures;
        if (refusals.hasGrown()) {
            refusals.begin();
            refuse("the host refused a superframe: is " + device.name() + " down or gone?");
        } else if (null != watched) {
            watch(watched, isDue);
        } else if (State.WAIT == state && isDue) {
            final long superframes = superframes();
            if (superframes != superframesBefore) {
                begin(State.TRIAL, WATCH_LIMIT_NS);
            }
            superframesBefore = superframes;
        } else if (State.ON == state && isDue && offloaded.hasGrown()) { // since the last look began
            begin(State.LOOK, WATCH_LIMIT_NS);
        }
    }

    /** The counters have gone on from another process's, before this one has forwarded anything: what that did is not this one's. */
    void goOn() {
        offloaded.begin();
        refusals.begin();
        superframesBefore = superframes();
    }

    /** Grows with every superframe that comes from the host. */
    private long superframes() {
        return counters.applyAsLong(DataPlaneCounter.EGRESS_RECEIVED_PACKETS)
                - counters.applyAsLong(DataPlaneCounter.EGRESS_RECEIVED_FRAMES);
    }

    private void begin(final State watching, final long limitNs) {
        try {
            departures = DepartureSocket.open(underlay.linkIndex(), port, offload.mtu());
        } catch (final LinuxException failure) {
            refuse(failure.getMessage() + ".");
            return;
        }
        offloaded.begin();
        isHandedOver = false;
        isSeen = false;
        state = watching;
        superframesBefore = superframes();
        beganNs = clock.nanoTime();
        nextNs = beganNs + limitNs;
        offload.mode(State.TRIAL == watching ? TunnelOffload.Mode.TRIAL : TunnelOffload.Mode.ON);
    }

    /** A superframe that waits in a queue of the underlay has as long to leave as a watch without one goes on. */
    private void watch(final DepartureSocket watched, final boolean isDue) {
        isSeen |= watched.hasSeen();
        final boolean isMore = offloaded.hasGrown();
        if (isSeen && isMore) { // else it may be another's on the same port
            if (State.TRIAL == state) {
                LOG.log(
                        INFO,
                        "{0} cuts tunnels: superframes leave unsegmented{1}",
                        underlay.name(),
                        LogFields.of("interface", underlay.name()));
            }
            trouble = "";
            enter(State.ON, State.TRIAL == state ? MIN_PAUSE_NS : pauseNs());
        } else if (isMore && !isHandedOver) {
            isHandedOver = true;
            nextNs = clock.nanoTime() + WATCH_LIMIT_NS;
        } else if (isDue && isHandedOver && isUnderlayUp) {
            refuse("a superframe handed to the host by " + device.name() + " did not leave by " + underlay.name()
                    + ", which could cut it: does the FORWARD chain accept it, is net.ipv4.conf.all.rp_filter other than 1,"
                    + " do the routes to all peers lead to " + underlay.name() + "?");
        } else if (isDue && State.TRIAL == state) {
            enter(State.WAIT, superframes() == superframesBefore ? 0 : MAX_PAUSE_NS);
        } else if (isDue) {
            enter(State.ON, pauseNs());
        }
    }

    private long pauseNs() {
        final long pauseNs = PAUSE_PER_LOOK * (clock.nanoTime() - beganNs);
        return Math.max(MIN_PAUSE_NS, Math.min(MAX_PAUSE_NS, pauseNs));
    }

    /** Superframes cannot leave unsegmented for now; that is said once for each cause. */
    private void refuse(final String cause) {
        LOG.log(
                cause.equals(trouble) ? DEBUG : WARNING,
                "{0} Superframes are cut here, and tried again in {1} minutes; or --tunnel-offload=OFF{2}",
                cause,
                TimeUnit.NANOSECONDS.toMinutes(RETRY_NS),
                LogFields.of("retryMs", TimeUnit.NANOSECONDS.toMillis(RETRY_NS)));
        trouble = cause;
        enter(State.OFF == state ? State.OFF : State.WAIT, RETRY_NS);
    }

    /** Enters a state in which nothing is watched, for at least the given time. */
    private void enter(final State to, final long durationNs) {
        if (null != departures) {
            departures.close();
            departures = null;
        }
        state = to;
        offload.mode(State.ON == to ? TunnelOffload.Mode.ON : TunnelOffload.Mode.OFF);
        nextNs = clock.nanoTime() + durationNs;
    }

    @Override
    public void close() {
        enter(State.OFF, 0);
        features.close();
        device.close();
    }
}
