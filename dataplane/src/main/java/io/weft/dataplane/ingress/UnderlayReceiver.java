/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

/**
 * Where messages come from the underlay: receives a batch of them into the slots of the {@link IngressRing} that it was made for,
 * and then tells of each. Owned by the ingress receiver. A process has one implementation in use, or two: the compiler sees no
 * interface.
 */
public interface UnderlayReceiver {
    /** The descriptor to be polled. */
    int fd();

    /** Another one to be polled; negative if there is none. */
    int secondFd();

    /**
     * Receives messages, one into each slot.
     *
     * @return how many; each must be {@link #read} before its slot is received into again. Or a negative errno;
     *     -{@link io.weft.linux.Errno#EAGAIN} if there is none.
     */
    int receive(int firstSlot, int count);

    /** Tells of the message in a slot, once, and makes the slot ready to be received into again. */
    void read(int slot, ReceivedMessage message);
}
