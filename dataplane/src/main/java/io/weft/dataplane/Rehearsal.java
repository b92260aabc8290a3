/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.address.MacAddress;
import io.weft.dataplane.underlay.TunnelOffload;
import io.weft.encap.TunnelSuperframe;
import io.weft.linux.Framing;
import io.weft.linux.TunDevice;
import io.weft.routing.Encapsulation;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.concurrent.locks.LockSupport;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.CloseHelper;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Runs the packet path, both directions, with packets of its own before those of pods come, so that the JVM has compiled it when they
 * do: two nodes of the real classes on the loopback, with a {@link io.weft.linux.FrameLine} in the place of each one's device.
 *
 * <pre>
 *   line -> EgressReceiver -> EgressSender -> UDP, 127.0.0.1 -> IngressReceiver -> IngressSender -> line
 *          '---------- a node ----------'                      '---------- its peer ----------'
 * </pre>
 *
 * What the node sends unsegmented is carried on by this, from another address of the node's, so that the peer has two senders.
 *
 * Made and run by one thread, which need not be the control thread; both nodes have data threads. Touches neither the tables nor the
 * counters of the node that is to forward.
 */
public final class Rehearsal implements AutoCloseable {
    /** Each with the memory of a data plane of one worker. */
    public static final int NODES = 2;

    /** By then all that a packet goes through is known to be hot, and the compiler has begun with it: docs/decisions/0014. */
    private static final int ROUNDS = 10_000;

    /** Every so many rounds there is a superframe of the full length, and every so many what is sent may leave unsegmented. */
    private static final int ROUNDS_OF_SUPERFRAME = 3;

    private static final int ROUNDS_OF_OFFLOAD = 2;

    /** Then it is seen whether anything comes through; that may take so small a part of the time. */
    private static final int ROUNDS_OF_TRIAL = 100;

    private static final int TRIAL_SHARE = 10;

    /** A data thread has stood still, and gone on again, as often; for that so small a part of the time is left. */
    private static final int PAUSES = 20;

    private static final int PAUSES_SHARE = 20;

    /** While a line is full: what it is read by needs a processor too. */
    private static final long REST_NS = 10_000;

    private static final int MTU = 1450;
    /** The peer sends nothing. */
    private static final int NO_PORT = 1;

    private static final MacAddress MAC = MacAddress.parse("02:00:00:00:00:01");
    private static final MacAddress PEER_MAC = MacAddress.parse("02:00:00:00:00:02");

    private final RehearsalFrames frames;
    private final ByteBuffer memory =
            BufferUtil.allocateDirectAligned(2 * Framing.MAX_PACKET_LENGTH, BitUtil.CACHE_LINE_LENGTH);
    private final UnsafeBuffer received = new UnsafeBuffer(memory);
    private final DatagramChannel carrier;
    private final RehearsalNode node;
    private final RehearsalNode peer;

    /**
     * Prepares.
     *
     * @param encapsulation that is to be rehearsed.
     * @param hasOffload whether there is a way for superframes that need no cutting.
     * @param hasBatches whether several frames of pods are read or written with one call.
     * @throws io.weft.linux.LinuxException if the kernel refuses, as where the loopback is down.
     * @throws UncheckedIOException likewise.
     */
    public Rehearsal(final Encapsulation encapsulation, final boolean hasOffload, final boolean hasBatches) {
        frames = new RehearsalFrames(MTU, Encapsulation.VXLAN == encapsulation);
        peer = new RehearsalNode(encapsulation, PEER_MAC, NO_PORT, MTU, hasOffload, hasBatches);
        @Nullable RehearsalNode opened = null;
        boolean isOpen = false;
        try {
            opened = new RehearsalNode(encapsulation, MAC, peer.underlayPort(), MTU, hasOffload, hasBatches);
            opened.sendTo(PEER_MAC);
            node = opened;
            carrier = openCarrier(peer.underlayPort());
            isOpen = true;
        } catch (final IOException refused) {
            throw new UncheckedIOException(refused);
        } finally {
            if (!isOpen) {
                CloseHelper.closeAll(opened, peer);
            }
        }
    }

