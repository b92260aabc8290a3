/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.junit.jupiter.api.Test;

class RefusalsTest {
    private final RegistryStatus status = new RegistryStatus();
    private final Refusals refusals = new Refusals("lease", status);

    @Test
    void shouldCountAFaultOnceUntilItIsAnotherOrGone() {
        refusals.refuse("a", "wrong");
        refusals.refuse("a", "wrong");
        assertEquals(1, status.refusals());
        refusals.refuse("a", "wrong in another way");
        assertEquals(2, status.refusals());
        refusals.forget("a");
        refusals.refuse("a", "wrong");
        assertEquals(3, status.refusals());
    }

    @Test
    void shouldCountNothingAnewWhenAListSaysTheSameAgain() {
        refusals.beginList();
        refusals.refuse("a", "wrong");
        refusals.refuse("b", "wrong");
        refusals.beginList();
        refusals.refuse("a", "wrong");
        assertEquals(2, status.refusals());
        refusals.beginList();
        refusals.refuse("a", "wrong");
        refusals.refuse("b", "wrong");
        assertEquals(3, status.refusals(), "b was gone meanwhile");
    }

    @Test
    void shouldTellWhatIsRefusedAtPresent() {
        final Refusals others = new Refusals("lease", status);
        refusals.refuse("a", "wrong");
        refusals.refuse("b", "wrong");
        others.refuse("b", "of no use");
        assertEquals(Map.of("lease a", "wrong", "lease b", "wrong; of no use"), status.refused());
        refusals.forget("b");
        assertEquals(Map.of("lease a", "wrong", "lease b", "of no use"), status.refused());
        refusals.beginList();
        others.beginList();
        others.refuse("a", "of no use");
        assertEquals(Map.of("lease a", "of no use"), status.refused());
    }

    @Test
    void shouldCountAllOfMoreThanItRemembers() {
        refuse(10_000);
        assertEquals(10_000, status.refusals());
    }

    private void refuse(final int count) {
        refusals.beginList();
        for (int i = 0; i < count; i++) {
            refusals.refuse(i + "x".repeat(i), "wrong");
        }
    }

    @Test
    void shouldCountNothingAnewWhenAListSaysTheSameOfMoreThanItRemembers() {
        refuse(1_000);
        refuse(1_000);
        assertEquals(1_000, status.refusals());
        refuse(1_001);
        assertEquals(1_001, status.refusals());
    }
}
