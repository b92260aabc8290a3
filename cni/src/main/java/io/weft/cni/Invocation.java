/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.util.Map;

/**
 * What the runtime asks for, from the CNI_ variables. A variable that the operation does not need may be empty.
 *
 * @param command the operation.
 * @param containerId CNI_CONTAINERID.
 * @param ifname CNI_IFNAME, the name of the device in the container.
 * @param path CNI_PATH, the directories where plugins are, separated by colons.
 */
record Invocation(Command command, String containerId, String ifname, String path) {
    static final String COMMAND = "CNI_COMMAND";
    static final String CONTAINER_ID = "CNI_CONTAINERID";
    static final String NETNS = "CNI_NETNS";
    static final String IFNAME = "CNI_IFNAME";
    static final String PATH = "CNI_PATH";
    static final String ARGS = "CNI_ARGS";

    /** Not to be made, and not to be deleted either, so that an ADD of it could not be undone. */
    private static final String LOOPBACK = "lo";

    /** IFNAMSIZ - 1: include/uapi/linux/if.h. */
    private static final int IFNAME_LENGTH_MAX = 15;

    /** The last of ASCII, which no name has. */
    private static final char DELETE = 0x7F;

    /** So that the state's file name, {@code ID:IFNAME:adding}, is at most NAME_MAX, 255 bytes: include/uapi/linux/limits.h. */
    private static final int CONTAINER_ID_LENGTH_MAX = 255 - ":adding".length() - IFNAME_LENGTH_MAX - ":".length();

    /**
     * @param environment the process's variables.
     * @return the invocation, complete and well-formed for its operation.
     * @throws CniException code 4 with the names of the variables at fault.
     */
    static Invocation of(final Map<String, String> environment) throws CniException {
        final String name = environment.getOrDefault(COMMAND, "");
        if (name.isEmpty()) {
            throw invalid("required variable missing: " + COMMAND);
        }
        final Command command = Command.of(name);
        if (null == command) {
            throw invalid(COMMAND + "=\"" + name + "\" is no operation; allowed: ADD, DEL, CHECK, GC, STATUS, VERSION");
        }
        final StringBuilder missing = new StringBuilder();
        for (final String variable : command.requiredVariables()) {
            if (environment.getOrDefault(variable, "").isEmpty()) {
                missing.append(missing.length() == 0 ? "" : ", ").append(variable);
            }
        }
        if (missing.length() > 0) {
            throw invalid("required variable missing for " + name + ": " + missing);
        }
        final String containerId = environment.getOrDefault(CONTAINER_ID, "");
        if (containerId.length() > CONTAINER_ID_LENGTH_MAX) {
            throw invalid(
                    CONTAINER_ID + "=\"" + containerId + "\" is longer than " + CONTAINER_ID_LENGTH_MAX + " bytes");
        }
        if (!containerId.isEmpty() && !isIdentifier(containerId)) {
            throw invalid(CONTAINER_ID + "=\"" + containerId
                    + "\" is malformed: a letter or digit, then letters, digits, '_', '.' or '-'");
        }
        final String ifname = environment.getOrDefault(IFNAME, "");
        if (!ifname.isEmpty() && !isInterfaceName(ifname)) {
            throw invalid(IFNAME + "=\"" + ifname + "\" is malformed: at most " + IFNAME_LENGTH_MAX
                    + " bytes of ASCII, no '/', ':' or white space, not '.' or '..'");
        }
        if (Command.ADD == command) {
            if (LOOPBACK.equals(ifname)) {
                throw invalid(IFNAME + "=\"" + LOOPBACK + "\" is the device that every container has already");
            }
            requireArguments(environment.getOrDefault(ARGS, ""));
        }
        return new Invocation(command, containerId, ifname, environment.getOrDefault(PATH, ""));
    }

    /** The reference plugins refuse ill-formed arguments in DEL as well, so that an ADD with them could not be undone. */
    private static void requireArguments(final String arguments) throws CniException {
        if (arguments.isEmpty()) {
            return;
        }
        int from = 0;
        // What follows the last ';' is an argument too, even where nothing does.
        while (from <= arguments.length()) {
            final int end = arguments.indexOf(';', from) < 0 ? arguments.length() : arguments.indexOf(';', from);
            final int equals = arguments.indexOf('=', from);
            if (equals <= from || equals >= end || arguments.lastIndexOf('=', end - 1) != equals) {
                throw invalid(ARGS + "=\"" + arguments + "\" is malformed: KEY=VALUE;KEY=VALUE...");
            }
            from = end + 1;
        }
    }

    /** Whether a container ID or network name is one letter or digit, then letters, digits, '_', '.' or '-'. */
    static boolean isIdentifier(final String text) {
        for (int i = 0; i < text.length(); i++) {
            final char c = text.charAt(i);
            final boolean isAlphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            if (!isAlphanumeric && (0 == i || (c != '_' && c != '.' && c != '-'))) {
                return false;
            }
        }
        return !text.isEmpty();
    }

    /** Whether a device can have the name, and it can be a part of a file's. */
    static boolean isInterfaceName(final String text) {
        if (text.length() > IFNAME_LENGTH_MAX || ".".equals(text) || "..".equals(text)) {
            return false;
        }
        for (int i = 0; i < text.length(); i++) {
            final char c = text.charAt(i);
            if ('/' == c || ':' == c || c <= ' ' || c >= DELETE) {
                return false;
            }
        }
        return true;
    }

    private static CniException invalid(final String message) {
        return new CniException(CniException.INVALID_ENVIRONMENT, message, "");
    }
}
