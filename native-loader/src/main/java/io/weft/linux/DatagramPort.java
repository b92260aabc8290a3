/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/** Where datagrams come from the underlay and go to it: a UDP socket, or in a test whatever stands for one. */
public interface DatagramPort extends ReceivePort {
    /** Sends up to {@code count} messages from {@code from} on; a negative errno is about the first of them. */
    int send(MessageVector messages, int from, int count);
}
