/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.tls;

import io.weft.overlay.registry.BoundedFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Where PEM text comes from: a file, which may be renewed, text that was given, or a program that makes it. */
public final class PemSource {
    private final String name;
    private final Reading reading;

    private PemSource(final String name, final Reading reading) {
        this.name = name;
        this.reading = reading;
    }

    /** Gives the text as it is now. */
    private interface Reading {
        byte[] read() throws IOException;
    }

    /**
     * A file.
     *
     * @param option that names it, for messages.
     * @param file null for none.
     * @return null for none.
     */
    public static @Nullable PemSource ofFile(final String option, final @Nullable Path file) {
        return null == file
                ? null
                : new PemSource(option + '=' + file, () -> BoundedFile.read(file, BoundedFile.SETTING_LENGTH_MAX));
    }

    /**
     * Text that stands somewhere else.
     *
     * @param name what messages call it.
     */
    public static PemSource ofText(final String name, final byte[] text) {
        final byte[] copy = text.clone();
        return new PemSource(name, () -> copy);
    }

    /**
     * Text that somebody makes anew now and then.
     *
     * @param name what messages call it.
     * @param text gives it as it is now; empty while there is none, which is not wrong.
     */
    public static PemSource of(final String name, final Supplier<byte[]> text) {
        return new PemSource(name, text::get);
    }

    /** The text as it is now. */
    public byte[] read() throws IOException {
        return reading.read();
    }

    /** What messages call it. */
    @Override
    public String toString() {
        return name;
    }
}
