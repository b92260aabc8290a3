/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import io.weft.linux.LinuxException;
import io.weft.linux.netfilter.LegacyTables;
import java.util.ArrayList;
import java.util.List;

/**
 * One of the two iptables that a host may have beside each other. Each has tables of its own in the kernel, and a packet has to
 * pass both: what one accepts, the other may still drop.
 *
 * @param name of the tool, to which {@code -save} and {@code -restore} are added.
 * @param isLegacy with the tables of ip_tables; else those of nf_tables.
 */
record IptablesVariant(String name, boolean isLegacy) {
    /** So long may somebody else keep the lock of ip_tables; nf_tables has none. */
    private static final int LOCK_PATIENCE_S = 10;

    /**
     * Those of this host, the one first that {@code iptables} without more is (of a container it is its image's).
     *
     * @param tool {@code iptables} or {@code ip6tables}.
     * @return none if neither is installed.
     * @throws RulesException when {@code iptables} cannot be run.
     */
    static List<IptablesVariant> installed(final String tool) {
        final IptablesVariant legacy = new IptablesVariant(tool + "-legacy", true);
        final IptablesVariant nft = new IptablesVariant(tool + "-nft", false);
        final List<IptablesVariant> variants = new ArrayList<>();
        if (Tool.isInstalled(tool)) {
            final List<String> version = new ArrayList<>();
            Tool.run(List.of(tool, "--version"), "", version::add);
            final boolean isLegacy = version.stream().noneMatch(line -> line.contains("nf_tables"));
            variants.add(new IptablesVariant(tool, isLegacy));
        }
        for (final IptablesVariant variant : List.of(nft, legacy)) {
            if (Tool.isInstalled(variant.name + "-save")
                    && variants.stream().noneMatch(known -> known.isLegacy == variant.isLegacy)) {
                variants.add(variant);
            }
        }
        return variants;
    }

    /**
     * Reads all tables that there are, and makes none.
     *
     * @throws UnreadableTablesException where that is root's to know.
     */
    IptablesDump dump() {
        final IptablesDump dump = new IptablesDump();
        if (!isLegacy || hasLegacyTables()) {
            Tool.run(List.of(name + "-save"), "", dump::add);
        }
        return dump;
    }

    /** Of this network namespace. Asking iptables-legacy for a table would make it. */
    private boolean hasLegacyTables() {
        try {
            return !LegacyTables.names(!name.startsWith("ip6")).isEmpty();
        } catch (final LinuxException failure) {
            throw new UnreadableTablesException(String.valueOf(failure.getMessage()));
        }
    }

    /** Applies a text; each table in it is one transaction. */
    void restore(final String text) {
        Tool.run(List.of(name + "-restore", "--wait=" + LOCK_PATIENCE_S, "--noflush"), text, line -> {});
    }
}
