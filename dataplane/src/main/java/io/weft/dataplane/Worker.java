/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.agent.AgentThread;
import io.weft.dataplane.agent.Backlog;
import io.weft.dataplane.agent.CommandQueue;
import io.weft.dataplane.agent.Doorbell;
import io.weft.dataplane.agent.PolledAgent;
import io.weft.dataplane.agent.StarvationWatch;
import io.weft.dataplane.agent.Urgency;
import io.weft.dataplane.capture.Captures;
import io.weft.dataplane.capture.Offender;
import io.weft.dataplane.capture.Tap;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.egress.EgressMemory;
import io.weft.dataplane.egress.EgressReceiver;
import io.weft.dataplane.egress.EgressRing;
import io.weft.dataplane.egress.EgressSender;
import io.weft.dataplane.egress.FairQueue;
import io.weft.dataplane.egress.UnreachableNotifier;
import io.weft.dataplane.ingress.DatagramReceiver;
import io.weft.dataplane.ingress.DeliveryBurst;
import io.weft.dataplane.ingress.IngressCheck;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.dataplane.ingress.IngressReceiver;
import io.weft.dataplane.ingress.IngressRing;
import io.weft.dataplane.ingress.IngressSender;
import io.weft.dataplane.ingress.PacketReceiver;
import io.weft.dataplane.ingress.UnderlayReceiver;
import io.weft.dataplane.tunnel.PodPathMtu;
import io.weft.encap.FrameHeader;
import io.weft.linux.Framing;
import io.weft.linux.PacketPort;
import io.weft.routing.RoutingReader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.agrona.concurrent.SystemNanoClock;
import org.jspecify.annotations.Nullable;

/** One way out and one way in, with queues, counters and threads of their own. */
final class Worker implements AutoCloseable {
    private final Resources resources = new Resources();
    private final EgressReceiver egressReceiver;
    private final EgressSender egressSender;
    private final IngressReceiver ingressReceiver;
    private final IngressSender ingressSender;
    private final CommandQueue ingressCommands;
    private final WorkerCounters counters;
    private final List<Tap> taps = new ArrayList<>();
    private final Doorbells doorbells;
    private final Backlog egressBacklog;
    private final Backlog ingressBacklog;
    private final List<AgentThread> threads;

    Worker(
            final DataPlaneContext context,
            final PodPathMtu podPathMtu,
            final AtomicReference<IngressPolicy> ingressPolicy,
            final Captures captures,
            final @Nullable StarvationWatch watch,
            final int index) {
        egressBacklog = new Backlog(SystemNanoClock.INSTANCE, watch);
        ingressBacklog = new Backlog(SystemNanoClock.INSTANCE, watch);
        counters = new WorkerCounters(context.counters(), context.peers(), index);
        try {
            doorbells = Doorbells.of(context.threadingMode(), resources);
            final EgressMemory egressMemory =
                    resources.add(new EgressMemory(context.egressRingLength(), context.egressHeldLength()));
            final EgressRing egressRing = new EgressRing(egressMemory, context.egressFrames());
            final FairQueue waiting =
                    new FairQueue(egressMemory, context.sendPorts().get(index).size());
            egressReceiver = egressReceiver(context, egressRing, waiting, podPathMtu, captures, index);
            egressSender = egressSender(context, egressRing, waiting, captures, index);
            final IngressRing ingressRing = ingressRing(context, index);
            ingressCommands = new CommandQueue(doorbells.ingressReceiver());
            ingressReceiver = ingressReceiver(context, ingressRing, ingressPolicy, podPathMtu, captures, index);
            ingressSender = ingressSender(context, ingressRing, captures, index);
            threads = threads(context, index);
        } catch (final RuntimeException | Error failure) {
            resources.closeAfter(failure);
            throw failure;
        }
    }

