/* SPDX-License-Identifier: Apache-2.0 */
/** What a run was measured on: the machine, and what it asks for a system call, a wake-up and a copy. */
@NullMarked
package io.weft.bench.machine;

import org.jspecify.annotations.NullMarked;
