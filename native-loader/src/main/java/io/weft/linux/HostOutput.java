/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/** Where IP packets go that the host itself has something to say by: a {@link RawSocket}, or in a test whatever stands for it. */
@FunctionalInterface
public interface HostOutput {
    /**
     * Sends one packet, whole with its IP header, to its destination. Nothing is thrown and nothing allocated. One thread.
     *
     * @param address of the packet.
     * @param length in bytes.
     * @return the length sent, or a negative errno.
     */
    int send(long address, int length);
}
