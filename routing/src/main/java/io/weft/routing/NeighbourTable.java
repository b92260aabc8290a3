/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import io.weft.address.IpAddress;
import io.weft.address.MacAddress;
import java.util.function.BiConsumer;

/** Overlay address of a VTEP to its MAC; what {@code ip neigh} shows for a kernel VXLAN device. Control thread only. */
final class NeighbourTable {
    /** No neighbour has the MAC zero. */
    static final long NO_MAC = 0;

    private final FlatTable table = new FlatTable(1);

    long memoryLength() {
        return table.memoryLength();
    }

    /** The MAC, or {@link #NO_MAC}. */
    long get(final IpAddress address) {
        final int row = table.find(address.mappedHigh(), address.mappedLow());
        return FlatTable.ABSENT == row ? NO_MAC : table.value(row, 0);
    }

    /** Calls with each address and MAC, in no order. */
    void each(final BiConsumer<IpAddress, MacAddress> consumer) {
        for (int row = table.next(0); FlatTable.ABSENT != row; row = table.next(row + 1)) {
            consumer.accept(
                    IpAddress.ofMapped(table.keyHigh(row), table.keyLow(row)), new MacAddress(table.value(row, 0)));
        }
    }

    void put(final IpAddress address, final long mac) {
        final int row = table.find(address.mappedHigh(), address.mappedLow());
        final int target = FlatTable.ABSENT == row ? table.add(address.mappedHigh(), address.mappedLow()) : row;
        table.value(target, 0, mac);
    }

    boolean remove(final IpAddress address) {
        final int row = table.find(address.mappedHigh(), address.mappedLow());
        if (FlatTable.ABSENT == row) {
            return false;
        }
        table.remove(row);
        return true;
    }
}
