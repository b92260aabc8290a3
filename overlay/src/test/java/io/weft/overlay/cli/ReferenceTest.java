/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.DropReason;
import io.weft.overlay.GeneratedText;
import io.weft.overlay.options.FlanneldOptions;
import io.weft.overlay.options.WeftOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** The pages of reference that are made from the code: commands, flags, drop reasons. Metrics: {@code NodeMetricsTest}. */
class ReferenceTest {
    /** How a description ends that tells the default, the value or what it is made of. */
    private static final Pattern DEFAULT = Pattern.compile("\\s*\\(default: (.*?)\\)(?=;|$)");

    @Test
    void shouldTellEachCommandAsItsHelpDoes() throws IOException {
        final StringBuilder text = new StringBuilder();
        final CommandLine weft = WeftCommand.commandLine();
        command(text, weft);
        weft.getSubcommands().values().forEach(subcommand -> command(text, subcommand));
        GeneratedText.hold("commands.md", "commands", text.toString().strip() + '\n');
    }

    private static void command(final StringBuilder text, final CommandLine command) {
        text.append("\n## ")
                .append(command.getCommandSpec().qualifiedName())
                .append("\n\n")
                .append(command.getUsageMessage(CommandLine.Help.Ansi.OFF).replaceAll("(?m)^(?=.)", "    "));
    }

    @Test
    void shouldTellEachFlagAsItsHelpDoes() throws IOException {
        GeneratedText.hold("weftd-flags.md", "flanneld's flags", flags(new FlanneldOptions(), "FLANNELD_"));
        GeneratedText.hold("weftd-flags.md", "weft's flags", flags(new WeftOptions(), "WEFTD_"));
    }

    private static String flags(final Object options, final String environmentPrefix) {
        final StringBuilder table =
                new StringBuilder("| flag | value | variable | default | |\n|---|---|---|---|---|\n");
        for (final OptionSpec option : CommandSpec.forAnnotatedObject(options).options()) {
            final String description = String.join(" ", option.description());
            final String name = option.longestName();
            final boolean isSwitch = boolean.class == option.type();
            final String value = Objects.requireNonNullElse(option.defaultValue(), "");
            final String told = DEFAULT.matcher(description)
                    .results()
                    .map(found -> found.group(1))
                    .findFirst()
                    .orElse("");
            table.append("| `").append(name).append("` | ");
            table.append(isSwitch ? "" : cell(option.paramLabel())).append(" | `");
            table.append(environmentPrefix)
                    .append(name.substring(2).replace('-', '_').toUpperCase(Locale.ROOT))
                    .append("` | ");
            table.append(told.isEmpty() || told.equals(value) ? code(value) : cell(told))
                    .append(" | ")
                    .append(cell(DEFAULT.matcher(description).replaceAll("")))
                    .append(" |\n");
        }
        return table.toString();
    }

    @Test
    void shouldTellEachDropReasonWithItsRemedy() throws IOException {
        final StringBuilder table =
                new StringBuilder("| reason | direction | what happened | what to do |\n|---|---|---|---|\n");
        for (final DropReason reason : DropReason.values()) {
            table.append("| `").append(reason).append("` | ");
            table.append(reason.direction().label()).append(" | ");
            table.append(cell(reason.description())).append(" | ");
            table.append(cell(Objects.requireNonNullElse(DropRemedy.of(reason), "")))
                    .append(" |\n");
        }
        GeneratedText.hold("drop-reasons.md", "drop reasons", table.toString());
    }

    /** Those that weft status calls wrong; strangers have an alert of their own. */
    @Test
    void shouldAlertOfEachDropReasonThatHasARemedy() throws IOException {
        final Matcher rule = Pattern.compile("reason=~\"([A-Z_|]+)\"")
                .matcher(Files.readString(Path.of("../docs/grafana/weft-alerts.yml")));
        assertTrue(rule.find());
        assertEquals(named(DropsFinding.OF_STRANGERS::contains), rule.group(1));
        assertTrue(rule.find());
        assertEquals(
                named(reason -> null != DropRemedy.of(reason) && !DropsFinding.OF_STRANGERS.contains(reason)),
                rule.group(1));
    }

    private static String named(final Predicate<DropReason> isMeant) {
        return Arrays.stream(DropReason.values())
                .filter(isMeant)
                .map(DropReason::name)
                .sorted()
                .collect(Collectors.joining("|"));
    }

    private static String code(final String value) {
        return value.isEmpty() ? "" : '`' + value + '`';
    }

    /** As Markdown has it in a table. */
    private static String cell(final String text) {
        return text.replace("|", "\\|").replace("<", "\\<").replace("*", "\\*");
    }
}
