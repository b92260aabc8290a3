/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.bench.lab.Teardown;
import java.io.IOException;
import java.util.List;

/** Takes the figures of some budgets that need the same surroundings. */
public interface Trial {
    /** By which it is asked for alone: one word. */
    String name();

    /** What it is about, for people who wait for it. */
    String subject();

    /** What the machine lacks for it, with the remedy; empty if nothing. */
    default String lack() {
        return "";
    }

    /** What it has seen besides, after it has run; a line each, and no matter of a budget. */
    default List<String> remarks() {
        return List.of();
    }

    /**
     * Brings up what it needs, and takes the figures.
     *
     * @param site what it works with.
     * @param teardown closes what is brought up, also when the program is ended from outside.
     */
    List<Finding> run(Site site, Teardown teardown) throws IOException;
}
