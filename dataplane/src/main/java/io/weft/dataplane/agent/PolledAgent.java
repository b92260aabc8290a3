/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import org.agrona.concurrent.Agent;

/** An agent whose thread may wait in poll(2) while there is nothing to do. */
public interface PolledAgent extends Agent {
    /** Bytes that count as much work as a frame by itself, in what {@link #doWork} returns. */
    int WORK_LENGTH = 0x1000;

    /** The descriptor that becomes readable when there is work, or -1 for an agent that is woken by the doorbell. */
    int pollFd();

    /** Another one, of an agent that has work from two places; else -1. */
    default int secondPollFd() {
        return -1;
    }

    /** The most outputs that the agent may wait for; the same at all times. */
    default int maxOutputs() {
        return 0;
    }

    /** How many outputs the agent waits for: there is work when one of them takes something. */
    default int outputs() {
        return 0;
    }

    /** The descriptor of an output that the agent waits for, to become writable. */
    default int outputFd(final int index) {
        return -1;
    }

    /** Nothing was to be done, and whoever waits for the core of this thread gets it now: the thread gives way, or waits. */
    default void onIdle() {}

    /** Whether there is work that no descriptor tells of. */
    boolean hasWork();

    /**
     * Whether readable means that there is work: false while the agent waits for another to make room, which rings the
     * doorbell when it has.
     */
    boolean wantsInput();
}
