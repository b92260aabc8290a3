/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import static java.nio.ByteOrder.nativeOrder;

import io.weft.linux.LinuxException;
import io.weft.linux.TableSocket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The tables of ip_tables or ip6_tables, which iptables-legacy fills, of the network namespace of the thread that asks. No table is made
 * by being asked for. Takes CAP_NET_ADMIN. Source: include/uapi/linux/netfilter_ipv4/ip_tables.h, {@code struct ipt_getinfo}.
 *
 * <pre>
 *  0      32            36                 56             76        80
 * +------+-------------+------------------+--------------+---------+--------+
 * | name | valid hooks | first entry for  | policy for   | entries | bytes  |
 * |      | (bits)      | each of 5 hooks  | each of 5    |         |        |
 * +------+-------------+------------------+--------------+---------+--------+
 * </pre>
 */
public final class LegacyTables {
    private static final int HOOKS = 5;
    private static final int VALID_OFFSET = 32;
    private static final int BEGIN_OFFSET = VALID_OFFSET + Integer.BYTES;
    private static final int POLICY_OFFSET = BEGIN_OFFSET + HOOKS * Integer.BYTES;

    private LegacyTables() {}

    /**
     * All chains of all tables.
     *
     * @throws io.weft.linux.LinuxException if the kernel refuses, or a table is malformed.
     */
    public static List<Chain> chains(final boolean isIpv4) {
        final List<Chain> chains = new ArrayList<>();
        final List<String> names = names(isIpv4);
        if (names.isEmpty()) {
            return chains;
        }
        try (TableSocket socket = TableSocket.open(isIpv4)) {
            for (final String name : names) {
                final TableSocket.Table table = socket.read(name);
                final ByteBuffer information =
                        ByteBuffer.wrap(table.information()).order(nativeOrder());
                final Map<Integer, Integer> begins = new TreeMap<>();
                final Map<Integer, Integer> policies = new HashMap<>();
                for (int hook = 0; hook < HOOKS; hook++) {
                    if (0 != (information.getInt(VALID_OFFSET) & 1 << hook)) {
                        begins.put(hook, information.getInt(BEGIN_OFFSET + hook * Integer.BYTES));
                        policies.put(hook, information.getInt(POLICY_OFFSET + hook * Integer.BYTES));
                    }
                }
                chains.addAll(LegacyTable.read(name, isIpv4, begins, policies, table.entries()));
            }
        }
        return chains;
    }

    /**
     * Which tables there are.
     *
     * @throws io.weft.linux.LinuxException if this process may not know.
     */
    public static List<String> names(final boolean isIpv4) {
        final Path path = Path.of("/proc/thread-self/net/" + (isIpv4 ? "ip" : "ip6") + "_tables_names");
        try {
            return Files.readAllLines(path);
        } catch (final NoSuchFileException noModule) {
            return List.of();
        } catch (final IOException failure) {
            throw LinuxException.reading(
                    path,
                    failure,
                    "Which tables iptables-legacy has is root's to know: run as user 0, or with capability CAP_DAC_READ_SEARCH too");
        }
    }
}
