/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

/**
 * What pods saw of TCP streams at full rate for a while.
 *
 * @param gigabitsPerSecond of all together.
 * @param timeouts of retransmission, in both pods.
 * @param trouble that ended the streams; empty if there was none.
 */
public record StreamInterval(double gigabitsPerSecond, long timeouts, String trouble) {}
