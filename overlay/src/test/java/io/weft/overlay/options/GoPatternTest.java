/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.options;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.regex.PatternSyntaxException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Expressions that Go takes, and what they find there. */
class GoPatternTest {
    @ParameterizedTest
    @CsvSource({
        "^u[[:upper:]]$, uA, true",
        "^u[[:upper:]]$, ua, false",
        "'^192\\.168\\.100\\.[[:digit:]]+$', 192.168.100.12, true",
        "'^192\\.168\\.100\\.[[:digit:]]+$', 192.168.100.x, false",
        "^eth[^[:alpha:]]$, eth0, true",
        "^eth[^[:alpha:]]$, ethx, false",
        "^eth[[:^digit:]_]$, eth_, true",
        "^eth[[:^digit:]_]$, eth0, false",
        "^[[:xdigit:]]+$, 00fF, true",
        "^[[:word:].]+$, eth_0.1, true",
        "^[[:^word:]]$, a, false",
        "'^\\Qa[b\\E[&]c$', a[b&c, true",
        "^e[0[:alpha:]]h$, e0h, true",
        "(?P<kind>eth|ens)[0-9], ens5, true",
        "(?P<kind_of>eth|ens)[0-9], lo, false",
        "(?<kind>eth|ens)[0-9], eth0, true",
        "'^(eth|ens)\\d$', eth0, true",
        "(?i)^ETH0$, eth0, true",
        "(?:eth)0, eth0, true",
        "'^[a&&b]$', &, true",
        "'^[[]$', [, true",
        "'^[]x]$', ], true",
        "'^[^]x]$', ], false",
        "'^\\[$', [, true",
        "'^[\\]]$', ], true",
        "^10\\., 10.1.0.1, true",
        "^10\\., 110.1.0.1, false",
        "wlan.?, eth0, false"
    })
    void shouldFindWhatGoFinds(final String expression, final String text, final boolean isFound) {
        assertEquals(isFound, GoPattern.compile(expression).matcher(text).find());
    }

    @ParameterizedTest
    @ValueSource(strings = {"[", "(", "eth[0-9", "*", "[[:letter:]]", "\\"})
    void shouldRefuseWhatIsNone(final String expression) {
        assertThrows(PatternSyntaxException.class, () -> GoPattern.compile(expression));
    }
}
