/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.daemon;

import java.io.PrintStream;
import java.text.MessageFormat;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.ResourceBundle;
import org.jspecify.annotations.Nullable;

/**
 * Logs to standard error, one line a message, as a daemon under systemd or in a container does. The JDK's own logging would
 * do, but it stops at the start of the shutdown, when taking back the device and routes has still things to say.
 */
public final class StderrLoggerFinder extends System.LoggerFinder {
    private static volatile System.Logger.Level threshold = System.Logger.Level.INFO;

    /** For the service loader. */
    public StderrLoggerFinder() {}

    /** Logs from this level on, in all loggers, from now on. */
    static void threshold(final System.Logger.Level level) {
        threshold = level;
    }

    @Override
    public System.Logger getLogger(final String name, final Module module) {
        // The JDK's own modules have things to say (of HTTP, of security providers) that are no concern of the user.
        return new StderrLogger(name, module.isNamed() ? System.Logger.Level.WARNING : System.Logger.Level.ALL);
    }

    private record StderrLogger(String name, System.Logger.Level floor) implements System.Logger {
        @Override
        public String getName() {
            return name;
        }

        @Override
        public boolean isLoggable(final Level level) {
            return level.getSeverity() >= threshold.getSeverity() && level.getSeverity() >= floor.getSeverity();
        }

        @Override
        public void log(
                final Level level,
                final @Nullable ResourceBundle bundle,
                final @Nullable String message,
                final @Nullable Throwable thrown) {
            if (isLoggable(level)) {
                write(level, String.valueOf(message));
                if (null != thrown) {
                    thrown.printStackTrace(System.err);
                }
            }
        }

        @Override
        public void log(
                final Level level,
                final @Nullable ResourceBundle bundle,
                final @Nullable String format,
                final @Nullable Object... parameters) {
            if (isLoggable(level)) {
                final boolean plain = null == format || null == parameters || 0 == parameters.length;
                write(
                        level,
                        plain ? String.valueOf(format) : new MessageFormat(format, Locale.ROOT).format(parameters));
            }
        }

        private static void write(final Level level, final String message) {
            final PrintStream stream = System.err;
            stream.println(Instant.now().truncatedTo(ChronoUnit.MILLIS) + " " + level.getName() + " " + message);
        }
    }
}
