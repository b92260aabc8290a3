/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.options;

import picocli.CommandLine.IVersionProvider;

/** The version from the jar's manifest. */
public final class Version implements IVersionProvider {
    /** For picocli. */
    public Version() {}

    @Override
    public String[] getVersion() {
        return new String[] {"weft " + text()};
    }

    /** The version alone; {@code unknown} when weft does not run from its jar. */
    public static String text() {
        final String version = Version.class.getPackage().getImplementationVersion();
        return null == version ? "unknown" : version;
    }
}
