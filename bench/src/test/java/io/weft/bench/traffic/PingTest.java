/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class PingTest {
    /** As ping of iputils 20221126 prints it; the third echo is lost. */
    private static final String OUTPUT = """
            PING 10.244.1.3 (10.244.1.3) 56(84) bytes of data.
            64 bytes from 10.244.1.3: icmp_seq=1 ttl=62 time=0.250 ms
            64 bytes from 10.244.1.3: icmp_seq=2 ttl=62 time=1.25 ms
            64 bytes from 10.244.1.3: icmp_seq=4 ttl=62 time=12.0 ms

            --- 10.244.1.3 ping statistics ---
            4 packets transmitted, 3 received, 25% packet loss, time 20ms
            rtt min/avg/max/mdev = 0.250/4.500/12.000/5.310 ms
            """;

    @Test
    void shouldTakeRoundTripsAndShareOfAnswers() {
        final Ping.Echoes echoes = Ping.parse(OUTPUT, 4);

        assertEquals(75, echoes.answeredPercent());
        assertEquals(1_250, echoes.roundTripsNs().getValueAtPercentile(50) / 1e3, 2);
        assertEquals(12_000, echoes.roundTripsNs().getValueAtPercentile(99) / 1e3, 20);
    }

    /** Beside a flood, of which a forwarder that is not fair answers what it happens to. */
    @Test
    void shouldTakeNoAnswerAtAllAsAShareOfZero() {
        final Ping.Echoes echoes = Ping.parse("4 packets transmitted, 0 received, 100% packet loss", 4);

        assertEquals(0, echoes.answeredPercent());
        assertEquals(0, echoes.roundTripsNs().getTotalCount());
    }
}
