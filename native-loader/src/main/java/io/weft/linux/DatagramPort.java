/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/** Where datagrams come from the underlay and go to it: a UDP socket, or in a test whatever stands for one. */
public interface DatagramPort extends ReceivePort {
    /** Sends up to {@code count} messages from {@code from} on; a negative errno is about the first of them. */
    int send(MessageVector messages, int from, int count);

    /**
     * Sets how much of what was sent may wait in the host's queues, the kernel's own record of each packet included. The thread that
     * sends.
     *
     * @param bytes as the kernel counts them, {@code sk_sndbuf}; it gives what it can.
     */
    void sendBufferLength(int bytes);
}
