/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.linux.Errno;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RefusedCalls;
import io.weft.linux.testing.RequiresRoot;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class VmThreadTest {
    /** In a JVM of its own, for it is for good. */
    @Test
    @RequiresRoot
    void shouldBeOfRealTime() {
        assertEquals("0 0 1", inAnotherJvm());
    }

    @Test
    void shouldTellWhatRefusesIt() throws Exception {
        assertEquals(
                -Errno.EPERM,
                RefusedCalls.refusing(RefusedCalls.SCHED_SETATTR, Errno.EPERM, () -> VmThread.makeRealTime(1)));
    }

    private static String inAnotherJvm() {
        return Command.run(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Trial.class.getName()))
                .strip();
    }

    /** Prints the results of two calls, and the policy that the thread has then. */
    static final class Trial {
        private Trial() {}

        public static void main(final String[] args) throws Exception {
            final int first = VmThread.makeRealTime(1);
            final int second = VmThread.makeRealTime(1);
            System.out.println(first + " " + second + " " + Tasks.policyOf(VmThread.NAME));
        }
    }
}
