/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

import io.weft.bench.stats.Spread;

/**
 * What a kind of restart cost packets that come at a low rate, so that those of a second fit any queue.
 *
 * @param restart in words.
 * @param isLossless whether what fits the queues may not be lost.
 * @param isWithin whether each restart had ended before its interval did; else packets were silent for longer than is known.
 * @param lost of all rounds.
 * @param silenceMs the longest time without a packet, of each round.
 */
public record Gap(String restart, boolean isLossless, boolean isWithin, long lost, Spread silenceMs) {}
