/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.linux.PacketPort;
import java.util.ArrayList;
import java.util.List;
import org.agrona.CloseHelper;
import org.agrona.concurrent.SystemNanoClock;

/** One way out and one way in, with queues, counters and threads of their own. */
final class Worker implements AutoCloseable {
    private final EgressReceiver egressReceiver;
    private final EgressSender egressSender;
    private final IngressReceiver ingressReceiver;
    private final IngressSender ingressSender;
    private final CommandQueue ingressCommands;
    private final WorkerCounters counters;
    private final List<Doorbell> doorbells = new ArrayList<>();
    private final List<AgentThread> threads = new ArrayList<>();

    Worker(final DataPlaneContext context, final int index) {
        final Doorbell[] bells = doorbells(context.threadingMode());
        counters = new WorkerCounters(context.counters(), index);
        final PacketPort host = context.hostPorts().get(index);
        final EgressRing egressRing = new EgressRing(context.egressRingLength(), context.egressFrames());
        final IngressRing ingressRing = new IngressRing(
                context.ingressSlots(),
                context.ingressFrames(),
                context.hostJoinsUdp(),
                context.tunnel().headerLength());
        ingressCommands = new CommandQueue(bells[2]);
        egressReceiver = new EgressReceiver(
                host,
                egressRing,
                context.tunnel(),
                context.routing().newReader(),
                new UnreachableNotifier(context.hostIpv4(), context.hostIpv6(), SystemNanoClock.INSTANCE),
                new CommandQueue(bells[0]),
                counters,
                bells[1],
                index);
        egressSender = new EgressSender(
                egressRing,
                context.sendPorts().get(index),
                context.maxSegments(),
                context.tunnelOffload(),
                counters,
                bells[0],
                index);
        ingressReceiver = new IngressReceiver(
                context.receivePorts().get(index), ingressRing, context, ingressCommands, counters, bells[3], index);
        ingressSender = new IngressSender(host, ingressRing, counters, bells[2], index);
        planThreads(context, index, bells, counters);
    }

    /** The doorbell of each agent's thread, in the order of {@link #agents}. */
    private Doorbell[] doorbells(final ThreadingMode mode) {
        final int count = switch (mode) {
            case INVOKER, SHARED -> 1;
            case SHARED_NETWORK -> 2;
            case DEDICATED -> 4;
        };
        for (int i = 0; i < count; i++) {
            doorbells.add(new Doorbell());
        }
        final Doorbell[] bells = new Doorbell[agentCount()];
        for (int i = 0; i < bells.length; i++) {
            bells[i] = doorbells.get(i * count / bells.length);
        }
        return bells;
    }

    private static int agentCount() {
        return 4;
    }

    private List<PolledAgent> agents() {
        return List.of(egressReceiver, egressSender, ingressReceiver, ingressSender);
    }

    private void planThreads(
            final DataPlaneContext context, final int index, final Doorbell[] bells, final WorkerCounters counters) {
        if (ThreadingMode.INVOKER == context.threadingMode()) {
            return;
        }
        final List<PolledAgent> agents = agents();
        final int agentsPerThread = agents.size() / doorbells.size();
        for (int first = 0; first < agents.size(); first += agentsPerThread) {
            final List<PolledAgent> sharing = agents.subList(first, first + agentsPerThread);
            final String name = switch (agentsPerThread) {
                case 1 -> sharing.get(0).roleName();
                case 2 -> (0 == first ? "weft-egress-" : "weft-ingress-") + index;
                default -> "weft-worker-" + index;
            };
            threads.add(new AgentThread(name, sharing, bells[first], context, counters));
        }
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

    boolean mtu(final int mtu) {
        return ingressCommands.offer(() -> ingressReceiver.onMtu(mtu));
    }

    @Override
    public void close() {
        CloseHelper.closeAll(doorbells);
    }
}
