/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import java.util.List;

/**
 * A second pod on a node's bridge, which talks while the first one does.
 *
 * @param namespace its network namespace.
 * @param address its address on the overlay.
 */
public record Bystander(String namespace, String address) {
    /** The words that run a program in it. */
    public List<String> inPod(final String... words) {
        return Command.words(List.of("ip", "netns", "exec", namespace), words);
    }
}
