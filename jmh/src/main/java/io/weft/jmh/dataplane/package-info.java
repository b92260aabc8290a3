/* SPDX-License-Identifier: Apache-2.0 */
/** Microbenchmarks of the data plane. */
package io.weft.jmh.dataplane;
