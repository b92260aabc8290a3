/* SPDX-License-Identifier: Apache-2.0 */
/** Traffic for a long time while everything changes, and whether anything has grown or got lost by it. */
package io.weft.bench.soak;
