/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.host.ReadinessLock;
import io.weft.overlay.host.SubnetFile;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.ops.Condition;
import io.weft.overlay.ops.Conditions;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * What tells the CNI plugin that pods can be wired, and how: subnet.env and the lock beside it. Given when the node forwards for
 * the first time, and kept as long as it does. Control thread alone.
 */
final class PodAdmission implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(PodAdmission.class.getName());

    private final SubnetFile file;
    private final SubnetFile.Content content;
    private final Conditions conditions;
    private @Nullable ReadinessLock lock;
    private boolean isGiven;
    private int writtenMtu;

    /**
     * Not given yet.
     *
     * @param content of the file, but for the MTU.
     */
    PodAdmission(final SubnetFile file, final SubnetFile.Content content, final Conditions conditions) {
        this.file = file;
        this.content = content;
        this.conditions = conditions;
    }

    /**
     * Lets pods be wired from now on.
     *
     * @param mtu of pods, in bytes.
     * @return false when it cannot be told at present, as on a full disk: to be tried again. Packets are forwarded all the same.
     */
    boolean give(final int mtu) {
        try {
            file.write(content, mtu);
            lock = ReadinessLock.take(file.path());
        } catch (final StartupException failure) {
            tellTrouble(failure);
            return false;
        }
        writtenMtu = mtu;
        isGiven = true;
        conditions.holds(Condition.SUBNET_FILE);
        return true;
    }

    private void tellTrouble(final Exception failure) {
        final String trouble = String.valueOf(failure.getMessage());
        if (!trouble.equals(conditions.trouble(Condition.SUBNET_FILE))) {
            LOG.log(WARNING, "{0}. Tried again every second", trouble);
        }
        conditions.set(Condition.SUBNET_FILE, trouble);
    }

    /** Puts right what was given: somebody took the file or the lock away, or pods have another MTU from now on. */
    void keep(final int mtu) {
        if (!isGiven) {
            return;
        }
        try {
            final boolean isOther = mtu != writtenMtu;
            if (isOther || !file.holds(content, mtu) || !isLocked()) {
                rewrite(mtu);
                if (isOther) {
                    LOG.log(
                            INFO,
                            "pods that come from now on have MTU {0}{1}",
                            String.valueOf(mtu),
                            LogFields.of("mtu", mtu));
                } else {
                    LOG.log(
                            WARNING,
                            "{0} or its lock was removed or changed, written again{1}",
                            file.path(),
                            LogFields.of("file", file.path(), "repaired", true));
                }
            }
            final ReadinessLock held = lock;
            if (null != held && held.isOlderThan(file.path())) {
                held.agree(file.path());
            }
            conditions.holds(Condition.SUBNET_FILE);
        } catch (final StartupException | IOException failure) {
            tellTrouble(failure);
        }
    }

    private boolean isLocked() {
        return null != lock && lock.isInPlace();
    }

    private void rewrite(final int mtu) throws IOException {
        file.write(content, mtu);
        writtenMtu = mtu;
        final ReadinessLock held = lock;
        if (null != held && held.isInPlace()) {
            held.renew();
        } else {
            lock = null;
            if (null != held) {
                held.close();
            }
            lock = ReadinessLock.take(file.path());
        }
    }

    /** From now on no pod is wired; the file stays, as flanneld's does. */
    @Override
    public void close() throws IOException {
        if (null != lock) {
            lock.close();
        }
    }
}
