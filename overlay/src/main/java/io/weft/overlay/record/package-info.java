/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a daemon leaves on record in its run directory, and how it is read: by whoever may read files, of a daemon that is live, hung,
 * stopped or dead, on this host or, out of an archive, on another.
 */
package io.weft.overlay.record;
