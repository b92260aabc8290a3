/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SchedulingCallsTest {
    /** As the C library's headers have them (bits/syscall.h, asm/unistd.h). */
    @ParameterizedTest
    @CsvSource({
        "amd64,   314, 315, 186",
        "aarch64, 274, 275, 178",
        "riscv64, 274, 275, 178",
        "s390x,   345, 346, 236",
        "ppc64le, 355, 356, 207",
    })
    void shouldBeThoseOfTheArchitecture(
            final String architecture, final long setattr, final long getattr, final long gettid) {
        assertEquals(new SchedulingCalls(setattr, getattr, gettid), SchedulingCalls.of(architecture));
    }

    @Test
    void shouldBeRefusedByTheKernelOfAnotherArchitecture() {
        final SchedulingCalls calls = SchedulingCalls.of("loongarch64");
        assertEquals(-1, Libc.LIBC.syscall(calls.getattr(), 0, 0, 0, 0));
        assertEquals(Errno.ENOSYS, Errno.last());
    }

    @Test
    void shouldFindTheCallingThread() throws Exception {
        final long tid = Libc.LIBC.syscall(
                SchedulingCalls.of(System.getProperty("os.arch", "")).gettid(), 0, 0, 0, 0);
        assertEquals(Path.of("/proc/thread-self").toRealPath().getFileName().toString(), String.valueOf(tid));
    }
}
