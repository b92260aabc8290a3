/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.options;

/** A URL as an error quotes it: errors are logged, kept on record and sent to others, and a URL may have a password in it. */
public final class QuotedUrl {
    private QuotedUrl() {}

    /** The URL without a user and a password, also where it is no URL for another reason. */
    public static String of(final String url) {
        final int scheme = url.indexOf("://");
        final int begin = scheme < 0 ? 0 : scheme + "://".length();
        final int end = url.lastIndexOf('@') + 1;
        return end > begin ? url.substring(0, begin) + url.substring(end) : url;
    }
}