    private EgressReceiver egressReceiver(
            final DataPlaneContext context,
            final EgressRing ring,
            final FairQueue waiting,
            final PodPathMtu podPathMtu,
            final Captures captures,
            final int index) {
        final RoutingReader reader = context.routing().newReader();
        resources.add(() -> context.routing().removeReader(reader));
        return new EgressReceiver(
                context.hostPorts().get(index),
                ring,
                waiting,
                context.tunnel(),
                reader,
                new UnreachableNotifier(
                        context.hostOutput(index), context.hostIpv4(), context.hostIpv6(), SystemNanoClock.INSTANCE),
                podPathMtu,
                context.unanswered(),
                egressBacklog,
                counters,
                tap(captures, index),
                doorbells.egressSender(),
                index);
    }

    private EgressSender egressSender(
            final DataPlaneContext context,
            final EgressRing ring,
            final FairQueue waiting,
            final Captures captures,
            final int index) {
        return new EgressSender(
                ring,
                waiting,
                context.unanswered(),
                context.sendPorts().get(index),
                context.maxSegments(),
                context.packetTransmission(),
                context.tunnelOffload(),
                SystemNanoClock.INSTANCE,
                counters,
                tap(captures, index),
                doorbells.egressReceiver(),
                index);
    }

    private static IngressRing ingressRing(final DataPlaneContext context, final int index) {
        final Framing framing = context.hostPorts().get(index).framing();
        return new IngressRing(
                context.ingressSlots(),
                context.ingressFrames(),
                frameHeader(framing),
                framing.takesUdpSuperframes(),
                context.tunnel().headerLength());
    }

    private IngressReceiver ingressReceiver(
            final DataPlaneContext context,
            final IngressRing ring,
            final AtomicReference<IngressPolicy> policy,
            final PodPathMtu podPathMtu,
            final Captures captures,
            final int index) {
        return new IngressReceiver(
                underlayReceiver(context, ring, index),
                ring,
                context.tunnel(),
                new IngressCheck(policy, context.unanswered(), counters),
                context.mtu(),
                podPathMtu,
                ingressBacklog,
                ingressCommands,
                counters,
                tap(captures, index),
                doorbells.ingressSender(),
                index);
    }

    private IngressSender ingressSender(
            final DataPlaneContext context, final IngressRing ring, final Captures captures, final int index) {
        final PacketPort host = context.hostPorts().get(index);
        return new IngressSender(
                host,
                host.framing().headerLength(),
                new DeliveryBurst(Worker::giveWay, SystemNanoClock.INSTANCE),
                ring,
                counters,
                tap(captures, index),
                doorbells.ingressReceiver(),
                index);
    }

    @SuppressWarnings(
            "ThreadPriorityCheck") // sched_yield(2) is meant, which does nothing where nobody waits for the core
    private static void giveWay() {
        Thread.yield();
    }

    private Tap tap(final Captures captures, final int index) {
        final Tap tap = new Tap(captures, index);
        taps.add(tap);
        return tap;
    }

    private UnderlayReceiver underlayReceiver(final DataPlaneContext context, final IngressRing ring, final int index) {
        final DatagramReceiver datagrams =
                new DatagramReceiver(context.receivePorts().get(index), ring);
        return context.packetPorts().isEmpty()
                ? datagrams
                : new PacketReceiver(
                        context.packetPorts().get(index), context.packetFilter(), datagrams, ring, counters);
    }

    private static FrameHeader frameHeader(final Framing framing) {
        return 0 == framing.linkHeaderLength()
                ? FrameHeader.ofPackets()
                : FrameHeader.ofEthernet(framing.destinationMac(), framing.sourceMac());
    }

    /** For each agent the doorbell of its thread: agents that share a thread share its doorbell. */
    private record Doorbells(
            Doorbell egressReceiver, Doorbell egressSender, Doorbell ingressReceiver, Doorbell ingressSender) {
        /** @param resources which close them. */
        static Doorbells of(final ThreadingMode mode, final Resources resources) {
            final Doorbell first = resources.add(new Doorbell());
            return switch (mode) {
                case INVOKER, SHARED -> new Doorbells(first, first, first, first);
                case SHARED_NETWORK -> {
                    final Doorbell ingress = resources.add(new Doorbell());
                    yield new Doorbells(first, first, ingress, ingress);
                }
                case DEDICATED ->
                    new Doorbells(
                            first,
                            resources.add(new Doorbell()),
                            resources.add(new Doorbell()),
                            resources.add(new Doorbell()));
            };
        }
    }

