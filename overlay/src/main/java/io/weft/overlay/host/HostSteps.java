/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.linux.LinuxException;
import org.jspecify.annotations.Nullable;

/** Several things to put right on the host, where one that the kernel refuses is no reason to leave the others as they are. */
public final class HostSteps {
    private @Nullable LinuxException first;

    /** None yet. */
    public HostSteps() {}

    /** Does one; what the kernel refuses is kept for {@link #requireAll}. */
    public void attempt(final Runnable step) {
        try {
            step.run();
        } catch (final LinuxException failure) {
            if (null == first) {
                first = failure;
            } else {
                first.addSuppressed(failure);
            }
        }
    }

    /** Throws what the kernel refused first. */
    public void requireAll() {
        if (null != first) {
            throw first;
        }
    }
}
