/* SPDX-License-Identifier: Apache-2.0 */
/** Bytes: flyweights, checksums, superframes cut and joined. */
package io.weft.encap;
