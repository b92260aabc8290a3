/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import io.weft.linux.Errno;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** What data threads and the booster say they were refused, in that order. */
final class RecordedRefusals implements SchedulingRefusals {
    private final Queue<String> told = new ConcurrentLinkedQueue<>();

    @Override
    public void onSliceRefused(final int errno) {
        told.add("slice: " + Errno.name(errno));
    }

    @Override
    public void onRealTimeRefused(final int errno) {
        told.add("real time: " + Errno.name(errno));
    }

    /** As in "slice: EPERM". */
    List<String> told() {
        return List.copyOf(told);
    }
}
