/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.testing;

import io.weft.linux.LinuxException;
import io.weft.linux.NewNetns;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestInstanceFactoryContext;
import org.junit.jupiter.api.extension.TestInstancePreConstructCallback;

/**
 * No test touches the machine's own network namespace, or files where weft, flannel and CNI plugins write by default. JUnit
 * finds this extension by {@code META-INF/services} and puts it around every test class.
 *
 * <p>The thread that runs the tests stands in a network namespace of its own, where there is a loopback and nothing else, and
 * so do the threads and processes that it starts. What a test does to "the machine's" network happens there, is undone by
 * the end of the process, and no other process on the machine disturbs the comparison: a class that leaves a device, an
 * address, a rule or a kernel parameter there fails. So does one that leaves a named namespace, a control group or a
 * process, and one that changes a file. Where the process may not make a namespace, no test that could touch anything runs either
 * ({@link RequiresRoot}).
 *
 * <p>{@code ip netns add} writes into /run/netns; that is how namespaces get names, and is allowed.
 */
public final class UntouchedMachine implements TestInstancePreConstructCallback, BeforeAllCallback, AfterAllCallback {
    private static final long PROCESS_END_TIMEOUT_MS = TimeUnit.MINUTES.toMillis(1);
    private static final ExtensionContext.Namespace STORE = ExtensionContext.Namespace.create(UntouchedMachine.class);

    /** Inherited, as the namespace is. Null until the thread has been moved, or has been found not to be allowed to. */
    private static final InheritableThreadLocal<Boolean> STANDS_APART = new InheritableThreadLocal<>();

    /** A class with one instance for all its tests is constructed before {@link #beforeAll}. */
    @Override
    public void preConstructTestInstance(final TestInstanceFactoryContext factory, final ExtensionContext context) {
        before(context);
    }

    @Override
    public void beforeAll(final ExtensionContext context) {
        before(context);
    }

    private static MachineState before(final ExtensionContext context) {
        standApart();
        return context.getStore(STORE)
                .computeIfAbsent(context.getRequiredTestClass(), testClass -> now(), MachineState.class);
    }

    @Override
    public void afterAll(final ExtensionContext context) {
        Await.until(
                () -> context.getDisplayName() + " to end its processes: "
                        + ProcessHandle.current()
                                .children()
                                .map(ProcessHandle::info)
                                .toList(),
                PROCESS_END_TIMEOUT_MS,
                () -> ProcessHandle.current().children().noneMatch(ProcessHandle::isAlive));
        final String difference = before(context).differenceTo(now());
        if (!difference.isEmpty()) {
            throw new AssertionError(context.getDisplayName()
                    + " has changed what belongs to the machine (its network is stood for by the namespace that the"
                    + " tests begin in):\n" + difference);
        }
    }

    private static void standApart() {
        if (null != STANDS_APART.get()) {
            return;
        }
        try {
            NewNetns.enter();
            Command.run(List.of("ip", "link", "set", "lo", "up"));
            STANDS_APART.set(true);
        } catch (final LinuxException e) {
            STANDS_APART.set(false);
        }
    }

    private static MachineState now() {
        final MachineState files =
                MachineState.ofFiles(MachineState.DEFAULT_PLACES).and(MachineState.ofOwnNames());
        return Boolean.TRUE.equals(STANDS_APART.get()) ? files.and(MachineState.ofNetwork()) : files;
    }
}
