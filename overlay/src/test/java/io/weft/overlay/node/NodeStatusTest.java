/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.lease.LeaseKey;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class NodeStatusTest {
    @Test
    void shouldNameTheFirstLeasesThatAreAtFaultAndSayHowManyThereAre() {
        final Map<LeaseKey, String> faults = new HashMap<>();
        IntStream.rangeClosed(1, 12).forEach(i -> faults.put(LeaseKey.parse("10.244." + i + ".0-24"), "other"));
        final Map<String, Object> status = new LinkedHashMap<>();
        NodeStatus.putFaults(status, "refused", faults);
        final String first = IntStream.rangeClosed(1, 10)
                .mapToObj(i -> "\"10.244." + i + ".0-24\":\"other\"")
                .collect(Collectors.joining(","));
        assertEquals("{\"refused\":{" + first + "},\"refusedCount\":12}", JsonOutput.of(status));
    }
}
