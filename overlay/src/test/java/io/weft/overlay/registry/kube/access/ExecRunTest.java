/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube.access;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ExecRunTest {
    private static final int MEGABYTE = 1 << 20;

    private static byte[] output(final String script) throws Exception {
        return ExecRun.output(List.of("sh", "-c", script), Map.of());
    }

    @Test
    void shouldHaveAllThatIsPrinted() throws Exception {
        final byte[] output = output("head -c 300000 /dev/zero; echo no matter >&2; printf end");
        assertEquals(300_003, output.length);
        assertEquals("end", new String(output, 300_000, 3, StandardCharsets.US_ASCII));
    }

    /** As much as a large pipe holds lies there when the program has ended: it is read in pieces. */
    @Test
    void shouldReadWhatIsLeftAfterTheEnd() throws Exception {
        // F_SETPIPE_SZ, of perl's fcntl: all is written at once, and the program ends.
        final byte[] output =
                output("perl -e 'fcntl(STDOUT, 1031, 1048576) or die; syswrite(STDOUT, \"x\" x 1000000)'");
        assertEquals(1_000_000, output.length);
    }

    /** What a plugin says of its work takes no memory, however much it is. */
    @Test
    void shouldKeepTheEndOfWhatItIsToldOfAFailure() {
        final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        final long before = threads.getCurrentThreadAllocatedBytes();
        final IOException failure = assertThrows(
                IOException.class,
                () -> output("yes word | head -c " + 16 * MEGABYTE + " >&2; echo no cloud >&2; exit 3"));
        final long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        final String message = String.valueOf(failure.getMessage());
        assertTrue(message.startsWith("ends with 3: "), message);
        assertTrue(message.endsWith("no cloud"), message);
        assertTrue(message.length() < 600, message);
        assertTrue(allocated < 16 * MEGABYTE, () -> allocated + " bytes");
    }
}
