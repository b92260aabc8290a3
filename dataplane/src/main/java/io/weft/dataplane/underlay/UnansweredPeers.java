/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.underlay;

import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Peers on the underlay's link whose MAC address the host asks for in vain. What is sent to one of them the host keeps for three seconds,
 * at the expense of the socket that it was sent by, behind which others wait then; so it is not sent. By rows of the {@link
 * io.weft.dataplane.counters.PeerTable}. The control thread says who they are; data threads ask, and leave word of whom they had packets for.
 * Who is heard of is there, and is sent to from then on: the control thread may be a while in learning that he answers, and what a pod says
 * next to the one that has answered it is not to be lost for that.
 */
public final class UnansweredPeers {
    private static final int ANSWERED = 0;
    private static final int UNANSWERED = 1;
    private static final int WANTED = 2;

    private final AtomicIntegerArray states;

    /** @param rows of the table of peers. */
    public UnansweredPeers(final int rows) {
        states = new AtomicIntegerArray(rows);
    }

    /** Whether nothing is to be sent to a peer. Data threads. */
    public boolean refuses(final int peer) {
        final int state = states.getOpaque(peer);
        if (ANSWERED == state) {
            return false;
        }
        if (UNANSWERED == state) {
            states.compareAndSet(peer, UNANSWERED, WANTED);
        }
        return true;
    }

    /** Nothing is to be sent to a peer from now on. Control thread. */
    public void refuse(final int peer) {
        states.compareAndSet(peer, ANSWERED, UNANSWERED);
    }

    /** A peer has sent something: it is sent to again. Data threads. */
    public void hear(final int peer) {
        if (ANSWERED != states.getOpaque(peer)) {
            states.set(peer, ANSWERED);
        }
    }

    /** Whether a peer that was refused is sent to since something came from it. Control thread. */
    public boolean isAdmitted(final int peer) {
        return ANSWERED == states.getOpaque(peer);
    }

    /** A peer is sent to again. Control thread. */
    public void admit(final int peer) {
        states.set(peer, ANSWERED);
    }

    /** Whether there were packets for a peer that is refused, since that was last asked. Control thread. */
    public boolean takeWanted(final int peer) {
        return states.compareAndSet(peer, WANTED, UNANSWERED);
    }
}
