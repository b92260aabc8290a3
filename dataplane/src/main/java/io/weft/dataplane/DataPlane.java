/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.dataplane.agent.AgentThread;
import io.weft.dataplane.agent.Booster;
import io.weft.dataplane.agent.SchedulingRefusals;
import io.weft.dataplane.agent.StarvationWatch;
import io.weft.dataplane.agent.Urgency;
import io.weft.dataplane.agent.VmThread;
import io.weft.dataplane.capture.Captures;
import io.weft.dataplane.capture.Offender;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.dataplane.tunnel.PodPathMtu;
import io.weft.dataplane.underlay.TunnelOffload;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.agrona.CloseHelper;
import org.agrona.concurrent.SystemNanoClock;
import org.jspecify.annotations.Nullable;

/**
 * The forwarder of one node: for each worker a way out and a way in, of two agents each, put on threads as the
 * {@link ThreadingMode} says.
 *
 * <pre>
 *   host's device -> EgressReceiver -> EgressRing  -> EgressSender  -> underlay
 *   host's device <- IngressSender  <- IngressRing <- IngressReceiver <- underlay
 * </pre>
 *
 * Made, started and closed by one thread, the control thread. The ports belong to whoever opened them, who closes them
 * after this.
 */
public final class DataPlane implements AutoCloseable {
    private final Resources resources = new Resources();
    private final List<Worker> workers = new ArrayList<>();
    private final List<AgentThread> threads = new ArrayList<>();
    private final Captures captures = new Captures();
    private final @Nullable TunnelOffload tunnelOffload;
    private final AtomicReference<IngressPolicy> ingressPolicy;
    private final int realTimePriority;
    private final @Nullable Booster booster;
    private final SchedulingRefusals schedulingRefusals;

    /**
     * Leaves nothing behind when it fails, but for counters that are the context's.
     *
     * @param context concluded.
     */
    public DataPlane(final DataPlaneContext context) {
        tunnelOffload = context.tunnelOffload();
        ingressPolicy = new AtomicReference<>(context.ingressPolicy());
        realTimePriority = context.realTimePriority();
        schedulingRefusals = context.schedulingRefusals();
        booster = Urgency.NEVER == realTimePriority || context.busyPoll()
                ? null
                : new Booster(realTimePriority, schedulingRefusals);
        try {
            addWorkers(context);
        } catch (final RuntimeException | Error failure) {
            resources.closeAfter(failure);
            throw failure;
        }
    }

    private void addWorkers(final DataPlaneContext context) {
        final PodPathMtu podPathMtu = new PodPathMtu(SystemNanoClock.INSTANCE);
        for (int i = 0; i < context.workers(); i++) {
            final @Nullable StarvationWatch watch = null == booster ? null : booster.newWatch();
            final Worker worker = new Worker(context, podPathMtu, ingressPolicy, captures, watch, i);
            workers.add(resources.add(worker));
            threads.addAll(worker.threads());
            if (null != watch) {
                watch.threads(worker.threads());
            }
        }
    }

    /** Starts the threads; none in mode {@link ThreadingMode#INVOKER}. */
    public void start() {
        if (Urgency.NEVER != realTimePriority) {
            final int result = VmThread.makeRealTime(realTimePriority);
            if (result < 0) {
                schedulingRefusals.onRealTimeRefused(-result);
            }
        }
        threads.forEach(AgentThread::start);
        if (null != booster) {
            booster.start();
        }
    }

    /** Runs one duty cycle of every agent, in the order of a packet's way. Mode {@link ThreadingMode#INVOKER} only. */
    public int invoke() {
        int work = 0;
        for (final Worker worker : workers) {
            work += worker.invoke();
        }
        return work;
    }

    /**
     * Tells the agents that pods have another MTU.
     *
     * @return false if an agent's command queue is full; to be tried again.
     */
    public boolean mtu(final int mtu) {
        if (null != tunnelOffload) {
            tunnelOffload.mtu(mtu);
        }
        boolean taken = true;
        for (final Worker worker : workers) {
            taken &= worker.mtu(mtu);
        }
        return taken;
    }

    /** Says who may send what from the next batch on. Control thread. */
    public void ingressPolicy(final IngressPolicy policy) {
        ingressPolicy.setRelease(policy);
    }

    /** Who may send what from the next batch on. Any thread. */
    public IngressPolicy ingressPolicy() {
        return ingressPolicy.getAcquire();
    }

    /** Calls with what was refused last by the policy for each reason, if that was after the last call. Control thread. */
    public void takeOffenders(final Consumer<Offender> consumer) {
        workers.forEach(worker -> worker.takeOffenders(consumer));
    }

    /** Has threads that wait for the sockets of the underlay wait for those that are there now. Control thread. */
    public void wakeReceivers() {
        workers.forEach(Worker::wakeReceiver);
    }

    /**
     * Counts what the host dropped since the last call instead of handing it over. Control thread.
     *
     * @param fromHost frames on their way from pods.
     * @param fromUnderlay datagrams from the underlay.
     */
    public void countLosses(final long fromHost, final long fromUnderlay) {
        workers.get(0).countLosses(fromHost, fromUnderlay);
    }

    /** The captures that are on. Any thread. */
    public Captures captures() {
        return captures;
    }

    /** The counters of all workers. Control thread. */
    public List<WorkerCounters> counters() {
        return workers.stream().map(Worker::counters).toList();
    }

    /** What all workers together have counted. From any thread, until the counters' memory goes. */
    public long total(final DataPlaneCounter counter) {
        long sum = 0;
        for (final Worker worker : workers) {
            sum += worker.counted(counter);
        }
        return sum;
    }

    /** What all workers together have dropped for a reason. From any thread, until the counters' memory goes. */
    public long dropped(final DropReason reason) {
        long sum = 0;
        for (final Worker worker : workers) {
            sum += worker.counters().dropped(reason);
        }
        return sum;
    }

    /** The data threads, to be watched; empty in mode {@link ThreadingMode#INVOKER} and before the start. */
    public List<Thread> dataThreads() {
        return threads.stream().map(AgentThread::thread).toList();
    }

    /** How many duty cycles each data thread has ended, by its name: one that goes on ends one within a good second. Any thread. */
    public Map<String, Long> dutyCycles() {
        final Map<String, Long> cycles = new LinkedHashMap<>();
        threads.forEach(thread -> cycles.put(thread.thread().getName(), thread.dutyCycles()));
        return cycles;
    }

    /**
     * Has all threads stand still, and sends and delivers what they had taken in: all that comes waits in the kernel's queues, for
     * {@link #resume} or for another process that has them too. In mode {@link ThreadingMode#INVOKER} it is the caller that stands still.
     *
     * @return false if a thread does not come to that; then all go on.
     */
    public boolean pause() throws InterruptedException {
        boolean isPaused = true;
        try {
            for (final AgentThread thread : threads) {
                isPaused = isPaused && thread.pause();
            }
        } catch (final InterruptedException stop) {
            resume();
            throw stop;
        }
        if (isPaused) {
            workers.forEach(Worker::drain);
        } else {
            resume();
        }
        return isPaused;
    }

    /** Takes {@link #pause} back. */
    public void resume() {
        threads.forEach(AgentThread::resume);
    }

    /** Stops all threads and waits for their end. Packets in flight are sent or delivered no more. */
    @Override
    public void close() {
        CloseHelper.close(booster);
        resources.close();
    }
}
