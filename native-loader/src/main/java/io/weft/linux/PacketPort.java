/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/**
 * Where packets come from the host and go to it: a TUN queue, or in a test whatever stands for one. Every packet has a
 * {@code struct virtio_net_hdr} in front. All results follow the kernel's habit: a length, or a negative errno.
 */
public interface PacketPort {
    /** The descriptor to be polled for packets; negative if there is none. */
    int fd();

    /** Reads one packet of at most {@code capacity} bytes; -{@link Errno#EAGAIN} if there is none. */
    int read(long address, int capacity);

    /** Writes one packet from contiguous memory. */
    int write(long address, int length);

    /** Writes one packet from an array of {@code count} {@code struct iovec}. */
    int writev(long iovecs, int count);
}
