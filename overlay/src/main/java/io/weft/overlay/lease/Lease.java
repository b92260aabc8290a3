/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lease;

/**
 * One node's part of the overlay.
 *
 * @param key the subnets it owns.
 * @param attributes how it is reached.
 */
public record Lease(LeaseKey key, LeaseAttributes attributes) {
    @Override
    public String toString() {
        return key + " " + attributes.json();
    }
}
