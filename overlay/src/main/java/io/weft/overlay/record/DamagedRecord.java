/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

/**
 * A daemon on record whose status cannot be read, as one that another version wrote or that was cut short.
 *
 * @param name of its first device.
 * @param words what is wrong, and what to do.
 */
public record DamagedRecord(String name, String words) {}
