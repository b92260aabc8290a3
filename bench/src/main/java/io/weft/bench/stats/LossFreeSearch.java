/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.stats;

import java.io.IOException;

/**
 * The highest rate at which no packet is lost, by bisection as RFC 2544 section 26.1 describes. A trial that loses is
 * repeated once before it is believed (binary search with loss verification, ETSI GS NFV-TST 009 section 12.3.3): on a
 * shared machine one pause of the host would otherwise halve the result.
 */
public final class LossFreeSearch {
    /** One trial of fixed length. */
    public interface Trial {
        /**
         * Sends at a rate.
         *
         * @return the fraction of packets that did not arrive, those included that could not be sent in time.
         */
        double lossRatio(double packetsPerSecond) throws IOException;
    }

    private static final int TRIALS = 2;

    private final double resolution;

    /**
     * @param resolution the search ends when the rates left differ by less than this fraction of the highest.
     */
    public LossFreeSearch(final double resolution) {
        this.resolution = resolution;
    }

    /**
     * Searches between 0 and {@code maxRate}.
     *
     * @return the highest rate that lost nothing in a trial; 0 if each did.
     */
    public double search(final double maxRate, final Trial trial) throws IOException {
        if (lossFree(maxRate, trial)) {
            return maxRate;
        }
        double low = 0;
        double high = maxRate;
        while (high - low > resolution * maxRate) {
            final double middle = (low + high) / 2;
            if (lossFree(middle, trial)) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return low;
    }

    private static boolean lossFree(final double rate, final Trial trial) throws IOException {
        for (int i = 0; i < TRIALS; i++) {
            if (0 == trial.lossRatio(rate)) {
                return true;
            }
        }
        return false;
    }
}
