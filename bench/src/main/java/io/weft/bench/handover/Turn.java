/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

/**
 * Two intervals of one length and load.
 *
 * @param quiet without a handover.
 * @param handover with one.
 * @param isWithin whether the handover had ended before the interval did.
 * @param pauseMs for how long no daemon forwarded, by the log of the new one.
 */
public record Turn<T>(T quiet, T handover, boolean isWithin, double pauseMs) {}
