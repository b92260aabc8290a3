/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

/**
 * The last check of the way to a peer.
 *
 * @param timeMs when it ended, in milliseconds since 1970.
 * @param rttNs round trip through the overlay in nanoseconds; 0 without an answer.
 */
public record PathCheck(PathState state, long timeMs, long rttNs) {}
