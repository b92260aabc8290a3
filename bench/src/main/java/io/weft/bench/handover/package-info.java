/* SPDX-License-Identifier: Apache-2.0 */
/** What pods notice when weftd is started anew on their node. */
package io.weft.bench.handover;
