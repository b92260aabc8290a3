/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import org.jctools.queues.varhandle.MpscVarHandleArrayQueue;

/**
 * Commands of other threads, which the agent runs on its own thread, one in each duty cycle: for what must not change within one. What is
 * one immutable value, as a policy or the next hops, is a volatile field instead, read once in a duty cycle. Any thread may offer.
 */
public final class CommandQueue {
    private static final int CAPACITY = 256;

    private final MpscVarHandleArrayQueue<Runnable> queue = new MpscVarHandleArrayQueue<>(CAPACITY);
    private final Doorbell doorbell;

    /**
     * @param doorbell of the thread that the agent runs on.
     */
    public CommandQueue(final Doorbell doorbell) {
        this.doorbell = doorbell;
    }

    /**
     * Offers a command.
     *
     * @return false if the agent has fallen so far behind that the queue is full; the caller decides what then.
     */
    public boolean offer(final Runnable command) {
        final boolean taken = queue.offer(command);
        if (taken) {
            doorbell.ring();
        }
        return taken;
    }

    /** The agent: runs the next command, if there is one, and returns the work done. */
    public int runOne() {
        final Runnable command = queue.relaxedPoll();
        if (null == command) {
            return 0;
        }
        command.run();
        return 1;
    }

    /** Whether the agent has no command to run. */
    public boolean isEmpty() {
        return queue.isEmpty();
    }
}