    private List<AgentThread> threads(final DataPlaneContext context, final int index) {
        return switch (context.threadingMode()) {
            case INVOKER -> List.of();
            case SHARED -> List.of(thread(context, "weft-worker-" + index, doorbells.egressReceiver(), agents()));
            case SHARED_NETWORK ->
                List.of(
                        thread(
                                context,
                                "weft-egress-" + index,
                                doorbells.egressReceiver(),
                                List.of(egressReceiver, egressSender)),
                        thread(
                                context,
                                "weft-ingress-" + index,
                                doorbells.ingressReceiver(),
                                List.of(ingressReceiver, ingressSender)));
            case DEDICATED ->
                List.of(
                        thread(context, egressReceiver, doorbells.egressReceiver()),
                        thread(context, egressSender, doorbells.egressSender()),
                        thread(context, ingressReceiver, doorbells.ingressReceiver()),
                        thread(context, ingressSender, doorbells.ingressSender()));
        };
    }

    private AgentThread thread(final DataPlaneContext context, final PolledAgent only, final Doorbell doorbell) {
        return thread(context, only.roleName(), doorbell, List.of(only));
    }

    private AgentThread thread(
            final DataPlaneContext context,
            final String name,
            final Doorbell doorbell,
            final List<? extends PolledAgent> agents) {
        return resources.add(new AgentThread(
                name,
                agents,
                doorbell,
                context.spinNs(),
                context.busyPoll(),
                counters,
                context.errorHandler(),
                new Urgency(
                        List.of(egressBacklog, ingressBacklog),
                        backlogsOf(agents),
                        context.busyPoll() ? Urgency.NEVER : context.realTimePriority(),
                        context.schedulingRefusals())));
    }

    private List<Backlog> backlogsOf(final List<? extends PolledAgent> agents) {
        final List<Backlog> backlogs = new ArrayList<>();
        if (agents.contains(egressReceiver)) {
            backlogs.add(egressBacklog);
        }
        if (agents.contains(ingressReceiver)) {
            backlogs.add(ingressBacklog);
        }
        return backlogs;
    }

    /** In the order of a packet's way. */
    private List<PolledAgent> agents() {
        return List.of(egressReceiver, egressSender, ingressReceiver, ingressSender);
    }

    /** Two counters that are the control thread's. */
    void countLosses(final long fromHost, final long fromUnderlay) {
        counters.add(DataPlaneCounter.EGRESS_HOST_LOSSES, fromHost);
        counters.add(DataPlaneCounter.INGRESS_HOST_LOSSES, fromUnderlay);
    }

    WorkerCounters counters() {
        return counters;
    }

    void takeOffenders(final Consumer<Offender> consumer) {
        taps.forEach(tap -> tap.offenders().take(consumer));
    }

    long counted(final DataPlaneCounter counter) {
        return counters.of(counter).get();
    }

    List<AgentThread> threads() {
        return threads;
    }

    int invoke() {
        return egressReceiver.doWork() + egressSender.doWork() + ingressReceiver.doWork() + ingressSender.doWork();
    }

    /** Has the receiver look at its sockets anew, if it waits for those that were there before. */
    void wakeReceiver() {
        doorbells.ingressReceiver().ring();
    }

    /** Sends and delivers what was received, and gives up what the underlay does not take; while no thread of this worker runs. */
    void drain() {
        drain(egressSender);
        egressSender.abandon();
        do {
            drain(ingressSender);
        } while (ingressReceiver.joinRest());
    }

    private static void drain(final PolledAgent sender) {
        try {
            while (sender.hasWork() && sender.doWork() > 0) {
                // until nothing is left
            }
        } catch (final Exception failure) {
            throw new IllegalStateException("send what was received", failure);
        }
    }

    boolean mtu(final int mtu) {
        return ingressCommands.offer(() -> ingressReceiver.onMtu(mtu));
    }

    /** Stops its threads and waits for their end. */
    @Override
    public void close() {
        resources.close();
    }
}
