/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.capture;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.DropReason;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OffenderTest {
    private static final IpAddress PEER = IpAddress.parse("192.168.100.9");
    private static final IpAddress SOURCE = IpAddress.parse("10.244.0.5");
    private static final IpAddress DESTINATION = IpAddress.parse("fd00:10:244::2");

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "UNKNOWN_SENDER | true  | true  | 192.168.100.9, inside 10.244.0.5 > fd00:10:244::2",
                "UNKNOWN_SENDER | true  | false | 192.168.100.9",
                "UNKNOWN_SENDER | false | true  | 10.244.0.5 > fd00:10:244::2",
                "NEIGH_FAILED   | true  | true  | 10.244.0.5 > fd00:10:244::2, to 192.168.100.9",
                "NEIGH_FAILED   | true  | false | packet to 192.168.100.9",
                "NEIGH_FAILED   | false | true  | 10.244.0.5 > fd00:10:244::2"
            })
    void shouldReadWhatItHasWritten(
            final DropReason reason, final boolean hasPeer, final boolean hasInside, final String text) {
        final Offender offender =
                new Offender(reason, hasPeer ? PEER : null, hasInside ? SOURCE : null, hasInside ? DESTINATION : null);
        assertEquals(text, offender.addresses());
        assertEquals(Optional.of(offender), Offender.parse(reason, text));
    }

    /** A reader may see some of what is there and some of what comes; and an archive may be of another version. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "192.168.100.9, inside ",
                "192.168.100.9, inside 10.244.0.5 > 10.24",
                "192.168.100.9, inside 10.244.0.5 > 10.244.1.2 > 10.244.0.5",
                "192.168.100.1 inside 10.244.0.5",
                "packet to 192.168.100.9",
                "::ffff:10.244.0.5 > ::ffff:10.244.1.2",
                "somebody"
            })
    void shouldReadNothingElse(final String text) {
        assertEquals(Optional.empty(), Offender.parse(DropReason.UNKNOWN_SENDER, text));
    }

    @Test
    void shouldReadNothingOfTheOtherDirection() {
        assertEquals(
                Optional.empty(),
                Offender.parse(DropReason.NEIGH_FAILED, "192.168.100.9, inside 10.244.0.5 > 10.244.1.2"));
    }
}
