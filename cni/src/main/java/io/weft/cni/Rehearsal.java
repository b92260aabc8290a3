/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.Map;

/**
 * One ADD, CHECK and DEL with a delegate that does nothing, so that the classes which they load go into the archive. Run by
 * {@link PluginRuntime} in the runtime that the archive is for.
 */
public final class Rehearsal {
    private static final String RESULT = """
            {"cniVersion":"1.0.0","interfaces":[{"name":"eth0"}],"ips":[{"address":"10.42.1.2/24","interface":0}]}""";

    private static final long TIMEOUT_MS = 60_000;

    private Rehearsal() {}

    /**
     * Runs the operations.
     *
     * @param arguments an empty directory to work in.
     * @throws IOException if the files cannot be written, or an operation fails.
     */
    public static void main(final String[] arguments) throws IOException {
        final Path directory = Path.of(arguments[0]);
        final Path subnetFile = directory.resolve("subnet.env");
        Files.writeString(subnetFile, """
                FLANNEL_NETWORK=10.42.0.0/16
                FLANNEL_SUBNET=10.42.1.1/24
                FLANNEL_IPV6_NETWORK=fd00:42::/48
                FLANNEL_IPV6_SUBNET=fd00:42:0:1::1/64
                FLANNEL_MTU=1450
                FLANNEL_IPMASQ=true
                """);
        Files.writeString(Path.of(subnetFile + Overlay.LOCK_SUFFIX), "");
        Files.setLastModifiedTime(Path.of(subnetFile + Overlay.LOCK_SUFFIX), FileTime.fromMillis(0));
        final Path delegate = directory.resolve("rehearsed");
        Files.writeString(delegate, "#!/bin/sh\nread -r input\n[ ADD != \"$CNI_COMMAND\" ] || echo '" + RESULT + "'\n");
        Files.setPosixFilePermissions(delegate, PosixFilePermissions.fromString("rwx------"));
        final String config = """
                {"cniVersion":"1.0.0","name":"rehearsal","type":"weft-cni","subnetFile":"%s","dataDir":"%s",
                "delegate":{"type":"rehearsed","hairpinMode":true},"ipam":{"type":"rehearsed"},"runtimeConfig":{"portMappings":[]},"prevResult":%s}""".formatted(subnetFile, directory.resolve("state"), RESULT);
        final Watchdog watchdog = new Watchdog("the end of the rehearsal", TIMEOUT_MS);
        watchdog.start();
        for (final Command command : new Command[] {Command.ADD, Command.CHECK, Command.DEL, Command.VERSION}) {
            final Map<String, String> environment = new HashMap<>(System.getenv());
            environment.put(Invocation.COMMAND, command.name());
            environment.put(Invocation.CONTAINER_ID, "rehearsal");
            environment.put(Invocation.NETNS, "/proc/self/ns/net");
            environment.put(Netns.OVERRIDE, "1");
            environment.put(Invocation.IFNAME, "eth0");
            environment.put(Invocation.PATH, directory.toString());
            final ByteArrayOutputStream output = new ByteArrayOutputStream();
            if (0 != WeftCni.run(environment, config.getBytes(StandardCharsets.UTF_8), watchdog, output)) {
                throw new IOException(command + " failed: " + output.toString(StandardCharsets.UTF_8));
            }
        }
    }
}
