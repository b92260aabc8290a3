/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

/**
 * One counter of a forwarding plane.
 *
 * @param device that the plane forwards for.
 * @param worker whose counter it is.
 * @param label as in the counters file.
 * @param value as it was read.
 */
public record CounterSample(String device, int worker, String label, long value) {}
