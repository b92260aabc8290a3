/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.tls;

import io.weft.overlay.registry.BoundedFile;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Where PEM text comes from: a file, which may be renewed, or text that was given. */
public final class PemSource {
    private final String name;
    private final @Nullable Path file;
    private final byte[] text;

    private PemSource(final String name, final @Nullable Path file, final byte[] text) {
        this.name = name;
        this.file = file;
        this.text = text;
    }

    /**
     * A file.
     *
     * @param option that names it, for messages.
     * @param file null for none.
     * @return null for none.
     */
    public static @Nullable PemSource ofFile(final String option, final @Nullable Path file) {
        return null == file ? null : new PemSource(option + '=' + file, file, new byte[0]);
    }

    /**
     * Text that stands somewhere else.
     *
     * @param name what messages call it.
     */
    public static PemSource ofText(final String name, final byte[] text) {
        return new PemSource(name, null, text.clone());
    }

    /** The text as it is now. */
    byte[] read() throws IOException {
        return null == file ? text : BoundedFile.read(file, BoundedFile.SETTING_LENGTH_MAX);
    }

    /** What messages call it. */
    @Override
    public String toString() {
        return name;
    }
}
