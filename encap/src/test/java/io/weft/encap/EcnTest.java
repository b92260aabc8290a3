/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EcnTest {
    private static int codepoint(final String name) {
        return switch (name) {
            case "NotECT" -> 0b00;
            case "ECT(1)" -> 0b01;
            case "ECT(0)" -> 0b10;
            case "CE" -> 0b11;
            default -> throw new IllegalArgumentException(name);
        };
    }

    /** RFC 6040, figure 4, every cell; the DSCP stays the inner one, whatever the outer one is. */
    @ParameterizedTest(name = "inner {0}, outer {1}")
    @CsvSource({
        "NotECT, NotECT, NotECT", "NotECT, ECT(0), NotECT", "NotECT, ECT(1), NotECT", "NotECT, CE, drop",
        "ECT(0), NotECT, ECT(0)", "ECT(0), ECT(0), ECT(0)", "ECT(0), ECT(1), ECT(1)", "ECT(0), CE, CE",
        "ECT(1), NotECT, ECT(1)", "ECT(1), ECT(0), ECT(1)", "ECT(1), ECT(1), ECT(1)", "ECT(1), CE, CE",
        "CE, NotECT, CE", "CE, ECT(0), CE", "CE, ECT(1), CE", "CE, CE, CE"
    })
    void shouldDecapsulateAsRfc6040(final String inner, final String outer, final String result) {
        for (int dscp = 0; dscp < 64; dscp++) {
            final int innerTos = (dscp << 2) | codepoint(inner);
            final int outerTos = ((63 - dscp) << 2) | codepoint(outer);
            assertEquals("drop".equals(result), Ecn.mustDrop(outerTos, innerTos));
            if (!"drop".equals(result)) {
                assertEquals((dscp << 2) | codepoint(result), Ecn.decapsulate(outerTos, innerTos));
            }
        }
    }

    /** include/net/inet_ecn.h, INET_ECN_encapsulate; the DSCP is not copied, as VXLAN devices do by default. */
    @ParameterizedTest(name = "inner {0}")
    @CsvSource({"NotECT, NotECT", "ECT(1), ECT(1)", "ECT(0), ECT(0)", "CE, ECT(0)"})
    void shouldEncapsulateAsLinux(final String inner, final String outer) {
        for (int dscp = 0; dscp < 64; dscp++) {
            assertEquals(codepoint(outer), Ecn.encapsulate((dscp << 2) | codepoint(inner)));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 6})
    void shouldWriteTheTypeOfServiceAndNothingElse(final int version) {
        for (int was = 0; was < 256; was++) {
            for (int now = 0; now < 256; now += 5) {
                final PacketBuilder builder = 4 == version ? PacketBuilder.udp4() : PacketBuilder.udp6();
                builder.tos = was;
                final UnsafeBuffer packet = Bytes.buffer(14, builder.build());
                Ecn.put(packet, 14, version, now);
                builder.tos = now;
                final byte[] expected = builder.build();
                assertArrayEquals(expected, Bytes.copy(packet, 14, expected.length));
            }
        }
    }
}
