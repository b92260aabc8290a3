/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.bench.lab.Command;
import io.weft.bench.lab.Jvm;
import io.weft.bench.stats.Stopwatch;
import java.io.IOException;

/** A JVM that does nothing: the reference for what is a JVM and does something. */
final class Nothing {
    private Nothing() {}

    /** Ends at once, or once its standard input does if there is an argument. */
    public static void main(final String[] arguments) throws IOException {
        if (arguments.length > 0) {
            System.out.println("up");
            System.in.read();
        }
    }

    /** How long one takes from start to end. */
    static double seconds() {
        final long startNs = System.nanoTime();
        Command.run(Jvm.words(Nothing.class));
        return Stopwatch.secondsSince(startNs);
    }

    /** What one has had in memory at the most. */
    static double peakMebibytes() throws IOException {
        final Process process = Command.converse(Jvm.words(Nothing.class, "wait"));
        try {
            process.inputReader().readLine();
            return Resident.peakMebibytes(process.pid());
        } finally {
            Command.end(process);
        }
    }
}
