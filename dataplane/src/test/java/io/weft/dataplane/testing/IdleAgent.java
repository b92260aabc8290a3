/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import io.weft.dataplane.agent.PolledAgent;

/** Has nothing to do, and waits for nothing: what a test's agent does otherwise it overrides. */
public class IdleAgent implements PolledAgent {
    @Override
    public int doWork() throws Exception {
        return 0;
    }

    @Override
    public int pollFd() {
        return -1;
    }

    @Override
    public boolean hasWork() {
        return false;
    }

    @Override
    public boolean wantsInput() {
        return false;
    }

    @Override
    public String roleName() {
        return "idle";
    }
}
