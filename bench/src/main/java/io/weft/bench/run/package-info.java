/* SPDX-License-Identifier: Apache-2.0 */
/** The benchmark: which pairs of data planes are measured, how, in what order, and the results as data. */
package io.weft.bench.run;
