/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.options;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.TypeConversionException;

/**
 * The command line as Go's flag package reads it, for flanneld's users have written theirs for it: one dash or two, a value after
 * {@code =} or as the next word, but for a boolean flag only after {@code =}.
 */
final class GoSyntax {
    /** Go strconv.ParseBool. */
    private static final Set<String> TRUE = Set.of("1", "t", "T", "true", "TRUE", "True");

    private static final Set<String> FALSE = Set.of("0", "f", "F", "false", "FALSE", "False");

    private GoSyntax() {}

    /** Every flag that is known as one word with two dashes and its value; what is not known stays as it is. */
    static String[] words(final CommandSpec spec, final String... arguments) {
        final List<String> words = new ArrayList<>();
        for (int i = 0; i < arguments.length; i++) {
            final String argument = arguments[i];
            if (argument.isEmpty()) {
                continue; // as systemd's ${VARIABLE} and templates leave it where nothing is set
            }
            final OptionSpec option = option(spec, argument);
            if (null == option) {
                words.add(argument);
            } else if (option.versionHelp() && FALSE.contains(value(argument))) {
                words.removeIf(word ->
                        word.startsWith(option.longestName() + "=")); // the last one counts, and picocli takes each
            } else if (argument.indexOf('=') >= 0) {
                words.add(option.longestName() + argument.substring(argument.indexOf('=')));
            } else if (isBoolean(option)) {
                words.add(option.longestName() + "=true");
            } else if (i + 1 == arguments.length) {
                words.add(option.longestName()); // which has no value
            } else {
                words.add(option.longestName() + '=' + arguments[++i]);
            }
        }
        return words.toArray(String[]::new);
    }

    private static @Nullable OptionSpec option(final CommandSpec spec, final String argument) {
        if (!argument.startsWith("-")) {
            return null;
        }
        final int equals = argument.indexOf('=');
        final String name = equals < 0 ? argument : argument.substring(0, equals);
        return spec.findOption(name.startsWith("--") ? name : "-" + name);
    }

    /** Empty where the argument has none. */
    private static String value(final String argument) {
        return argument.substring(argument.indexOf('=') < 0 ? argument.length() : argument.indexOf('=') + 1);
    }

    static boolean isBoolean(final OptionSpec option) {
        return boolean.class == option.type();
    }

    /** Makes a command line take values as Go does. */
    static void convert(final CommandLine commandLine) {
        commandLine.registerConverter(boolean.class, GoSyntax::toBoolean);
        commandLine.registerConverter(int.class, GoSyntax::toInt);
        commandLine.registerConverter(Integer.class, GoSyntax::toInt);
        commandLine.registerConverter(Path.class, text -> text.isEmpty() ? null : Path.of(text));
    }

    private static boolean toBoolean(final String text) {
        if (TRUE.contains(text) || FALSE.contains(text)) {
            return TRUE.contains(text);
        }
        throw new TypeConversionException("must be true or false");
    }

    /** Decimal, or 0x or 0 before another base. */
    private static int toInt(final String text) {
        try {
            return Integer.decode(text);
        } catch (final NumberFormatException noNumber) {
            throw new TypeConversionException("must be a whole number");
        }
    }
}
