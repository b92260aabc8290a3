/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.overlay.LoneNode;
import io.weft.overlay.host.SubnetFile;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lifecycle.ControlLoop;
import io.weft.overlay.ops.Condition;
import io.weft.overlay.ops.Conditions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node that cannot tell the CNI plugin at first that pods can be wired, on a control loop that runs. */
class ReadinessTest {
    private static final int MTU = 1450;
    private static final int FAILURES = 2;

    @TempDir
    private Path directory = Path.of(".");

    private final ControlLoop loop = new ControlLoop(() -> {});
    private final List<Integer> reached = new ArrayList<>();
    private int attempts;

    /** Each comparison of the rules, of which there may be many between two attempts, has readiness sought. */
    @Test
    void shouldTryOnceAtATimeHoweverOftenReadinessIsSoughtWhileThePluginCannotBeTold() throws Exception {
        final Path subnetFile = directory.resolve("subnet.env");
        Files.createDirectory(subnetFile); // no file can take its place
        final Conditions conditions = new Conditions();
        try (PodAdmission admission = admission(subnetFile, conditions)) {
            final Readiness readiness = new Readiness(
                    loop,
                    () -> "",
                    admission,
                    () -> {
                        attempts++;
                        if (attempts > FAILURES) {
                            delete(subnetFile);
                        }
                        return MTU;
                    },
                    mtu -> {
                        reached.add(mtu);
                        loop.post(() -> loop.after(0, () -> loop.end("ready")));
                    });
            seekOften(readiness);
            assertEquals(1, attempts);
            assertTrue(conditions.trouble(Condition.SUBNET_FILE).contains("write subnet file " + subnetFile));
            loop.every(1, () -> seekOften(readiness));
            assertEquals("ready", loop.run());
            assertEquals(FAILURES + 1, attempts);
            assertEquals(List.of(MTU), reached);
            assertEquals("", conditions.trouble(Condition.SUBNET_FILE));
            assertTrue(Files.readString(subnetFile).contains("FLANNEL_MTU=1450"));
        }
    }

    private static PodAdmission admission(final Path subnetFile, final Conditions conditions) {
        return new PodAdmission(
                new SubnetFile(subnetFile),
                new SubnetFile.Content(LoneNode.config("10.244.0.0/16"), LeaseKey.parse("10.244.1.0-24"), false),
                conditions);
    }

    private static void seekOften(final Readiness readiness) {
        for (int i = 0; i < 10; i++) {
            readiness.seek();
        }
    }

    private static void delete(final Path file) {
        try {
            Files.delete(file);
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
