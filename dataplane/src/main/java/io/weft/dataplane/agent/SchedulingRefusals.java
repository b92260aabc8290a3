/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

/** Told by data threads and the booster, each of which may be refused it, what the host does not let them have. They work without it. */
public interface SchedulingRefusals {
    /** A short time slice; then the thread has that of all. */
    void onSliceRefused(int errno);

    /** To come before ordinary threads while packets wait; then it never does. */
    void onRealTimeRefused(int errno);

    /** Who tells nobody. */
    SchedulingRefusals UNTOLD = new SchedulingRefusals() {
        @Override
        public void onSliceRefused(final int errno) {}

        @Override
        public void onRealTimeRefused(final int errno) {}
    };
}
