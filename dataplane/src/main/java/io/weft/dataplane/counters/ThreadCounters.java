/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import org.agrona.concurrent.status.AtomicCounter;

/**
 * The counters of one data thread, which alone writes them, but for {@code boosts}, which the booster does.
 *
 * @param idleNs as {@link ThreadCounter#IDLE_NS}.
 * @param cycles as {@link ThreadCounter#CYCLES}.
 * @param busyNs as {@link ThreadCounter#BUSY_NS}.
 * @param longestCycleNs as {@link ThreadCounter#LONGEST_CYCLE_NS}.
 * @param urgentNs as {@link ThreadCounter#URGENT_NS}.
 * @param boosts as {@link ThreadCounter#BOOSTS}.
 * @param polls as {@link ThreadCounter#POLLS}.
 * @param yields as {@link ThreadCounter#YIELDS}.
 */
public record ThreadCounters(
        AtomicCounter idleNs,
        AtomicCounter cycles,
        AtomicCounter busyNs,
        AtomicCounter longestCycleNs,
        AtomicCounter urgentNs,
        AtomicCounter boosts,
        AtomicCounter polls,
        AtomicCounter yields) {}
