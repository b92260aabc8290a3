/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

/**
 * How many questions that are alike got no answer, on a way that answers others.
 *
 * @param lost of those that were asked.
 */
public record Losses(int lost, int asked) {
    /** None, or none that are known. */
    public static final Losses NONE = new Losses(0, 0);

    Losses and(final Losses others) {
        return new Losses(lost + others.lost, asked + others.asked);
    }

    boolean isAny() {
        return lost > 0;
    }
}
