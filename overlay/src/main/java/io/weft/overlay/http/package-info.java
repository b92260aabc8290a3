/* SPDX-License-Identifier: Apache-2.0 */
/** What the daemon tells over HTTP: health, readiness and metrics. */
package io.weft.overlay.http;
