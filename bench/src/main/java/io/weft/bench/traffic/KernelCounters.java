/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.Node;
import java.util.Arrays;
import java.util.List;

/**
 * What the kernel counts for one network namespace, in pairs of lines (proc_pid_net(5)):
 *
 * <pre>
 *   Udp: InDatagrams NoPorts ...
 *   Udp: 17 0 ...
 * </pre>
 */
public final class KernelCounters {
    private KernelCounters() {}

    /**
     * Reads a counter of a node's pod.
     *
     * @param file {@code snmp} or {@code netstat}.
     * @param group such as {@code Udp}.
     * @throws Command.CommandException if there is no such counter.
     */
    public static long ofPod(final Node node, final String file, final String group, final String name) {
        return parse(Command.run(node.inPod("cat", "/proc/net/" + file)), group, name);
    }

    static long parse(final String text, final String group, final String name) {
        final List<String[]> lines = text.lines()
                .filter(line -> line.startsWith(group + ":"))
                .map(line -> line.split(" ", -1))
                .toList();
        final int column = lines.isEmpty() ? -1 : Arrays.asList(lines.get(0)).indexOf(name);
        if (column < 0 || lines.size() < 2) {
            throw new Command.CommandException("the kernel has no counter " + group + " " + name);
        }
        return Long.parseLong(lines.get(1)[column]);
    }
}
