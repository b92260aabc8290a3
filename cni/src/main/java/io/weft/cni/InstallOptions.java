/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where and what {@link InstallCni} installs.
 *
 * @param binDir the runtime's directory of plugins, as this process sees it: in a container, the host's mount.
 * @param confDir the runtime's directory of configurations, likewise.
 * @param conflistName the configuration's file name.
 * @param conflist a configuration to install instead of the built-in one, or null.
 * @param cniVersion the built-in configuration's version.
 * @param runtime a runtime linked before, or null for the one that this process runs in, or else a new one.
 * @param link where to link a runtime and install nothing, or null.
 * @param hostRoot the root directory of the host on which the plugin will run, as this process sees it.
 * @param isJson whether what was installed is told as a JSON object.
 */
record InstallOptions(
        Path binDir,
        Path confDir,
        String conflistName,
        @Nullable Path conflist,
        String cniVersion,
        @Nullable Path runtime,
        @Nullable Path link,
        Path hostRoot,
        boolean isJson) {

    /** As picocli writes the help of the other commands, which is not in the plugin's runtime. */
    static final String USAGE = """
            Usage: weft install-cni [-h] [--bin-dir=DIR] [--cni-version=VERSION]
                                    [--conf-dir=DIR] [--conflist=FILE]
                                    [--conflist-name=NAME] [--host-root=DIR] [--link=DIR]
                                    [-o=text|json] [--runtime=DIR]
            Puts the CNI plugin and its configuration where the container runtime looks.
                  --bin-dir=DIR          plugins; default: /opt/cni/bin
                  --cni-version=VERSION  version of the built-in configuration; every plugin of
                                           the chain must speak it, and STATUS and GC need
                                           1.1.0; default: 1.0.0
                  --conf-dir=DIR         configurations; default: /etc/cni/net.d
                  --conflist=FILE        install this configuration instead of the built-in one
                  --conflist-name=NAME   file name of the configuration; default:
                                           10-weft.conflist
              -h, --help                 Show this help message and exit.
                  --host-root=DIR        root directory of the host that the plugin will run on,
                                           whose glibc must be new enough for the Java runtime;
                                           its usr is enough; default: /
                  --link=DIR             link a Java runtime into DIR by the JDK of JAVA_HOME, and
                                           install nothing
              -o, --output=text|json     default: text
                  --runtime=DIR          install the runtime that --link has made instead of the
                                           distribution's own
            """;

    private static final List<String> OPTIONS = List.of(
            "--bin-dir",
            "--conf-dir",
            "--conflist-name",
            "--conflist",
            "--cni-version",
            "--runtime",
            "--link",
            "--host-root",
            "--output",
            "-o");

    static final String BIN_DIR_DEFAULT = "/opt/cni/bin";
    static final String CONF_DIR_DEFAULT = "/etc/cni/net.d";
    static final String CONFLIST_NAME_DEFAULT = "10-weft.conflist";
    static final String HOST_ROOT_DEFAULT = "/";

    /** The newest that the reference plugins of all distributions in support speak. */
    static final String CNI_VERSION_DEFAULT = "1.0.0";

    /**
     * @param arguments of the command line, each {@code --name=value} or {@code --name value}.
     * @throws IllegalArgumentException naming the option and value at fault, with what is allowed.
     */
    static InstallOptions parse(final String... arguments) {
        String binDir = BIN_DIR_DEFAULT;
        String confDir = CONF_DIR_DEFAULT;
        String conflistName = CONFLIST_NAME_DEFAULT;
        Path conflist = null;
        String cniVersion = CNI_VERSION_DEFAULT;
        Path runtime = null;
        Path link = null;
        String hostRoot = HOST_ROOT_DEFAULT;
        boolean isJson = false;
        for (int i = 0; i < arguments.length; i++) {
            final int equals = arguments[i].indexOf('=');
            final String option = equals < 0 ? arguments[i] : arguments[i].substring(0, equals);
            if (!OPTIONS.contains(option)) {
                throw new IllegalArgumentException(option + " is no option");
            }
            if (equals < 0 && ++i == arguments.length) {
                throw new IllegalArgumentException(option + " needs a value");
            }
            final String value = equals < 0 ? arguments[i] : arguments[i].substring(equals + 1);
            switch (option) {
                case "--bin-dir" -> binDir = requirePath(option, value).toString();
                case "--conf-dir" -> confDir = requirePath(option, value).toString();
                case "--conflist-name" -> conflistName = requireFileName(option, value);
                case "--conflist" -> conflist = requirePath(option, value);
                case "--cni-version" -> cniVersion = requireVersion(option, value);
                case "--runtime" -> runtime = requirePath(option, value);
                case "--link" -> link = requirePath(option, value);
                case "--host-root" -> hostRoot = requirePath(option, value).toString();
                case "--output", "-o" -> isJson = requireForm(option, value);
                default -> throw new IllegalStateException(option);
            }
        }
        return new InstallOptions(
                Path.of(binDir),
                Path.of(confDir),
                conflistName,
                conflist,
                cniVersion,
                runtime,
                link,
                Path.of(hostRoot),
                isJson);
    }

    private static boolean requireForm(final String option, final String value) {
        if (!"json".equals(value) && !"text".equals(value)) {
            throw new IllegalArgumentException(option + "=" + value + "; allowed: text, json");
        }
        return "json".equals(value);
    }

    private static Path requirePath(final String option, final String value) {
        if (value.isEmpty()) {
            throw new IllegalArgumentException(option + "=; allowed: a path");
        }
        return Path.of(value);
    }

    private static String requireFileName(final String option, final String value) {
        if (value.indexOf('/') >= 0 || value.startsWith(".") || !value.endsWith(".conflist")) {
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
