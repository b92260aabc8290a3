/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.bench.lab.Node;
import io.weft.bench.stats.Stopwatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** Leases in a registry file, which is written whole and renamed for each change. */
final class FileSource implements LeaseTrial.Source {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path file;
    private final Leases leases;

    FileSource(final Node node, final Path directory, final Leases leases) throws IOException {
        file = directory.resolve("leases.json");
        this.leases = leases;
        write();
    }

    private void write() throws IOException {
        final String entries = leases.values().entrySet().stream()
                .map(lease -> '"' + lease.getKey() + "\":" + lease.getValue())
                .collect(Collectors.joining(",\n"));
        final Path fresh = Files.writeString(
                file.resolveSibling("fresh"), "{\"config\":" + Leases.CONFIG + ",\"leases\":{" + entries + "}}");
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public String option() {
        return "--registry=file:" + file;
    }

    @Override
    public void put(final String key, final String value) throws IOException {
        leases.values().put(key, value);
        write();
    }

    @Override
    public double referenceSeconds(final String key) throws IOException {
        final long startNs = System.nanoTime();
        final JsonNode document = JSON.readTree(Files.readAllBytes(file));
        final double seconds = Stopwatch.secondsSince(startNs);
        if (!document.path("leases").has(key)) {
            throw new IOException(file + " has no lease " + key);
        }
        return seconds;
    }

    @Override
    public void close() {
        // The file goes with its directory.
    }
}
