/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.overlay.record.DaemonRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LeaseFaultsTest {
    @TempDir
    private Path directory = Path.of(".");

    private String words(final String members) throws IOException {
        Files.writeString(
                directory.resolve("weft.1.status"),
                "{\"pid\":1,\"startTicks\":1,\"pidNamespace\":1,\"networkNamespace\":1,\"ended\":false,\"devices\":[]"
                        + members + "}");
        return LeaseFaults.of(DaemonRecord.readAll(directory, 0).get(0), "refused", " is ignored: ");
    }

    @Test
    void shouldSayNothingWithoutAFault() throws IOException {
        assertEquals("", words(""));
        assertEquals("", words(",\"refused\":{},\"refusedCount\":0"));
    }

    @Test
    void shouldNameAllThatHaveOneFaultAndSayWhatItIsOnce() throws IOException {
        assertEquals(
                "10.244.2.0-24, 10.244.10.0-24: each is ignored: its type is ipip; 10.9.0.0-24 is ignored: it is outside",
                words(",\"refused\":{\"10.244.2.0-24\":\"its type is ipip\",\"10.9.0.0-24\":\"it is outside\","
                        + "\"10.244.10.0-24\":\"its type is ipip\"},\"refusedCount\":3"));
    }

    @Test
    void shouldSayHowManyItLeavesOut() throws IOException {
        final String four = ",\"refused\":{\"10.244.1.0-24\":\"a\",\"10.244.2.0-24\":\"b\",\"10.244.3.0-24\":\"c\","
                + "\"10.244.4.0-24\":\"d\"}";
        final String three =
                "10.244.1.0-24 is ignored: a; 10.244.2.0-24 is ignored: b; 10.244.3.0-24 is ignored: c; and ";
        assertEquals(three + "1 more", words(four));
        assertEquals(three + "17 more", words(four + ",\"refusedCount\":20"));
    }
}
