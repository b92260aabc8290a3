/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

/**
 * An interval in which something happened.
 *
 * @param interval what pods saw.
 * @param isWithin whether the event had happened before the interval ended.
 */
record Outcome<T>(T interval, boolean isWithin) {}
