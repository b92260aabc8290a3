/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AddressTableTest {
    private static final int ADDRESSES = 1_000;
    private static final int CHANGES = 20_000;
    private static final int COPIES = 20;

    private record Copy(AddressTable<Integer> table, Map<Integer, Integer> expected) {
        Copy() {
            this(new AddressTable<>(), new HashMap<>());
        }

        Copy copy() {
            return new Copy(table.copy(), new HashMap<>(expected));
        }

        void change(final Random random) {
            final int address = random.nextInt(ADDRESSES);
            if (random.nextBoolean()) {
                final int value = random.nextInt();
                table.put(high(address), low(address), value);
                expected.put(address, value);
            } else {
                table.remove(high(address), low(address));
                expected.remove(address);
            }
        }

        void check() {
            assertEquals(expected.size(), table.size());
            for (int address = 0; address < ADDRESSES; address++) {
                assertEquals(expected.get(address), table.find(high(address), low(address)));
            }
        }
    }

    private static long high(final int address) {
        return address % 3;
    }

    private static long low(final int address) {
        return (address / 3L) << 8;
    }

    /** Also the address of zeros is one. */
    @Test
    void shouldFindWhatWasPut() {
        final AddressTable<String> table = new AddressTable<>();
        assertNull(table.find(0, 0));
        table.put(0, 0, "first");
        table.put(0, 0, "second");
        assertEquals("second", table.find(0, 0));
        assertEquals(1, table.size());
        table.remove(0, 0);
        table.remove(0, 0);
        assertNull(table.find(0, 0));
        assertEquals(0, table.size());
    }

    /** Copies of copies are made, and all of them changed; each is as if it were alone. */
    @Test
    void shouldGoItsOwnWayFromItsCopies() {
        final Random random = new Random(15);
        final List<Copy> copies = new ArrayList<>(List.of(new Copy()));
        for (int i = 0; i < CHANGES; i++) {
            copies.get(random.nextInt(copies.size())).change(random);
            if (0 == i % 100) {
                final Copy copy = copies.get(random.nextInt(copies.size())).copy();
                if (copies.size() < COPIES) {
                    copies.add(copy);
                } else {
                    copies.set(random.nextInt(COPIES), copy);
                }
                copies.forEach(Copy::check);
            }
        }
        copies.forEach(Copy::check);
    }
}
