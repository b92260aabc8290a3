/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.report;

import java.util.Locale;

/** The few elements of SVG 1.1 that the plots need. Lengths in user units. */
final class Svg {
    private final StringBuilder body = new StringBuilder();
    private final int width;
    private final int height;
    private final String label;

    /**
     * @param label what the picture shows, for those who cannot see it.
     */
    Svg(final int width, final int height, final String label) {
        this.width = width;
        this.height = height;
        this.label = label;
    }

    Svg rect(final String style, final double x, final double y, final double w, final double h, final String title) {
        body.append(String.format(
                Locale.ROOT,
                "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\"><title>%s</title></rect>%n",
                style,
                x,
                y,
                w,
                Math.max(0, h),
                escape(title)));
        return this;
    }

    Svg line(final String style, final double x1, final double y1, final double x2, final double y2) {
        body.append(String.format(
                Locale.ROOT,
                "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>%n",
                style,
                x1,
                y1,
                x2,
                y2));
        return this;
    }

    /** Text at a point; anchor is {@code start}, {@code middle} or {@code end}. */
    Svg text(final String style, final String anchor, final double x, final double y, final String text) {
        body.append(String.format(
                Locale.ROOT,
                "<text class=\"%s\" text-anchor=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>%n",
                style,
                anchor,
                x,
                y,
                escape(text)));
        return this;
    }

    /** A line through points given as {@code x,y x,y}. */
    Svg polyline(final String style, final String points) {
        body.append(String.format(Locale.ROOT, "<polyline class=\"%s\" points=\"%s\"/>%n", style, points));
        return this;
    }

    String render() {
        return String.format(
                Locale.ROOT,
                "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">%n%s</svg>%n",
                width,
                height,
                escape(label),
                body);
    }

    static String escape(final String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
