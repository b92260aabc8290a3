/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.page;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Chromium without a screen, inside a network namespace, with one tab. It is driven by its DevTools protocol over two pipes, whose
 * messages end with a zero byte (https://chromedevtools.github.io/devtools-protocol/, chromium's --remote-debugging-pipe).
 */
final class Browser implements AutoCloseable {
    private final BackgroundProcess process;
    private final OutputStream commands;
    private final InputStream answers;
    private final BlockingQueue<JsonValue> messages = new LinkedBlockingQueue<>();
    /** What the browser held against the page. */
    private final List<String> complaints = new ArrayList<>();

    private String session = "";
    private int lastId;

    private Browser(final BackgroundProcess process, final OutputStream commands, final InputStream answers) {
        this.process = process;
        this.commands = commands;
        this.answers = answers;
    }

    /** @param directory for its profile and pipes. */
    static Browser start(final NetworkNamespace namespace, final Path directory) throws IOException {
        final Path in = directory.resolve("commands");
        final Path out = directory.resolve("answers");
        Command.run(List.of("mkfifo", in.toString(), out.toString()));
        final BackgroundProcess process = namespace.start(
                "sh",
                "-c",
                "exec chromium-headless-shell --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars"
                        + " --no-proxy-server --user-data-dir=\"$0/profile\" --remote-debugging-pipe"
                        + " 3<\"$0/commands\" 4>\"$0/answers\"",
                directory.toString());
        final Browser browser =
                new Browser(process, new FileOutputStream(in.toFile()), new FileInputStream(out.toFile()));
        final Thread reader = new Thread(browser::read, "browser");
        reader.setDaemon(true);
        reader.start();
        browser.openTab();
        return browser;
    }

    private void read() {
        try {
            final ByteArrayOutputStream message = new ByteArrayOutputStream();
            final byte[] part = new byte[1 << 16];
            for (int length = answers.read(part); length >= 0; length = answers.read(part)) {
                for (int i = 0; i < length; i++) {
                    if (0 == part[i]) {
                        messages.add(JsonReader.read(message.toByteArray(), "the browser's answer"));
                        message.reset();
                    } else {
                        message.write(part[i]);
                    }
                }
            }
        } catch (final IOException closed) {
            // By close, and nobody waits for more.
        }
    }

    private void openTab() {
        final String target = call("Target.createTarget", "{\"url\":\"about:blank\"}")
                .required("targetId")
                .string();
        session = call("Target.attachToTarget", "{\"targetId\":\"" + target + "\",\"flatten\":true}")
                .required("sessionId")
                .string();
        call("Page.enable", "{}");
        call("Log.enable", "{}");
        call("Runtime.enable", "{}");
    }

    /** Sends a command and waits for its result. */
    private JsonValue call(final String method, final String parameters) {
        final int id = ++lastId;
        try {
            commands.write(("{\"id\":" + id + (session.isEmpty() ? "" : ",\"sessionId\":\"" + session + '"')
                            + ",\"method\":\"" + method + "\",\"params\":" + parameters + "}\0")
                    .getBytes(UTF_8));
            commands.flush();
            while (true) {
                final JsonValue message = messages.poll(Await.TIMEOUT_MS, TimeUnit.MILLISECONDS);
                if (null == message) {
                    throw new AssertionError("no answer to " + method + ":\n" + process.output());
                }
                final JsonValue answered = message.member("id");
                if (null == answered) {
                    hear(message);
                } else if (answered.integer(0, Integer.MAX_VALUE) == id) {
                    return message.required("result");
                }
            }
        } catch (final IOException failure) {
            throw new UncheckedIOException(method + ":\n" + process.output(), failure);
        } catch (final InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new AssertionError(interrupted);
        }
    }

    private void hear(final JsonValue event) {
        final String method = event.required("method").string();
        if ("Log.entryAdded".equals(method) || "Runtime.exceptionThrown".equals(method)) {
            complaints.add(event.required("params").compact());
        }
    }

    /** What went wrong in the page since this was asked: what its policy forbids, what its script threw, what did not load. */
    List<String> complaints() {
        evaluate("0");
        final List<String> heard = List.copyOf(complaints);
        complaints.clear();
        return heard;
    }

    /** Loads a page. */
    void open(final String url) {
        call("Page.navigate", "{\"url\":" + JsonValue.quote(url) + "}");
    }

    /** The value of an expression in the page, as text. */
    String evaluate(final String expression) {
        final JsonValue answer = call(
                "Runtime.evaluate",
                "{\"expression\":" + JsonValue.quote("String(" + expression + ")") + ",\"returnByValue\":true}");
        final @Nullable JsonValue failure = answer.member("exceptionDetails");
        if (null != failure) {
            return failure.compact();
        }
        return answer.required("result").required("value").string();
    }

    /** Waits until an expression's text matches. */
    void await(final String expression, final String regex) {
        final String[] found = {""};
        Await.until(() -> regex + " of " + expression + ", which is " + found[0], Await.TIMEOUT_MS, () -> {
            found[0] = evaluate(expression);
            return found[0].matches("(?s)" + regex);
        });
    }

    /** Has the page look as on a screen of this width and taste. */
    void look(final int width, final int height, final String colours) {
        call(
                "Emulation.setDeviceMetricsOverride",
                "{\"width\":" + width + ",\"height\":" + height + ",\"deviceScaleFactor\":1,\"mobile\":false}");
        call(
                "Emulation.setEmulatedMedia",
                "{\"features\":[{\"name\":\"prefers-color-scheme\",\"value\":\"" + colours + "\"}]}");
        evaluate("document.body.offsetWidth");
    }

    /** Keeps a picture of the whole page. */
    void picture(final Path file) throws IOException {
        final String data = call("Page.captureScreenshot", "{\"format\":\"png\",\"captureBeyondViewport\":true}")
                .required("data")
                .string();
        Files.createDirectories(file.resolveSibling(""));
        Files.write(file, Base64.getDecoder().decode(data));
    }

    @Override
    public void close() {
        process.close();
        try {
            commands.close();
            answers.close();
        } catch (final IOException gone) {
            // The browser has gone before.
        }
    }
}
