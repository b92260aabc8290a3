/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.lifecycle.PlainText;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** In which form a command prints what it found. */
final class Output {
    private static final Path STANDARD_OUTPUT = Path.of("/proc/self/fd/1");

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec = CommandSpec.create();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "text|json",
            defaultValue = "text",
            description = "default: ${DEFAULT-VALUE}")
    private Form form = Form.text;

    /** In the words of the option. */
    enum Form {
        text,
        json
    }

    /** For picocli. */
    Output() {}

    /** What System.console() says of it, is another thing in each JDK. */
    static boolean isTerminal() {
        try {
            return Files.readSymbolicLink(STANDARD_OUTPUT).toString().matches("/dev/(pts/|tty|console).*");
        } catch (final IOException untold) {
            return false;
        }
    }

    /** Before bytes are written that no terminal is to show, nor to obey. */
    static void refuseTerminal(final CommandLine command, final String what) {
        if (isTerminal()) {
            throw new ParameterException(
                    command,
                    "--write=-: standard output is a terminal, which shows no " + what
                            + ": name a file, or pipe it on");
        }
    }

    boolean isJson() {
        return Form.json == form;
    }

    PrintWriter out() {
        return spec.commandLine().getOut();
    }

    /** Sends on what was printed; returns false when nobody reads it any more, as behind a pipe whose reader has ended. */
    boolean flush() {
        return !out().checkError() && !System.out.checkError();
    }

    /** Prints one line, of what may be others' text. */
    void line(final String text) {
        out().println(PlainText.of(text));
    }

    /** Prints each of a list of entries: a line of text, or an element of an array in JSON. */
    void print(final List<Map<String, Object>> entries, final Function<Map<String, Object>, String> line) {
        if (isJson()) {
            out().println(JsonOutput.of(entries));
        } else {
            entries.forEach(entry -> line(line.apply(entry)));
        }
    }
}
