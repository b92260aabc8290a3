/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The thin CNI plugin. A module of its own, so that it can be linked into a small runtime whose archive of loaded classes
 * needs no class path and can be moved from where it was made to where the container runtime looks for it.
 */
module io.weft.cni {
    requires io.weft.address;
    requires tools.jackson.core;
    requires static org.jspecify;

    // Without an export the module is not among the default roots of the runtime, and only -m would find its main
    // class;
    // -m forgoes the archived module graph (JDK 17, jdk.internal.module.ModuleBootstrap).
    exports io.weft.cni;
}
