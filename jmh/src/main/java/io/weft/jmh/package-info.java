/* SPDX-License-Identifier: Apache-2.0 */
/** Microbenchmarks. */
package io.weft.jmh;
