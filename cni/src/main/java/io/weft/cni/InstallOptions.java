/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where and what {@link InstallCni} installs.
 *
 * @param binDir the runtime's directory of plugins, as this process sees it: in a container, the host's mount.
 * @param confDir the runtime's directory of configurations, likewise.
 * @param conflistName the configuration's file name.
 * @param conflist a configuration to install instead of the built-in one, or null.
 * @param cniVersion the built-in configuration's version.
 * @param runtime a runtime linked before, or null to link one here.
 */
record InstallOptions(
        Path binDir,
        Path confDir,
        String conflistName,
        @Nullable Path conflist,
        String cniVersion,
        @Nullable Path runtime) {

    static final String USAGE = """
            weft install-cni [options]: puts the CNI plugin and its configuration where the container runtime looks
              --bin-dir DIR         plugins (default /opt/cni/bin)
              --conf-dir DIR        configurations (default /etc/cni/net.d)
              --conflist-name NAME  file name of the configuration (default 10-weft.conflist)
              --conflist FILE       install this configuration instead of the built-in one
              --cni-version V       version of the built-in configuration (default 1.0.0); every plugin of the chain
                                    must speak it, and STATUS and GC need 1.1.0
              --runtime DIR         use this Java runtime, linked by `weft install-cni --link DIR`, and link none
              --link DIR            link a Java runtime into DIR and install nothing
            """;

    static final String BIN_DIR_DEFAULT = "/opt/cni/bin";
    static final String CONF_DIR_DEFAULT = "/etc/cni/net.d";
    static final String CONFLIST_NAME_DEFAULT = "10-weft.conflist";

    /** The newest that the reference plugins of all distributions in support speak. */
    static final String CNI_VERSION_DEFAULT = "1.0.0";

    /**
     * @param arguments of the command line.
     * @throws IllegalArgumentException naming the option and value at fault, with what is allowed.
     */
    static InstallOptions parse(final String... arguments) {
        String binDir = BIN_DIR_DEFAULT;
        String confDir = CONF_DIR_DEFAULT;
        String conflistName = CONFLIST_NAME_DEFAULT;
        Path conflist = null;
        String cniVersion = CNI_VERSION_DEFAULT;
        Path runtime = null;
        for (int i = 0; i < arguments.length; i += 2) {
            final String option = arguments[i];
            if (i + 1 == arguments.length) {
                throw new IllegalArgumentException(option + " needs a value, or is no option\n" + USAGE);
            }
            final String value = arguments[i + 1];
            switch (option) {
                case "--bin-dir" -> binDir = value;
                case "--conf-dir" -> confDir = value;
                case "--conflist-name" -> conflistName = requireFileName(option, value);
                case "--conflist" -> conflist = Path.of(value);
                case "--cni-version" -> cniVersion = requireVersion(option, value);
                case "--runtime" -> runtime = Path.of(value);
                default -> throw new IllegalArgumentException(option + " is no option\n" + USAGE);
            }
        }
        return new InstallOptions(Path.of(binDir), Path.of(confDir), conflistName, conflist, cniVersion, runtime);
    }

    private static String requireFileName(final String option, final String value) {
        if (value.indexOf('/') >= 0 || !value.endsWith(".conflist")) {
            throw new IllegalArgumentException(
                    option + "=" + value + "; allowed: a file name that ends in .conflist, which runtimes look for");
        }
        return value;
    }

    private static String requireVersion(final String option, final String value) {
        if (null == SpecVersion.of(value)) {
            throw new IllegalArgumentException(option + "=" + value + "; allowed: " + SpecVersion.list());
        }
        return value;
    }
}
