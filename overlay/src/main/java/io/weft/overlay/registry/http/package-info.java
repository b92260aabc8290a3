/* SPDX-License-Identifier: Apache-2.0 */
/** HTTP with a registry: whole answers and streams of lines, each with a deadline and a bound. */
package io.weft.overlay.registry.http;
