/* SPDX-License-Identifier: Apache-2.0 */
/** What is made of measured numbers: medians and spread, the loss-free rate, processor time, garbage collection. */
package io.weft.bench.stats;
