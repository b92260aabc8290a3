/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Unmatched;

/**
 * Stands in the list of commands for one that the script {@code bin/weft} starts by itself: it belongs to the CNI plugin,
 * which this module does not know, and runs in that plugin's Java runtime, on hosts without any other.
 */
@Command(
        name = "install-cni",
        description = "Puts the CNI plugin and its configuration where the container runtime looks.")
final class InstallCniCommand implements Runnable {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Unmatched
    private String[] arguments = {};

    /** For picocli. */
    InstallCniCommand() {}

    @Override
    public void run() {
        throw new ParameterException(
                spec.commandLine(),
                "install-cni " + String.join(" ", arguments) + " is started by the script bin/weft, not by Java");
    }
}
