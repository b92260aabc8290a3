/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SegmentationFaultTest {
    @ParameterizedTest
    @CsvSource({
        "7.0.0, true",
        "7.0.0-14-generic, true",
        "7.0, true",
        "7.0.10-amd64, true",
        "7.0.10+deb14-amd64, true",
        "7.0.11, false",
        "7.0.100, false",
        "7.1.0, false",
        "7.00, false",
        "6.18.44, false",
        "17.0.2, false",
        "6.7.0.2, false",
        "'', false",
    })
    void shouldKnowReleasesThatHaveIt(final String release, final boolean isFaulty) {
        assertEquals(isFaulty, SegmentationFault.isIn(release));
    }

    /** Ubuntu's releases are 7.0.0 for ever; a file beside says of which upstream version they are. */
    @ParameterizedTest
    @CsvSource({
        "7.0.0-14-generic, Ubuntu 7.0.0-14.14-generic 7.0.0, 7.0.0",
        "7.0.0-31-generic, Ubuntu 7.0.0-31.31-generic 7.0.14, 7.0.14",
        "7.0.2-6-pve, '', 7.0.2-6-pve",
    })
    void shouldGoByTheUpstreamVersionWhereItIsTold(final String release, final String signature, final String version) {
        assertEquals(version, SegmentationFault.upstream(release, signature));
    }
}
