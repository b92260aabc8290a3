/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

final class RequiresRootCondition implements ExecutionCondition {
    // include/uapi/linux/capability.h
    private static final int CAP_NET_ADMIN = 12;
    private static final int CAP_SYS_ADMIN = 21;
    private static final long NEEDED = 1L << CAP_NET_ADMIN | 1L << CAP_SYS_ADMIN;

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(final ExtensionContext context) {
        return NEEDED == (effectiveCapabilities() & NEEDED)
                ? ConditionEvaluationResult.enabled("may make network namespaces")
                : ConditionEvaluationResult.disabled(
                        "needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN) for network namespaces");
    }

    private static long effectiveCapabilities() {
        try {
            for (final String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("CapEff:")) {
                    return Long.parseUnsignedLong(
                            line.substring("CapEff:".length()).trim(), 16);
                }
            }
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        return 0;
    }
}
