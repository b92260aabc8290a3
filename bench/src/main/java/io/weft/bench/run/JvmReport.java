/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

/**
 * How a node's weftd fared over the whole run.
 *
 * @param node the node's letter.
 * @param collections how often the collector stopped it.
 * @param maxPauseMs the longest stop; 0 if there was none.
 * @param cpuSeconds processor time since its start.
 */
public record JvmReport(Pairing pairing, String node, int collections, double maxPauseMs, double cpuSeconds) {}
