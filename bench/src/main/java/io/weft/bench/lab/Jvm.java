/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** How this JVM starts others of its kind, with its own class path. */
public final class Jvm {
    /** The {@code java} that runs this program. */
    private static final String JAVA =
            Path.of(System.getProperty("java.home"), "bin", "java").toString();

    /** Agrona reaches into the JDK. */
    private static final String OPENS = "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED";

    private Jvm() {}

    /** The words that run a class of this class path; collector and heap are for a small steady program. */
    public static List<String> words(final Class<?> main, final String... arguments) {
        final List<String> words = new ArrayList<>(List.of(
                JAVA,
                OPENS,
                "-XX:+UseSerialGC",
                "-Xmx128m",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
        words.addAll(List.of(arguments));
        return words;
    }
}
