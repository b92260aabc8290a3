/* SPDX-License-Identifier: Apache-2.0 */
/** The one object that ties a node together. */
package io.weft.overlay.node;
