/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/**
 * Where datagrams come from the underlay and go to it: a UDP socket, or in a test whatever stands for one. All results
 * follow the kernel's habit: a count, or a negative errno.
 */
public interface DatagramPort {
    /** The descriptor to be polled for datagrams; negative if there is none. */
    int fd();

    /** Receives up to {@code count} messages into those from {@code from} on; -{@link Errno#EAGAIN} if there is none. */
    int receive(MessageVector messages, int from, int count);

    /** Sends up to {@code count} messages from {@code from} on; a negative errno is about the first of them. */
    int send(MessageVector messages, int from, int count);
}
