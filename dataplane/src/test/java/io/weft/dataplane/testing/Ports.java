/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import io.weft.dataplane.pod.PodPort;

/**
 * By what a node of the tests forwards. Suites of tests have one small subclass for each combination.
 *
 * @param pods by what pods' packets come from the host, and go to it.
 * @param underlay by what is received from the underlay.
 */
public record Ports(PodPort pods, UnderlayPort underlay) {
    /** A node with these ports, and all else by default. */
    public StaticNode.Options options() {
        final StaticNode.Options options = underlay.options();
        options.podPort = pods;
        return options;
    }

    /** As {@link UnderlayPort#assertUsed}. */
    public void assertUsed(final StaticNode node) {
        underlay.assertUsed(node);
    }

    /** As {@link UnderlayPort#isToldHowToCut}. */
    public boolean isToldHowToCut() {
        return underlay.isToldHowToCut();
    }
}
