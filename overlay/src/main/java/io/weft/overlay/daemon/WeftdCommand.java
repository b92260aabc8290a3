/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.daemon;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;

import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.options.FlanneldOptions;
import io.weft.overlay.options.Version;
import io.weft.overlay.options.WeftOptions;
import io.weft.overlay.options.WeftdOptions;
import io.weft.overlay.record.StartRecord;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** The command line of weftd. */
@Command(
        name = "weftd",
        sortOptions = false,
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        description = {
            "Overlay daemon of one node: joins the node to a flannel network, and forwards its pods' packets.",
            "Flags may be written with one or two dashes.",
            ""
        })
final class WeftdCommand implements Callable<Integer> {
    private static final System.Logger LOG = System.getLogger(WeftdCommand.class.getName());

    @Mixin
    private final FlanneldOptions flanneld = new FlanneldOptions();

    @Mixin
    private final WeftOptions weft = new WeftOptions();

    WeftdOptions options() {
        return new WeftdOptions(flanneld, weft);
    }

    @Override
    public Integer call() {
        final WeftdOptions options = options();
        validate(options);
        StderrLoggerFinder.threshold(flanneld.verbosity > 0 ? DEBUG : INFO);
        StderrLoggerFinder.beginToTellRepeated();
        if (null != flanneld.vmodule || null != flanneld.logBacktraceAt) {
            LOG.log(INFO, "--vmodule and --log_backtrace_at have no meaning here and are ignored");
        }
        return weft.uninstall ? Uninstall.run(weft) : new Weftd(options).run();
    }

    /** A supervisor may be all that hears of a wrong option. */
    private void validate(final WeftdOptions options) {
        try {
            options.validate();
        } catch (final StartupException wrong) {
            if (!weft.uninstall && null != (@Nullable Path) weft.runDirectory) {
                try (StartRecord start = Weftd.startRecord(options)) {
                    start.gaveUp(String.valueOf(wrong.getMessage()));
                }
            }
            throw wrong;
        }
    }
}
