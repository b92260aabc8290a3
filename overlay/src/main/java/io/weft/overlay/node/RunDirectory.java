/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.forwarding.Forwarders;
import io.weft.overlay.handover.Succession;
import io.weft.overlay.host.OwnDirectory;
import io.weft.overlay.lifecycle.FileFailure;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.ops.Condition;
import io.weft.overlay.ops.Conditions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What a successor, and the command weft, find of this daemon in its run directory: locks, sockets and counters, which are kept there,
 * and the directory itself. Status and tables are written anyway ({@link io.weft.overlay.record.NodeRecord}). Control thread alone.
 */
final class RunDirectory {
    private static final System.Logger LOG = System.getLogger(RunDirectory.class.getName());

    private final Path path;
    private final Succession place;
    private final NodeAnswers answers;
    private final Forwarders forwarders;
    private final Conditions conditions;

    RunDirectory(
            final Path path,
            final Succession place,
            final NodeAnswers answers,
            final Forwarders forwarders,
            final Conditions conditions) {
        this.path = path;
        this.place = place;
        this.answers = answers;
        this.forwarders = forwarders;
        this.conditions = conditions;
    }

    /** Puts back what somebody removed. */
    void keep() {
        try {
            boolean isPutBack = false;
            if (!Files.isDirectory(path)) {
                OwnDirectory.require("--run-dir", path);
                isPutBack = true;
            }
            isPutBack |= place.putBackLocks();
            isPutBack |= answers.putBack();
            isPutBack |= forwarders.putBackCounters();
            if (isPutBack) {
                LOG.log(
                        WARNING,
                        "{0} or files in it were removed, made again{1}",
                        path,
                        LogFields.of("directory", path, "repaired", true));
            }
            conditions.holds(Condition.RUN_DIRECTORY);
        } catch (final IOException failure) {
            tellTrouble("make what was removed from " + path + " again: " + FileFailure.words(failure)
                    + ". Make room for it there, or start weftd with another --run-dir");
        } catch (final StartupException failure) {
            tellTrouble(String.valueOf(failure.getMessage()));
        }
    }

    private void tellTrouble(final String trouble) {
        if (!trouble.equals(conditions.trouble(Condition.RUN_DIRECTORY))) {
            LOG.log(
                    WARNING,
                    "{0}. Tried again every second; until then no other weftd can take this one''s place",
                    trouble);
        }
        conditions.set(Condition.RUN_DIRECTORY, trouble);
    }
}
