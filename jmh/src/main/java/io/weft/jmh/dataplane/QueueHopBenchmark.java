/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.jmh.dataplane;

import java.util.concurrent.TimeUnit;
import org.jctools.queues.varhandle.SpscVarHandleArrayQueue;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * What the queue between a receiver and a sender costs a frame: on one thread, as in mode SHARED, and there and back over
 * another thread that spins, as in mode DEDICATED under load.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class QueueHopBenchmark {
    private static final int CAPACITY = 256;

    private final Object frame = new Object();
    private final SpscVarHandleArrayQueue<Object> there = new SpscVarHandleArrayQueue<>(CAPACITY);
    private final SpscVarHandleArrayQueue<Object> back = new SpscVarHandleArrayQueue<>(CAPACITY);
    private final SpscVarHandleArrayQueue<Object> own = new SpscVarHandleArrayQueue<>(CAPACITY);
    private volatile boolean running;
    private Thread echo = new Thread();

    /** Starts the thread that hands every frame back. */
    @Setup(Level.Iteration)
    public void setUp() {
        running = true;
        echo = new Thread(() -> {
            while (running) {
                final Object received = there.relaxedPoll();
                if (null != received) {
                    back.offer(received);
                } else {
                    Thread.onSpinWait();
                }
            }
        });
        echo.start();
    }

    /** Ends that thread. */
    @TearDown(Level.Iteration)
    public void tearDown() throws InterruptedException {
        running = false;
        echo.join();
    }

    /** Offer and poll on one thread. */
    @Benchmark
    public Object sameThread() {
        own.offer(frame);
        return own.relaxedPoll();
    }

    /** Two hops: to the other thread and back. */
    @Benchmark
    public Object thereAndBack() {
        there.offer(frame);
        Object received = back.relaxedPoll();
        while (null == received) {
            Thread.onSpinWait();
            received = back.relaxedPoll();
        }
        return received;
    }
}
