/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

/**
 * The last check of the way to a peer.
 *
 * @param timeMs when it ended, in milliseconds since 1970.
 */
public record PathCheck(PathState state, long timeMs) {}
