/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.MacAddress;
import java.util.HashSet;
import java.util.Set;

/**
 * FDB: MAC of a VTEP to its underlay address, port and VNI; what {@code bridge fdb} shows for a kernel VXLAN device.
 * Control thread only.
 */
final class ForwardingDatabase {
    private static final int HIGH = 0;
    private static final int LOW = 1;
    private static final int PORT_AND_VNI = 2;
    private static final int FAMILY_AND_SCOPE = 3;
    private static final int VALUE_LONGS = 4;

    private final FlatTable table = new FlatTable(VALUE_LONGS);

    long memoryLength() {
        return table.memoryLength();
    }

    /** The row of a MAC, valid until the next change, or {@link FlatTable#ABSENT}. */
    int find(final long mac) {
        return table.find(mac, 0);
    }

    void put(final long mac, final IpAddress underlay, final int scope, final int port, final int vni) {
        final int found = find(mac);
        final int row = FlatTable.ABSENT == found ? table.add(mac, 0) : found;
        table.value(row, HIGH, underlay.high());
        table.value(row, LOW, underlay.low());
        table.value(row, PORT_AND_VNI, (long) port << Integer.SIZE | (vni & 0xffff_ffffL));
        table.value(
                row,
                FAMILY_AND_SCOPE,
                (long) underlay.family().socketFamily() << Integer.SIZE | (scope & 0xffff_ffffL));
    }

    /** The first row from this one on, or {@link FlatTable#ABSENT}; valid until the next change. */
    int next(final int from) {
        return table.next(from);
    }

    MacAddress mac(final int row) {
        return new MacAddress(table.keyHigh(row));
    }

    boolean remove(final long mac) {
        final int row = find(mac);
        if (FlatTable.ABSENT == row) {
            return false;
        }
        table.remove(row);
        return true;
    }

    IpFamily family(final int row) {
        return table.value(row, FAMILY_AND_SCOPE) >>> Integer.SIZE == IpFamily.IPV4.socketFamily()
                ? IpFamily.IPV4
                : IpFamily.IPV6;
    }

    long high(final int row) {
        return table.value(row, HIGH);
    }

    long low(final int row) {
        return table.value(row, LOW);
    }

    IpAddress underlay(final int row) {
        return new IpAddress(family(row), high(row), low(row));
    }

    Set<IpAddress> underlays() {
        final Set<IpAddress> underlays = new HashSet<>();
        for (int row = 0; row < table.limit(); row++) {
            if (table.isUsed(row)) {
                underlays.add(underlay(row));
            }
        }
        return underlays;
    }

    /** {@code sin6_scope_id} of a link-local IPv6 address; 0 otherwise. */
    int scope(final int row) {
        return (int) table.value(row, FAMILY_AND_SCOPE);
    }

    int port(final int row) {
        return (int) (table.value(row, PORT_AND_VNI) >>> Integer.SIZE);
    }

    int vni(final int row) {
        return (int) table.value(row, PORT_AND_VNI);
    }
}
