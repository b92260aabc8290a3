/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

import java.util.List;

/**
 * What was found.
 *
 * @param packets turns at a rate of packets each way.
 * @param streams turns under TCP streams at full rate.
 * @param gaps of other restarts.
 * @param left what could not be measured, in words.
 */
public record Findings(
        List<Turn<PacketInterval>> packets, List<Turn<StreamInterval>> streams, List<Gap> gaps, List<String> left) {}
