/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

/**
 * How many questions that are alike got no answer, on a way that answers others.
 *
 * @param lost of those that were asked.
 * @param isLimit whether all are answered that are asked slowly, on the underlay and through the overlay alike: the node limits how many pings
 *     it answers, which pods do not meet.
 */
public record Losses(int lost, int asked, boolean isLimit) {
    private static final int MANY = 4;

    /** None, or none that are known. */
    public static final Losses NONE = new Losses(0, 0, false);

    static Losses ofOne(final boolean isLost) {
        return new Losses(isLost ? 1 : 0, 1, false);
    }

    Losses and(final Losses others) {
        return new Losses(lost + others.lost, asked + others.asked, isLimit || others.isLimit);
    }

    Losses asLimit() {
        return new Losses(lost, asked, true);
    }

    /** As many as a way that loses packets seldom does. */
    boolean isMany() {
        return lost * MANY >= asked && lost > 0;
    }

    boolean isAny() {
        return lost > 0;
    }

    /** Whether pods' packets are lost too. */
    public boolean isOfPods() {
        return isAny() && !isLimit;
    }
}
