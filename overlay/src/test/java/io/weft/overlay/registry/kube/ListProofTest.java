/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever {@link System#nanoTime} counts from. */
class ListProofTest {
    private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);

    private static KubeEvent event(final String type) {
        return new KubeEvent(type, new KubeNode("two", "7", "", Map.of(), List.of(), Set.of(), null), 0, "");
    }

    private static ListProof at(final long startNs) {
        return new ListProof(Duration.ofMillis(500), startNs);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, Long.MAX_VALUE - 1_000})
    void shouldWaitForTheFirstNodeAndTwiceAsLongForTheNext(final long startNs) {
        final ListProof proof = at(startNs);
        assertFalse(proof.isMissing(startNs + 499 * MS));
        assertTrue(proof.isMissing(startNs + 500 * MS));
        proof.heard(event("ADDED"), startNs + 400 * MS);
        assertFalse(proof.isMissing(startNs + 1_399 * MS));
        assertTrue(proof.isMissing(startNs + 1_400 * MS));
    }

    @ParameterizedTest
    @ValueSource(longs = {0, Long.MAX_VALUE - 1_000})
    void shouldNotTakeChangesForNodesThatAreThere(final long startNs) {
        final ListProof proof = at(startNs);
        proof.heard(event("MODIFIED"), startNs + 400 * MS);
        proof.heard(event("DELETED"), startNs + 450 * MS);
        assertTrue(proof.isMissing(startNs + 500 * MS));
    }

    /** As of nodes that are made one after the other. */
    @ParameterizedTest
    @ValueSource(longs = {0, Long.MAX_VALUE - 1_000})
    void shouldNotWaitForEverForTheEnd(final long startNs) {
        final ListProof proof = at(startNs);
        proof.heard(event("ADDED"), startNs + ListProof.WHOLE_MAX_NS - 1);
        assertFalse(proof.isMissing(startNs + ListProof.WHOLE_MAX_NS - 1));
        assertTrue(proof.isMissing(startNs + ListProof.WHOLE_MAX_NS));
    }
}
