/* SPDX-License-Identifier: Apache-2.0 */
/** Results for people and for programs: console tables, JSON, one HTML page with plots. */
package io.weft.bench.report;
