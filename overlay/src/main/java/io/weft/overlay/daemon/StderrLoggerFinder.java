/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.daemon;

import io.weft.overlay.lifecycle.PlainText;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.text.MessageFormat;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.ResourceBundle;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Logs to standard error, one line a message, as a daemon under systemd or in a container does; of troubles that are alike, one a minute.
 * The JDK's own logging would
 * do, but it stops at the start of the shutdown, when taking back the device and routes has still things to say.
 */
public final class StderrLoggerFinder extends System.LoggerFinder {
    private static final long LOOK_NS = TimeUnit.SECONDS.toNanos(5);
    private static final RepeatedLines REPEATED = new RepeatedLines();
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

    /** From now on troubles that come again and again are told once a minute. */
    static void beginToTellRepeated() {
        final Thread thread = new Thread(
                () -> {
                    while (true) {
                        LockSupport.parkNanos(LOOK_NS);
                        REPEATED.due(System.currentTimeMillis()).forEach(StderrLoggerFinder::write);
                    }
                },
                "weft-log");
        thread.setDaemon(true);
        thread.start();
    }

    /** The process is about to end: tells what was counted and not told yet. */
    static void tellRepeated() {
        REPEATED.due(Long.MAX_VALUE).forEach(StderrLoggerFinder::write);
    }

    private static void write(final String line) {
        final PrintStream stream = System.err;
        stream.println(Instant.now().truncatedTo(ChronoUnit.MILLIS) + " " + line);
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
            if (isLoggable(level) && write(level, String.valueOf(message)) && null != thrown) {
                final StringWriter trace = new StringWriter();
                thrown.printStackTrace(new PrintWriter(trace));
                // No line of it is to be taken for one of the log's own.
                trace.toString().lines().forEach(each -> System.err.println(" " + PlainText.of(each)));
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

        /** Whether it was written; else it will be, with the others that are the same. */
        private static boolean write(final Level level, final String message) {
            final String line = level.getName() + " " + PlainText.of(message);
            final long nowMs = System.currentTimeMillis();
            if (level.getSeverity() >= Level.WARNING.getSeverity() && !REPEATED.isNew(line, nowMs)) {
                return false;
            }
            StderrLoggerFinder.write(line);
            return true;
        }
    }
}
