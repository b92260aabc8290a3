/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

/**
 * What pods saw of packets that both sent to each other for a while.
 *
 * @param sent by both.
 * @param lost of those.
 * @param overflowed of the lost, those that the receiving pod's own socket had no room for.
 * @param latestMs how late the latest came after it was to be sent.
 * @param longestSilenceMs the longest time in which one of them received nothing.
 */
public record PacketInterval(long sent, long lost, long overflowed, double latestMs, double longestSilenceMs) {}
