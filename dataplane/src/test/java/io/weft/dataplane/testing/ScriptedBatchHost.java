/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import io.weft.linux.FrameBatchSink;
import io.weft.linux.Framing;
import io.weft.linux.MessageVector;

/** A {@link ScriptedHost} that takes several frames at once, up to the first that it is to fail, as sendmmsg does. */
public final class ScriptedBatchHost extends ScriptedHost implements FrameBatchSink {
    private int calls;

    public ScriptedBatchHost(final Framing framing) {
        super(framing);
    }

    /** How many system calls there would have been. */
    public int calls() {
        return calls;
    }

    @Override
    public int write(final MessageVector frames, final int from, final int count) {
        calls++;
        for (int i = 0; i < count; i++) {
            final int result = writev(frames.iovecs(from + i), frames.iovecCount(from + i));
            if (result < 0) {
                if (i > 0) {
                    failNextWriteWith(-result);
                }
                return i > 0 ? i : result;
            }
        }
        return count;
    }
}
