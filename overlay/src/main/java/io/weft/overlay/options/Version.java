/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.options;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Objects;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** Which weft this is, as the build has written it into the jar, and in which Java it runs. */
public final class Version implements IVersionProvider {
    private static final Properties BUILD = build();

    /** For picocli. */
    public Version() {}

    @Override
    public String[] getVersion() {
        return new String[] {
            "weft " + text() + " (" + commit() + ")",
            "Java " + Runtime.version() + " (" + System.getProperty("java.vendor") + ")"
        };
    }

    /** The version alone. */
    public static String text() {
        return BUILD.getProperty("version");
    }

    /** The commit, {@code -dirty} behind it if the tree had changes; {@code unknown} where Maven was called without {@code ./weft}. */
    public static String commit() {
        return BUILD.getProperty("commit");
    }

    private static Properties build() {
        final Properties build = new Properties();
        try (InputStream stream =
                Objects.requireNonNull(Version.class.getResourceAsStream("version.properties"), "version.properties")) {
            build.load(stream);
        } catch (final IOException e) {
            throw new UncheckedIOException("version.properties", e);
        }
        return build;
    }
}
