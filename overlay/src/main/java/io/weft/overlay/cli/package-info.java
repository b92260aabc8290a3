/* SPDX-License-Identifier: Apache-2.0 */
/** The subcommands of weft. They read what a daemon left in files, so they also work when it hangs or is dead. */
package io.weft.overlay.cli;
