/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.options;

import io.weft.overlay.lifecycle.StartupException;
import java.io.PrintWriter;
import java.lang.reflect.Field;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

/** How weftd reads its command line: Go's flag syntax, the environment, flanneld's flags apart from weft's in the help. */
public final class WeftdCommandLine {
    /** The exit code of an error that the command line itself has (as Go's flag package and flanneld have it). */
    static final int EXIT_USAGE = 2;
    /** The exit code of a daemon that could not start or go on. */
    public static final int EXIT_FAILURE = 1;

    private WeftdCommandLine() {}

    /** A command line that is ready to parse the arguments that {@link #arguments} gives. */
    public static CommandLine create(final Object command, final Map<String, String> environment) {
        final CommandLine commandLine = new CommandLine(command);
        commandLine.setOverwrittenOptionsAllowed(true); // the last one counts, as for Go's flag package
        commandLine.setDefaultValueProvider(argument -> fromEnvironment(argument, environment));
        commandLine.setParameterExceptionHandler((failure, arguments) -> {
            final PrintWriter error = failure.getCommandLine().getErr();
            final String name = failure.getCommandLine().getCommandSpec().qualifiedName();
            error.println(name + ": " + failure.getMessage() + " (" + name + " --help lists all options)");
            return EXIT_USAGE;
        });
        commandLine.setExecutionExceptionHandler((failure, line, result) -> {
            if (failure instanceof StartupException) {
                line.getErr().println(line.getCommandName() + ": " + failure.getMessage());
                return EXIT_FAILURE;
            }
            throw failure;
        });
        commandLine.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, WeftdCommandLine::optionList);
        commandLine.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_SYNOPSIS, help -> " weftd [OPTIONS]\n\n");
        return commandLine;
    }

    /** Go's flag package takes {@code -name} for {@code --name}, and flanneld's users write both. */
    public static String[] arguments(final String... arguments) {
        return Arrays.stream(arguments)
                .map(argument -> argument.matches("-[a-z][\\w-]+(=.*)?|-v(=.*)?") ? '-' + argument : argument)
                .toArray(String[]::new);
    }

    private static String fromEnvironment(final ArgSpec argument, final Map<String, String> environment) {
        if (!(argument instanceof final OptionSpec option)) {
            return argument.defaultValue();
        }
        final String prefix = isFlannelds(option) ? FlanneldOptions.ENVIRONMENT_PREFIX : WeftOptions.ENVIRONMENT_PREFIX;
        final String name = option.longestName().substring(2).replace('-', '_').toUpperCase(Locale.ROOT);
        final String value = environment.get(prefix + name);
        return null == value ? option.defaultValue() : value;
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
