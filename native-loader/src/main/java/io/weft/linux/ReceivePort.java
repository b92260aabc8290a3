/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/**
 * Where messages come from the underlay: a UDP socket, a packet socket, or in a test whatever stands for one. All results follow
 * the kernel's habit: a count, or a negative errno.
 */
public interface ReceivePort {
    /** The descriptor to be polled for messages; negative if there is none. */
    int fd();

    /** Receives up to {@code count} messages into those from {@code from} on; -{@link Errno#EAGAIN} if there is none. */
    int receive(MessageVector messages, int from, int count);
}
