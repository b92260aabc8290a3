/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.dataplane.DataPlaneCounter;
import io.weft.dataplane.TunnelOffload;
import io.weft.linux.DepartureSocket;
import io.weft.linux.DeviceFeatures;
import io.weft.linux.LinuxException;
import io.weft.overlay.host.Underlay;
import java.util.concurrent.TimeUnit;
import java.util.function.ToLongFunction;
import org.agrona.concurrent.NanoClock;
import org.jspecify.annotations.Nullable;

/**
 * Decides whether superframes leave whole. They may where the underlay device says that it cuts UDP tunnels, and only after
 * it was seen that what is handed to the host really leaves: a firewall may drop what the host routes, and nobody would be
 * told. So the first superframe is a trial, and later ones are looked at now and then.
 *
 * <pre>
 *   OFF -- device can --> WAIT -- superframes come --> TRIAL -- seen to leave --> ON --------+
 *    ^                     ^                             |                        ^          | once in 10 s
 *    |                     +---- none handed over -------+                        |          v
 *    |                     +---- handed over, not seen: for 5 minutes ----+       +-- seen -- LOOK
 *    |                                                                    +------ not seen ---+
 *    +-- from everywhere: device cannot any more
 * </pre>
 *
 * Used by the control thread alone.
 */
final class TunnelOffloadSwitch implements AutoCloseable {
    /** How often {@link #run} wants to be called. */
    static final long INTERVAL_MS = 100;

    private static final System.Logger LOG = System.getLogger(TunnelOffloadSwitch.class.getName());
    private static final long LOOK_INTERVAL_NS = TimeUnit.SECONDS.toNanos(10);
    private static final long RETRY_NS = TimeUnit.MINUTES.toNanos(5);

    /** How long a watch goes on in which nothing is handed over: it costs every packet that leaves a little. */
    private static final long WATCH_LIMIT_NS = TimeUnit.SECONDS.toNanos(1);

    private enum State {
        OFF,
        WAIT,
        TRIAL,
        ON,
        LOOK
    }

    private final TunnelOffload offload;
    private Underlay underlay;
    private final int port;
    private final ToLongFunction<DataPlaneCounter> counters;
    private final NanoClock clock;
    private final DeviceFeatures features;
    private State state = State.OFF;
    private @Nullable DepartureSocket departures;
    private long superframesBefore;
    private long offloadedBefore;
    private long refusalsBefore;
    private boolean isHandedOver;
    private long nextNs;

    /**
     * @param offload what is switched.
     * @param underlay the interface that superframes leave by.
     * @param port of the peers.
     * @param counters tells what all workers have counted.
     * @throws LinuxException if the interface does not tell its features.
     */
    TunnelOffloadSwitch(
            final TunnelOffload offload,
            final Underlay underlay,
            final int port,
            final ToLongFunction<DataPlaneCounter> counters,
            final NanoClock clock) {
        this.offload = offload;
        this.underlay = underlay;
        this.port = port;
        this.counters = counters;
        this.clock = clock;
        features = new DeviceFeatures(
                underlay.name(), DeviceFeatures.TUNNEL_SEGMENTATION, DeviceFeatures.TUNNEL_CHECKSUM_SEGMENTATION);
    }

    /**
     * The underlay device may have changed.
     *
     * @param now the interface as it is now, by the same name.
     */
    void compareDevice(final Underlay now) {
        underlay = now;
        compareDevice();
    }

    private void compareDevice() {
        final boolean can = features.areActive();
        if (can && State.OFF == state) {
            enter(State.WAIT, 0);
        } else if (!can && State.OFF != state) {
            if (State.ON == state || State.LOOK == state) {
                LOG.log(INFO, "{0} does not cut tunnels any more: superframes are cut here", underlay.name());
            }
            enter(State.OFF, 0);
        }
    }

    /** One look, once in {@value #INTERVAL_MS} ms. */
    void run() {
        final boolean isDue = nextNs - clock.nanoTime() <= 0;
        final DepartureSocket watched = departures;
        final long refusals = counters.applyAsLong(DataPlaneCounter.EGRESS_OFFLOAD_REFUSALS);
        if (refusals != refusalsBefore) {
            refusalsBefore = refusals;
            LOG.log(
                    WARNING,
                    "the host refused a superframe: is the offload device down or gone? They are cut here for {0} minutes",
                    TimeUnit.NANOSECONDS.toMinutes(RETRY_NS));
            enter(State.WAIT, RETRY_NS);
        } else if (null != watched) {
            watch(watched, isDue);
        } else if (State.WAIT == state && isDue) {
            final long superframes = superframes();
            if (superframes != superframesBefore) {
                begin(State.TRIAL);
            }
            superframesBefore = superframes;
        } else if (State.ON == state && isDue) {
            begin(State.LOOK);
        }
    }

    /** Grows with every superframe that comes from the host. */
    private long superframes() {
        return counters.applyAsLong(DataPlaneCounter.EGRESS_RECEIVED_PACKETS)
                - counters.applyAsLong(DataPlaneCounter.EGRESS_RECEIVED_FRAMES);
    }

    private void begin(final State watching) {
        try {
            departures = DepartureSocket.open(underlay.linkIndex(), port, underlay.mtu());
        } catch (final LinuxException failure) {
            LOG.log(WARNING, "{0}. Superframes are cut here", failure.getMessage());
            enter(State.WAIT, RETRY_NS);
            return;
        }
        offloadedBefore = counters.applyAsLong(DataPlaneCounter.EGRESS_OFFLOADED_FRAMES);
        isHandedOver = false;
        state = watching;
        nextNs = clock.nanoTime() + WATCH_LIMIT_NS;
        offload.mode(State.TRIAL == watching ? TunnelOffload.Mode.TRIAL : TunnelOffload.Mode.ON);
    }

    /** What was handed over at the last look has had an interval's time to leave. */
    private void watch(final DepartureSocket watched, final boolean isDue) {
        if (watched.hasSeen()) {
            if (State.TRIAL == state) {
                LOG.log(INFO, "{0} cuts tunnels: superframes leave whole", underlay.name());
            }
            enter(State.ON, LOOK_INTERVAL_NS);
        } else if (!features.areActive()) {
            compareDevice();
        } else if (isHandedOver) {
            LOG.log(
                    WARNING,
                    "a superframe handed to the host did not leave by {0}, though the device could cut it: they are cut here"
                            + " for {1} minutes. Does the FORWARD chain accept what comes in by the offload device, is"
                            + " net.ipv4.conf.all.rp_filter other than 1, do all peers'' routes lead to {0}? Or"
                            + " --tunnel-offload=OFF",
                    underlay.name(),
                    TimeUnit.NANOSECONDS.toMinutes(RETRY_NS));
            enter(State.WAIT, RETRY_NS);
        } else if (isDue) {
            final boolean isOn = State.LOOK == state;
            enter(isOn ? State.ON : State.WAIT, isOn ? LOOK_INTERVAL_NS : 0);
        } else {
            isHandedOver = offloadedBefore != counters.applyAsLong(DataPlaneCounter.EGRESS_OFFLOADED_FRAMES);
        }
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
    }
}
