/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A process that may not start one more thread: a registry that cannot be asked for it is away, and no more than that. */
@RequiresRoot
class ThreadLimitTest {
    /** Nobody's on any machine: the limit of processes is of all of a user's. */
    private static final int USER = 64_924;

    private static final int PROCESSES = 200;

    private static void allow(final Process process, final int processes) {
        Command.run(List.of( // as that user, which needs no right
                "setpriv",
                "--reuid=" + USER,
                "--clear-groups",
                "prlimit",
                "--pid=" + process.pid(),
                "--nproc=" + processes + ':'));
    }

    private static String ask(final Writer questions, final BufferedReader answers) throws IOException {
        questions.write("\n");
        questions.flush();
        return String.valueOf(answers.readLine());
    }

    @Test
    void shouldBeUnreachableWhileNoThreadCanBeStarted() throws Exception {
        final HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        server.start();
        final Process process = new ProcessBuilder(
                        "prlimit",
                        "--nproc=" + PROCESSES + ':' + PROCESSES,
                        "setpriv",
                        "--reuid=" + USER,
                        "--clear-groups",
                        "--inh-caps=-all,+dac_override",
                        "--bounding-set=-all,+dac_override",
                        "--ambient-caps=+dac_override",
                        System.getProperty("java.home") + "/bin/java",
                        "-XX:+UseSerialGC",
                        "-XX:+ExitOnOutOfMemoryError",
                        "-Xlog:disable",
                        "-cp",
                        System.getProperty("java.class.path"),
                        ThreadLimitMain.class.getName(),
                        "http://localhost:" + server.getAddress().getPort() + "/")
                .redirectErrorStream(true)
                .start();
        try (Writer questions = process.outputWriter();
                BufferedReader answers = process.inputReader()) {
            assertEquals("begun", answers.readLine());
            allow(process, 1);
            final String refused = ask(questions, answers);
            assertTrue(refused.startsWith("it cannot be reached: no thread can be started to ask it: "), refused);
            allow(process, PROCESSES);
            assertEquals("answered 200", ask(questions, answers));
        } finally {
            process.destroyForcibly().onExit().join();
            server.stop(0);
        }
    }
}
