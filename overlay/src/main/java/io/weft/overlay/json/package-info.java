/* SPDX-License-Identifier: Apache-2.0 */
/** JSON as weft reads it: values that know their place in the text, so that an error can name line and column. */
package io.weft.overlay.json;
