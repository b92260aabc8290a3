/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Goes with packets through chains as the kernel would, with three answers for each condition: it holds for all packets, for none, or for
 * some. What is not understood holds for some.
 */
final class RuleWalk {
    /** What ends a packet's way, as nft and both iptables call it. */
    private static final Set<String> DROPS = Set.of("drop", "DROP", "reject", "REJECT");

    /** Set a mark, by which later rules may choose. */
    private static final Set<String> MARKS = Set.of("meta set", "MARK", "CONNMARK", "ct");

    /** Change what decides nothing on this host, or copy; the packet goes on. */
    private static final Set<String> HARMLESS =
            Set.of("exthdr", "dynset", "objref", "TCPMSS", "DSCP", "TOS", "SET", "CHECKSUM", "TEE", "flow_offload");

    /** Behind the last decision where a packet goes: the address that it is from is all that changes. */
    private static final Set<String> SOURCE_ALONE = Set.of("masq", "nat", "MASQUERADE", "SNAT", "NETMAP");

    /** Deeper than the kernel lets chains jump: {@code NFT_JUMP_STACK_SIZE}, include/net/netfilter/nf_tables.h. */
    private static final int DEPTH_MAX = 16;

    /** How a walk through a chain ends, if nobody intervenes. */
    private enum End {
        /** Some or all packets come to its end, or return. */
        PASSED,
        /** All are accepted. */
        ACCEPTED
    }

    private final Map<String, Chain> chains = new HashMap<>();
    private final List<Chain> all;
    private final String subject;
    private final Set<String> ownChains;
    private final Map<String, End> known = new HashMap<>();
    /** What a rule may have changed. */
    private final Set<Field> forgotten = EnumSet.noneOf(Field.class);

    private Stage stage = new Stage(Chain.NO_HOOK, "", Map.of());
    /** Some may have been accepted before they come to what follows in this base chain. */
    private boolean isThinned;

    /** Some may have been handed to somebody, or been made others, before they come to whatever follows. */
    private boolean isDiverted;

    private String touched = "";
    private @Nullable Culprit dropped;
    private @Nullable Culprit mayLose;

    /**
     * Nothing is walked through yet.
     *
     * @param all chains that there are, of the packets' family.
     * @param subject what a rule may be for, in words.
     * @param ownChains names of chains that are not to be looked at.
     */
    RuleWalk(final List<Chain> all, final String subject, final Set<String> ownChains) {
        this.all = all;
        this.subject = subject;
        this.ownChains = ownChains;
        all.forEach(chain -> chains.put(key(chain.table(), chain.name()), chain));
    }

    private static String key(final String table, final String name) {
        return table + '/' + name;
    }

    /** What becomes of packets that come to some hooks, one after the other. */
    Fate fate(final List<Stage> stages) {
        for (final Stage next : stages) {
            all.stream().filter(next::asks).forEach(chain -> base(next, chain));
        }
        return new Fate(dropped, mayLose, touched);
    }

    /** Walks through what the kernel asks at a hook; empty, or the first rule of all until now that may concern them. */
    String base(final Stage at, final Chain chain) {
        stage = at;
        isThinned = false;
        known.clear();
        if (End.PASSED == end(chain, true, 0) && chain.drops()) {
            final Culprit policy = new Culprit(chain.table(), chain.name(), Culprit.POLICY, "");
            touch(policy.words());
            lose(policy, true);
        }
        return touched;
    }

    private void touch(final String words) {
        touched = touched.isEmpty() ? words : touched;
    }

    /** @param areAll whether the rule is for all that come to it. */
    private void lose(final Culprit culprit, final boolean areAll) {
        mayLose = null == mayLose ? culprit : mayLose;
        if (null == dropped && areAll && !isThinned && !isDiverted) {
            dropped = culprit;
        }
    }

    /** @param areAll whether all packets come to its beginning. */
    private End end(final @Nullable Chain chain, final boolean areAll, final int depth) {
        if (null == chain || depth > DEPTH_MAX) {
            touch("a chain is jumped to that is not known");
            isThinned = true;
            return End.PASSED;
        }
        if (ownChains.contains(chain.name())) {
            return End.PASSED;
        }
        final String key = key(chain.table(), chain.name()) + '/' + (areAll && !isThinned);
        final End before = known.get(key);
        if (null != before) {
            return before;
        }
        final End end = walk(chain, areAll, depth);
        known.put(key, end);
        return end;
    }

    private End walk(final Chain chain, final boolean areAll, final int depth) {
        boolean areAllLeft = areAll;
        int number = 0;
        for (final Rule rule : chain.rules()) {
            number++;
            final Match match = match(rule);
            if (Match.NONE == match) {
                continue;
            }
            final boolean isAll = Match.ALL == match;
            switch (rule.action()) {
                case ACCEPT -> {
                    if (isAll) {
                        return End.ACCEPTED;
                    }
                    isThinned = true;
                }
                case RETURN -> {
                    if (isAll) {
                        return End.PASSED;
                    }
                    areAllLeft = false;
                }
                case JUMP, GOTO -> {
                    final End end = end(chains.get(key(chain.table(), rule.detail())), areAllLeft && isAll, depth + 1);
                    if (isAll && (End.ACCEPTED == end || Rule.Action.GOTO == rule.action())) {
                        return end;
                    }
                    isThinned |= End.ACCEPTED == end;
                    areAllLeft &= Rule.Action.GOTO != rule.action();
                }
                case INTERVENE ->
                    intervene(new Culprit(chain.table(), chain.name(), number, rule.detail()), areAllLeft && isAll);
                case CONTINUE_STATELESS -> forget(Field.CONNECTION_STATE);
                case CONTINUE -> {}
            }
        }
        return End.PASSED;
    }

    private void intervene(final Culprit rule, final boolean areAll) {
        touch("chain " + rule.chain() + " of table " + rule.table() + " has a rule for " + subject
                + ", or that may concern it: " + rule.action());
        if (DROPS.contains(rule.action())) {
            lose(rule, areAll);
        } else if (MARKS.contains(rule.action())) {
            forget(Field.MARK);
        } else if (!HARMLESS.contains(rule.action())) {
            if (Chain.POSTROUTING != stage.hook() || !SOURCE_ALONE.contains(rule.action())) {
                lose(rule, false);
            }
            isDiverted = true;
        }
    }

    private void forget(final Field field) {
        if (forgotten.add(field)) {
            known.clear();
        }
    }

    /** Of many destinations is asked only if all else holds. */
    private Match match(final Rule rule) {
        final Match few = match(rule, false);
        return Match.NONE == few ? few : few.and(match(rule, true));
    }

    private Match match(final Rule rule, final boolean isDestination) {
        Match match = Match.ALL;
        for (final Condition condition : rule.conditions()) {
            if (isDestination == (Field.DESTINATION == condition.field())) {
                match = match.and(match(condition));
            }
            if (Match.NONE == match) {
                return match;
            }
        }
        return match;
    }

    private Match match(final Condition condition) {
        final List<KnownBits> values = stage.facts().get(condition.field());
        if (null == values || forgotten.contains(condition.field())) {
            return Match.SOME;
        }
        Match found = null;
        for (final KnownBits value : values) {
            final Match one = condition.match(value);
            found = null == found || one == found ? one : Match.SOME;
        }
        return null == found ? Match.NONE : found;
    }
}
