/* SPDX-License-Identifier: Apache-2.0 */
/** Bytes: flyweights, checksums, superframe split and merge, encapsulations. */
package io.weft.encap;
