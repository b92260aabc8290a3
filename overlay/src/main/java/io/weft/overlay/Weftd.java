/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.host.Privileges;
import io.weft.overlay.registry.FileRegistry;
import io.weft.overlay.registry.Registry;
import io.weft.overlay.registry.RegistryException;
import java.util.concurrent.CountDownLatch;

/**
 * The daemon: one node after the other until it is told to stop, for a node whose lease or network changes is taken down
 * and set up anew. The thread that calls {@link #run} becomes the control thread.
 */
final class Weftd {
    private static final System.Logger LOG = System.getLogger(Weftd.class.getName());
    private static final String STOPPED = "told to stop";

    private final WeftdOptions options;
    private volatile boolean isStopping;

    Weftd(final WeftdOptions options) {
        this.options = options;
    }

    /**
     * Runs until SIGTERM or SIGINT.
     *
     * @return the exit code: 0.
     * @throws StartupException when the node cannot be set up, or cannot go on.
     */
    int run() {
        Privileges.requireNetAdmin();
        Privileges.requireTun();
        final Thread control = Thread.currentThread();
        final CountDownLatch takenDown = new CountDownLatch(1);
        final Thread hook = new Thread(() -> stop(control, takenDown), "weft-stop");
        Runtime.getRuntime().addShutdownHook(hook);
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            while (!isStopping) {
                final String reason = runNode(rtnetlink);
                LOG.log(INFO, "the node is taken down: {0}", reason);
            }
            return 0;
        } catch (final RegistryException | LinuxException failure) {
            LOG.log(DEBUG, "the cause", failure);
            throw new StartupException(String.valueOf(failure.getMessage()), failure);
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
            return 0;
        } finally {
            takenDown.countDown();
            if (!isStopping) {
                Runtime.getRuntime().removeShutdownHook(hook);
            }
        }
    }

    private String runNode(final Rtnetlink rtnetlink) throws InterruptedException {
        try (Registry registry = registry();
                OverlayNode node = OverlayNode.start(options, registry, rtnetlink)) {
            return node.run();
        } catch (final InterruptedException stop) {
            if (isStopping) {
                return STOPPED;
            }
            throw stop;
        }
    }

    private Registry registry() {
        return switch (options.registryKind()) {
            case FILE -> new FileRegistry(options.registryFile());
            case ETCD, KUBE ->
                throw new StartupException("this version has the file registry alone:" + " say --registry=file:PATH");
        };
    }

    /** Runs in the JVM's shutdown: interrupts the control thread and waits until it has taken everything down. */
    private void stop(final Thread control, final CountDownLatch takenDown) {
        isStopping = true;
        control.interrupt();
        try {
            takenDown.await();
        } catch (final InterruptedException interrupted) {
            LOG.log(WARNING, "interrupted before all was taken down");
            Thread.currentThread().interrupt();
        }
        // The JVM would end with 128 + the signal's number; flanneld ends with 0, and supervisors rely on it.
        Runtime.getRuntime().halt(0);
    }
}
