/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.bench.lab.Weftd;
import java.nio.file.Path;

/**
 * What trials work with.
 *
 * @param labPrefix for the names of namespaces; unique on the machine.
 * @param weftd how the daemon is started.
 * @param bin the directory of the other launchers.
 */
public record Site(String labPrefix, Weftd weftd, Path bin) {}
