/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

/** Which way a packet goes. */
public enum Direction {
    /** From the host to the underlay. */
    EGRESS("egress"),

    /** From the underlay to the host. */
    INGRESS("ingress");

    private final String label;

    Direction(final String label) {
        this.label = label;
    }

    /** Its word in labels of metrics. */
    public String label() {
        return label;
    }
}
