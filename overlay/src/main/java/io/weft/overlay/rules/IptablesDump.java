/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** What is of interest in the output of iptables-save, which may have hundreds of thousands of rules of others. */
final class IptablesDump {
    /** Our rules have a comment: one of flannel's, or that of the rules which flannel has not. */
    private static final Pattern OWN =
            Pattern.compile("--comment \"?(flanneld (masq|forward)|" + TunnelPort.COMMENT + ")\"?( |$)");
    /** Chains that kubelet makes, in this one of the two iptables, to tell others where Kubernetes' rules are (KEP 3178). */
    private static final Pattern KUBELET = Pattern.compile(":KUBE-(IPTABLES-HINT|KUBELET-CANARY) .*");
    /** A rule of FORWARD that lets nothing pass. */
    private static final Pattern CATCH_ALL = Pattern.compile(
            "-A FORWARD (-m comment --comment (\"[^\"]*\"|\\S+) )?-j (DROP|REJECT)( --reject-with \\S+)?");

    /**
     * A rule of ours.
     *
     * @param table it is in.
     * @param text as it is printed, with {@code -A}.
     */
    record OwnRule(String table, String text) {}

    private final List<OwnRule> own = new ArrayList<>();
    private String table = "";
    private long foreignRules;
    private boolean hasKubelet;
    private boolean isPolicyDrop;
    private int foreignForwardRules;
    private int catchAllPosition;
    private boolean isJumpTooLate;

    /** Takes the next line. */
    void add(final String line) {
        if (line.startsWith("-A ")) {
            addRule(line);
        } else if (line.startsWith("*")) {
            table = line.substring(1);
        } else if (line.startsWith(":FORWARD DROP ") && "filter".equals(table)) {
            isPolicyDrop = true;
        } else if (line.startsWith(":KUBE-") && KUBELET.matcher(line).matches()) {
            hasKubelet = true;
        }
    }

    private void addRule(final String line) {
        final boolean isForward = line.startsWith("-A FORWARD ") && "filter".equals(table);
        if ((line.contains("flanneld ") || line.contains("weftd "))
                && OWN.matcher(line).find()) {
            own.add(new OwnRule(table, line));
            isJumpTooLate |= isForward && catchAllPosition > 0;
            return;
        }
        foreignRules++;
        if (isForward) {
            foreignForwardRules++;
            if (0 == catchAllPosition && CATCH_ALL.matcher(line).matches()) {
                catchAllPosition = foreignForwardRules;
            }
        }
    }

    /** Our rules of a table, as they are printed, in their order. */
    List<String> own(final String ofTable) {
        return own.stream()
                .filter(rule -> rule.table.equals(ofTable))
                .map(OwnRule::text)
                .toList();
    }

    /** Where a rule has to stand in FORWARD, counted from 1 and without ours, to be reached; 0 for the end. */
    int catchAllPosition() {
        return catchAllPosition;
    }

    /** A rule of ours in FORWARD stands behind one that lets nothing pass. */
    boolean isJumpTooLate() {
        return isJumpTooLate;
    }

    /** What no rule of FORWARD accepts is dropped. */
    boolean dropsForwarded() {
        return isPolicyDrop || catchAllPosition > 0;
    }

    /**
     * The host's own rules are rather here than there, as iptables-wrapper of Kubernetes decides it: kubelet's chains tell, or
     * the number of rules. It has to be twice the other, so that our rules do not wander to and fro.
     */
    boolean outweighs(final IptablesDump other) {
        return hasKubelet == other.hasKubelet ? foreignRules > 2 * other.foreignRules : hasKubelet;
    }
}
