/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The data plane put together: what it is made of, its workers and their threads. The parts are in the packages below, and none
 * of them uses this one.
 */
package io.weft.dataplane;
