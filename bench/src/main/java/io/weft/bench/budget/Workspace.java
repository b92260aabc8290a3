/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.bench.lab.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A directory of a trial's own. */
final class Workspace implements AutoCloseable {
    private final Path path = Files.createTempDirectory("weft-budget-");

    Workspace() throws IOException {}

    Path path() {
        return path;
    }

    @Override
    public void close() {
        Command.run("rm", "-r", path.toString());
    }
}
