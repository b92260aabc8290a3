/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.machine;

import io.weft.linux.SystemCallFilter;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * System calls as dear as on another machine, by filters that do nothing and take their time. How much a filter takes is up to processor,
 * kernel and whether that compiles filters, so it is measured, and added until a call costs what was asked for. Wake-ups are not imitated:
 * on machines where calls are dear, since they leave the guest for it, those are dear as well.
 */
public final class DearCalls {
    /** What a call that does something costs on the cheapest machines. */
    public static final int MIN_NS = 100;

    /** Several times what is told of any machine; the kernel's limit of all filters together gives it on the fastest processor, too. */
    public static final int MAX_NS = 10_000;

    /** Of the first filter, which tells what more of them take. */
    private static final int FIRST_MULTIPLICATIONS = 16;

    /** A filter has at most so many times what those before it have: what was measured with few says little of many. */
    private static final int GROWTH = 4;

    private DearCalls() {}

    /**
     * Makes system calls dear for whom the filters are applied to, the calling thread included, for as long as it lives.
     *
     * @param costNs of one, as {@link MachineCosts} measures it.
     * @param apply puts a filter behind those that are there.
     * @return what one costs then: not less.
     * @throws IllegalArgumentException if one costs as much already.
     */
    public static double imitate(final int costNs, final Consumer<SystemCallFilter> apply) {
        final double withoutNs = MachineCosts.leastSystemCallNs();
        double nowNs = withoutNs;
        if (nowNs >= costNs) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT, "a system call costs %.0f ns here already, and can only be made dearer", nowNs));
        }
        int multiplications = FIRST_MULTIPLICATIONS;
        int all = 0;
        while (nowNs < costNs) {
            apply.accept(SystemCallFilter.delaying(multiplications));
            all += multiplications;
            nowNs = MachineCosts.leastSystemCallNs();
            // By all that were added, not by the last: where other work made a call look dearer before, those would
            // seem to cost nothing. That there is a filter costs something too, so each guess is too low.
            final double oneNs = Math.max((nowNs - withoutNs) / all, Double.MIN_NORMAL);
            final double missing = Math.min(Math.ceil((costNs - nowNs) / oneNs), (double) GROWTH * all);
            multiplications = (int) Math.max(1, Math.min(missing, SystemCallFilter.MAX_MULTIPLICATIONS));
        }
        return nowNs;
    }
}
