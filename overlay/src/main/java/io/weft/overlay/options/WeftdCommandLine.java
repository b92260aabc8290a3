/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.options;

import io.weft.overlay.lifecycle.PlainText;
import io.weft.overlay.lifecycle.StartupException;
import java.io.PrintWriter;
import java.lang.reflect.Field;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.ParameterException;

/** How weftd reads its command line: Go's flag syntax, the environment, flanneld's flags apart from weft's in the help. */
public final class WeftdCommandLine {
    /** The exit code of an error that the command line itself has (as Go's flag package and flanneld have it). */
    static final int EXIT_USAGE = 2;
    /** The exit code of a daemon that could not start or go on. */
    public static final int EXIT_FAILURE = 1;
    /**
     * The exit code of a daemon whose place another has taken: its supervisor is not to start it again. It is none of the JVM's, which
     * ends with 3 where its heap is exhausted (HotSpot, debug.cpp, ExitOnOutOfMemoryError).
     */
    public static final int EXIT_HANDED_OVER = 4;

    private final CommandLine commandLine;

    private WeftdCommandLine(final CommandLine commandLine) {
        this.commandLine = commandLine;
    }

    /**
     * The command line of a command that has weftd's options.
     *
     * @param environment that has what is not on the command line.
     */
    public static WeftdCommandLine of(final Object command, final Map<String, String> environment) {
        final CommandLine commandLine = new CommandLine(command);
        commandLine.setOverwrittenOptionsAllowed(true); // the last one counts, as for Go's flag package
        commandLine.setCaseInsensitiveEnumValuesAllowed(true);
        commandLine.setExpandAtFiles(false); // a password may begin with @
        commandLine.setAllowOptionsAsOptionParameters(true); // or be the name of a flag
        GoSyntax.convert(commandLine);
        commandLine.setDefaultValueProvider(argument -> fromEnvironment(argument, environment));
        commandLine.setParameterExceptionHandler((failure, arguments) -> {
            final PrintWriter error = failure.getCommandLine().getErr();
            final String name = failure.getCommandLine().getCommandSpec().qualifiedName();
            error.println(name + ": " + cause(failure) + " (" + name + " --help lists all options)");
            return EXIT_USAGE;
        });
        commandLine.setExecutionExceptionHandler((failure, line, result) -> {
            if (failure instanceof StartupException) {
                line.getErr()
                        .println(line.getCommandName() + ": " + PlainText.of(String.valueOf(failure.getMessage())));
                return EXIT_FAILURE;
            }
            throw failure;
        });
        commandLine.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, WeftdCommandLine::optionList);
        commandLine.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_SYNOPSIS, help -> " weftd [OPTIONS]\n\n");
        return new WeftdCommandLine(commandLine);
    }

    /**
     * Reads the arguments and runs the command.
     *
     * @return the exit code.
     */
    public int execute(final String... arguments) {
        return commandLine.execute(GoSyntax.words(commandLine.getCommandSpec(), arguments));
    }

    /** What is wrong: flag, value and what it may be. */
    private static String cause(final ParameterException failure) {
        final String value = failure.getValue();
        return failure.getArgSpec() instanceof final OptionSpec option && null != value
                ? option.longestName() + '=' + value + ": " + allowed(option)
                : String.valueOf(failure.getMessage());
    }

    private static String allowed(final OptionSpec option) {
        final Range range = range(option);
        if (null != range) {
            return "must be a whole number from " + range.min() + " to " + range.max();
        }
        if (option.type().isEnum()) {
            return "must be "
                    + Arrays.stream(option.type().getEnumConstants())
                            .map(String::valueOf)
                            .filter(option.paramLabel()::contains)
                            .collect(Collectors.joining(" or "));
        }
        return GoSyntax.isBoolean(option) ? "must be true or false" : "must be " + option.paramLabel();
    }

    private static @Nullable Range range(final OptionSpec option) {
        return option.userObject() instanceof final Field field ? field.getAnnotation(Range.class) : null;
    }

    /** A variable that is empty is none, as for flanneld (coreos/pkg flagutil/env.go). */
    private static String fromEnvironment(final ArgSpec argument, final Map<String, String> environment) {
        if (!(argument instanceof final OptionSpec option) || option.usageHelp() || option.versionHelp()) {
            return argument.defaultValue();
        }
        final String prefix = isFlannelds(option) ? FlanneldOptions.ENVIRONMENT_PREFIX : WeftOptions.ENVIRONMENT_PREFIX;
        final String name = option.longestName().substring(2).replace('-', '_').toUpperCase(Locale.ROOT);
        final String value = environment.getOrDefault(prefix + name, "");
        // Dollar signs of a default value are picocli's syntax, and $$ is one of them.
        return value.isEmpty() ? option.defaultValue() : value.replace("$", "$$");
    }

    private static boolean isFlannelds(final OptionSpec option) {
        return option.userObject() instanceof final Field field && FlanneldOptions.class == field.getDeclaringClass();
    }

    private static String optionList(final Help help) {
        return "Options that flanneld has as well, also as FLANNELD_<NAME> in the environment:\n"
                + optionList(help, WeftdCommandLine::isFlannelds)
                + "\nweft's own options, also as WEFTD_<NAME>:\n"
                + optionList(help, option -> !isFlannelds(option));
    }

    private static String optionList(final Help help, final Predicate<OptionSpec> wanted) {
        final List<OptionSpec> options =
                help.commandSpec().options().stream().filter(wanted).toList();
        final Help.Layout layout = help.createDefaultLayout();
        layout.addAllOptions(options, help.parameterLabelRenderer());
        return layout.toString();
    }
}