    private static DatagramChannel openCarrier(final int peerPort) throws IOException {
        final DatagramChannel opened = DatagramChannel.open(StandardProtocolFamily.INET);
        boolean isReady = false;
        try {
            bind(opened);
            opened.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), peerPort));
            opened.configureBlocking(false);
            isReady = true;
            return opened;
        } finally {
            if (!isReady) {
                opened.close();
            }
        }
    }

    /** To the node's other address, where the loopback has more than one. */
    private static void bind(final DatagramChannel opened) throws IOException {
        try {
            opened.bind(new InetSocketAddress(RehearsalNode.otherLoopback(), 0));
        } catch (final BindException oneAddress) {
            opened.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        }
    }

    /**
     * Sends packets of all kinds through, until the compiler has seen enough of them and has made of it what it wants.
     *
     * @param limitNs how long it may take.
     * @return how many came out at the peer; 0 if none do, as where a firewall takes them.
     * @throws InterruptedException if the thread is interrupted; then it has ended early.
     */
    public long run(final long limitNs) throws InterruptedException {
        final long deadlineNs = System.nanoTime() + limitNs;
        final long sendingEndNs = deadlineNs - limitNs / PAUSES_SHARE;
        final CompilerThreads compilers = CompilerThreads.ofThisJvm();
        long nowNs = System.nanoTime();
        for (int round = 0; nowNs - sendingEndNs < 0 && (round < ROUNDS || !compilers.areQuiet(nowNs)); round++) {
            if (ROUNDS_OF_TRIAL == round && !isThrough(System.nanoTime() + limitNs / TRIAL_SHARE)) {
                return 0;
            }
            node.offloadMode(0 == round % ROUNDS_OF_OFFLOAD ? TunnelOffload.Mode.ON : TunnelOffload.Mode.OFF);
            for (final RehearsalFrames.Frame frame : frames.small()) {
                send(frame, deadlineNs);
            }
            final int shortKind =
                    round / ROUNDS_OF_OFFLOAD % frames.shortSuperframes().size();
            send(frames.shortSuperframes().get(shortKind), deadlineNs);
            if (0 == round % ROUNDS_OF_SUPERFRAME) {
                final int kind =
                        round / ROUNDS_OF_SUPERFRAME % frames.superframes().size();
                send(frames.superframes().get(kind), deadlineNs);
            }
            nowNs = System.nanoTime();
        }
        for (int pause = 0; pause < PAUSES && System.nanoTime() - deadlineNs < 0; pause++) {
            node.pauseAndResume();
            peer.pauseAndResume();
        }
        return peer.delivered();
    }

    /** Whether anything comes out at the peer, whose data threads may get a processor late. */
    private boolean isThrough(final long deadlineNs) {
        while (0 == peer.delivered()) {
            if (System.nanoTime() - deadlineNs >= 0) {
                return false;
            }
            drain(peer.host());
            LockSupport.parkNanos(REST_NS);
        }
        return true;
    }

    /** Gives a frame to the node when there is room for it, and takes what has come through meanwhile. */
    private void send(final RehearsalFrames.Frame frame, final long deadlineNs) {
        while (true) {
            final boolean isSent = node.host().write(frame.memory().addressOffset(), frame.length()) > 0;
            final int taken = drain(peer.host()) + carryUnsegmented();
            if (isSent || System.nanoTime() - deadlineNs >= 0) {
                return;
            }
            if (0 == taken) {
                LockSupport.parkNanos(REST_NS);
            }
        }
    }

    /** Hands the peer what the node has sent unsegmented, without what is in front of its tunnel header; returns how many frames. */
    private int carryUnsegmented() {
        int frames = 0;
        int length;
        while ((length = node.outlet().read(received.addressOffset(), received.capacity())) > 0) {
            frames++;
            try {
                carrier.write(memory.slice(TunnelSuperframe.LENGTH, length - TunnelSuperframe.LENGTH));
            } catch (final IOException refused) {
                // One that is lost is one the less.
            }
        }
        return frames;
    }

    /** Takes what lies in a line; returns how many frames. */
    private int drain(final TunDevice end) {
        int frames = 0;
        while (end.read(received.addressOffset(), received.capacity()) > 0) {
            frames++;
        }
        return frames;
    }

    @Override
    public void close() {
        CloseHelper.closeAll(carrier, node, peer);
    }
}
