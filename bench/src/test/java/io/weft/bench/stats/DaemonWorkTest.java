/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.stats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class DaemonWorkTest {
    private static final long OWN = ProcessHandle.current().pid();
    private static final int ROUNDS = 100;

    @Test
    void shouldReadAKeyOfProc() {
        assertEquals(7, DaemonWork.value("rchar: 1\nsyscr: 7\nsyscw: 9\n", "syscr:"));
    }

    @Test
    void shouldCountCallsThatReadAndThreadsThatWait() throws Exception {
        final DaemonWork before = DaemonWork.of(OWN);
        for (int i = 0; i < ROUNDS; i++) {
            Files.readString(Path.of("/proc/self/comm"));
        }
        final SynchronousQueue<Integer> queue = new SynchronousQueue<>();
        final Thread other = new Thread(() -> {
            for (int i = 0; i < ROUNDS; i++) {
                try {
                    queue.put(i);
                } catch (final InterruptedException ex) {
                    return;
                }
            }
        });
        other.start();
        for (int i = 0; i < ROUNDS; i++) {
            assertNotNull(queue.poll(Await.TIMEOUT_MS, TimeUnit.MILLISECONDS));
        }
        final DaemonWork work = DaemonWork.of(OWN).minus(before);
        other.join(Await.TIMEOUT_MS);
        assertFalse(other.isAlive());
        assertTrue(work.deviceCalls() >= ROUNDS, work.toString());
        assertTrue(work.waits() > 0, work.toString());
        assertEquals(work, work.plus(DaemonWork.NONE));
    }

    @Test
    void shouldFailWhenThereIsNoSuchProcess() {
        assertThrows(IOException.class, () -> DaemonWork.of(Integer.MAX_VALUE));
    }
}
