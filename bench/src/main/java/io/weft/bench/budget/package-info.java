/* SPDX-License-Identifier: Apache-2.0 */
/** What must be fast or small: each figure beside a reference that is taken in the same run, and the ratio it has to keep. */
package io.weft.bench.budget;
