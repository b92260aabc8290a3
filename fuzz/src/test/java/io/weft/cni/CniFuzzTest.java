/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** What the runtime, the daemon and an administrator write for the CNI plugin is read or refused by a code of the specification. */
class CniFuzzTest {
    private static final Path SUBNET_FILE = Path.of("subnet.env");

    @FuzzTest(maxDuration = "10m")
    void shouldReadOrRefuse(final byte[] text) {
        attempt(() -> NetworkConfig.parse(text, Command.ADD));
        attempt(() -> SubnetEnv.parse(new String(text, StandardCharsets.UTF_8), SUBNET_FILE));
        attempt(() -> Conflist.read(text));
    }

    private interface Reading {
        void run() throws CniException;
    }

    private static void attempt(final Reading reading) {
        try {
            reading.run();
        } catch (final CniException refused) {
            // with one of the specification's codes
        }
    }
}
