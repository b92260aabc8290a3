/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

/** Where randomness of tests comes from: printed, and repeatable by {@code -Dweft.seed=N}. */
final class Seed {
    private Seed() {}

    static long next() {
        final long seed = Long.getLong("weft.seed", System.nanoTime());
        final String test = StackWalker.getInstance()
                .walk(frames -> frames.skip(1)
                        .findFirst()
                        .map(StackWalker.StackFrame::getMethodName)
                        .orElse("?"));
        System.out.println("weft.seed=" + seed + " in " + test);
        return seed;
    }
}
