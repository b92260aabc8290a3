/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import io.weft.bench.stats.ForwardingWork;
import java.util.Locale;

/** What a measure has daemons carry, and by which their work is divided. */
public enum Carried {
    /**
     * What a pod sends in bulk, as the pods' device gives it at the sending node and takes it at the receiving one. Acknowledgements, which go
     * the other way, are work that it makes.
     */
    SUPERFRAME {
        @Override
        long of(final ForwardingWork work, final boolean isSender) {
            return isSender ? work.framesOut() : work.framesIn();
        }
    },

    /** As the wire carries it, both ways. */
    PACKET {
        @Override
        long of(final ForwardingWork work, final boolean isSender) {
            return work.packetsOut() + work.packetsIn();
        }
    };

    /**
     * How many a daemon has carried.
     *
     * @param isSender whether its node is the one that sends in bulk.
     */
    abstract long of(ForwardingWork work, boolean isSender);

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
