/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.IpAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PeerRecordTest {
    private static final IpAddress PEER = IpAddress.parse("192.168.100.2");
    private static final IpAddress OTHER = IpAddress.parse("192.168.100.254");
    private static final long ERROR_MS = 10_500;

    private static boolean isRefused(final IpAddress sender, final int code, final long heardMs, final long beginMs) {
        final IcmpError error = new IcmpError(3, code, sender, ERROR_MS);
        return null != new PeerRecord(PEER, 0, 0, 0, 0, heardMs, 0, 0, error, null).refusalSince(beginMs);
    }

    @ParameterizedTest
    @CsvSource({
        "3,     0, 10000, true", // never heard
        "3, 10000, 10000, true", // heard before
        "3, 11000, 10000, false", // something listens again
        "13, 11000, 10000, true", // a firewall lets pass one way
        "3, 10000, 11000, false", // of long ago
    })
    void shouldTellAPeersErrorUntilSomethingListensAgain(
            final int code, final long heardMs, final long beginMs, final boolean isRefused) {
        assertEquals(isRefused, isRefused(PEER, code, heardMs, beginMs));
    }

    @Test
    void shouldTellAnErrorOfSomebodyOnTheWayAlsoWhenThePeerIsHeard() {
        assertEquals(true, isRefused(OTHER, 3, 11_000, 10_000));
    }

    @ParameterizedTest
    @CsvSource({
        "3,      0, 10000, false", // never heard
        "3,   5000, 10000, false", // stopped since
        "3,   6000, 10000, true",
        "3,  15000, 10000, true",
        "3,  30000, 10000, false", // it has been started
        "3,  30000, 11000, false", // refused long ago
        "13, 11000, 10000, false", // a firewall's word
    })
    void shouldKnowAPeerThatRefusesAndIsHeard(
            final int code, final long heardMs, final long beginMs, final boolean expected) {
        final IcmpError error = new IcmpError(3, code, PEER, ERROR_MS);
        assertEquals(expected, new PeerRecord(PEER, 0, 0, 0, 0, heardMs, 0, 0, error, null).isHeardAndRefused(beginMs));
    }
}
