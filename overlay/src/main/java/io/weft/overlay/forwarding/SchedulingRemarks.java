/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.INFO;

import io.weft.dataplane.agent.SchedulingRefusals;
import io.weft.linux.LinuxException;
import java.util.concurrent.atomic.AtomicBoolean;

/** Says once, for all data threads, what the scheduler refuses them. */
final class SchedulingRemarks implements SchedulingRefusals {
    private static final System.Logger LOG = System.getLogger(SchedulingRemarks.class.getName());

    private final AtomicBoolean isSliceTold = new AtomicBoolean();
    private final AtomicBoolean isRealTimeTold = new AtomicBoolean();

    @Override
    public void onSliceRefused(final int errno) {
        tell(
                isSliceTold,
                "give data threads a time slice of their own (sched_setattr)",
                errno,
                "Packets wait longer where cores are short; have the filter of system calls of this container or unit"
                        + " allow sched_getattr and sched_setattr");
    }

    @Override
    public void onRealTimeRefused(final int errno) {
        tell(
                isRealTimeTold,
                "have data threads run before others while more comes than is read (sched_setattr, SCHED_FIFO)",
                errno,
                "While pods keep all processors busy with a flood, packets of others wait for milliseconds or are lost; give weftd"
                        + " CAP_SYS_NICE (Kubernetes: securityContext.capabilities.add: [SYS_NICE]) or a limit (systemd:"
                        + " LimitRTPRIO=1), or set --real-time-priority=0");
    }

    private static void tell(final AtomicBoolean isTold, final String action, final int errno, final String remedy) {
        if (isTold.compareAndSet(false, true)) {
            final LinuxException refusal = new LinuxException(action, errno, remedy);
            LOG.log(INFO, "{0}", refusal.getMessage());
        }
    }
}
