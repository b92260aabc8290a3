/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads of a 64-bit ELF file for which machine it is, and the versions of symbols: those that it asks of libraries, and those that it
 * has, if it is one. Layouts are those of the System V ABI (gABI, chapters 4 and 5; Elf64 of glibc's elf.h).
 *
 * <pre>
 *   file header         0 magic 7f 'E' 'L' 'F', 4 class, 5 byte order ... 18 machine (2) ... 40 section headers at (8) ...
 *                       58 length of one (2), 60 number of them (2)
 *   section header      0 name, 4 type (4) ... 24 offset (8), 32 size (8), 40 link: section of the strings (4), 44 info: entries (4)
 *   version needed      0 version, 2 count of versions (2), 4 file, 8 first version at (4), 12 next at (4)
 *     one of them       0 hash, 4 flags, 6 other, 8 name (4), 12 next at (4)
 *   version defined     0 version, 2 flags, 4 index, 6 count (2), 8 hash, 12 its name at (4), 16 next at (4)
 *     its name          0 name (4)
 * </pre>
 */
final class ElfFile {
    private static final int MAGIC = 0x7f454c46;
    private static final int HEADER_LENGTH = 64;
    private static final int CLASS = 4;
    private static final byte CLASS_64 = 2;
    private static final int BYTE_ORDER = 5;
    private static final byte BIG_ENDIAN = 2;
    private static final int MACHINE = 18;
    private static final int SECTIONS_OFFSET = 40;
    private static final int SECTION_LENGTH = 58;
    private static final int SECTION_COUNT = 60;

    private static final int SECTION_TYPE = 4;
    private static final int SECTION_OFFSET = 24;
    private static final int SECTION_LINK = 40;
    private static final int SECTION_INFO = 44;

    /** SHT_GNU_verdef. */
    private static final int VERSIONS_DEFINED = 0x6ffffffd;

    /** SHT_GNU_verneed. */
    private static final int VERSIONS_NEEDED = 0x6ffffffe;

    private static final int NEEDED_COUNT = 2;
    private static final int NEEDED_FIRST = 8;
    private static final int NEEDED_NEXT = 12;
    private static final int NEEDED_NAME = 8;
    private static final int DEFINED_NAME_AT = 12;
    private static final int DEFINED_NEXT = 16;

    private final ByteBuffer bytes;

    private ElfFile(final ByteBuffer bytes) {
        this.bytes = bytes;
    }

    /**
     * Maps a file.
     *
     * @return null if it is no 64-bit ELF file.
     */
    static @Nullable ElfFile open(final Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file)) {
            if (channel.size() < HEADER_LENGTH || channel.size() > Integer.MAX_VALUE) {
                return null;
            }
            final ByteBuffer bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
            if (MAGIC != bytes.order(ByteOrder.BIG_ENDIAN).getInt(0) || CLASS_64 != bytes.get(CLASS)) {
                return null;
            }
            bytes.order(BIG_ENDIAN == bytes.get(BYTE_ORDER) ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
            return new ElfFile(bytes);
        }
    }

    /** As EM_X86_64 (62) or EM_AARCH64 (183). */
    int machine() {
        return Short.toUnsignedInt(bytes.getShort(MACHINE));
    }

    /**
     * The names of versions that the file asks of libraries, as {@code GLIBC_2.34}.
     *
     * @throws IndexOutOfBoundsException if what is named lies outside of the file.
     * @throws ArithmeticException likewise.
     */
    List<String> versionsNeeded() {
        final List<String> names = new ArrayList<>();
        final int section = section(VERSIONS_NEEDED);
        if (section < 0) {
            return names;
        }
        int library = offset(section);
        for (int i = bytes.getInt(section + SECTION_INFO); i > 0; i--) {
            int version = library + bytes.getInt(library + NEEDED_FIRST);
            for (int j = Short.toUnsignedInt(bytes.getShort(library + NEEDED_COUNT)); j > 0; j--) {
                names.add(string(section, bytes.getInt(version + NEEDED_NAME)));
                version += bytes.getInt(version + NEEDED_NEXT);
            }
            library += bytes.getInt(library + NEEDED_NEXT);
        }
        return names;
    }

    /**
     * The names of versions that this library has.
     *
     * @throws IndexOutOfBoundsException if what is named lies outside of the file.
     * @throws ArithmeticException likewise.
     */
    List<String> versionsDefined() {
        final List<String> names = new ArrayList<>();
        final int section = section(VERSIONS_DEFINED);
        if (section < 0) {
            return names;
        }
        int version = offset(section);
        for (int i = bytes.getInt(section + SECTION_INFO); i > 0; i--) {
            names.add(string(section, bytes.getInt(version + bytes.getInt(version + DEFINED_NAME_AT))));
            version += bytes.getInt(version + DEFINED_NEXT);
        }
        return names;
    }

    /** Where the header of the section of a type begins, or -1. */
    private int section(final int type) {
        final int length = Short.toUnsignedInt(bytes.getShort(SECTION_LENGTH));
        int header = Math.toIntExact(bytes.getLong(SECTIONS_OFFSET));
        for (int i = Short.toUnsignedInt(bytes.getShort(SECTION_COUNT)); i > 0; i--) {
            if (type == bytes.getInt(header + SECTION_TYPE)) {
                return header;
            }
            header += length;
        }
        return -1;
    }

    private int offset(final int section) {
        return Math.toIntExact(bytes.getLong(section + SECTION_OFFSET));
    }

    /** A text of the section of strings that a section links to. */
    private String string(final int section, final int index) {
        final int strings = Math.toIntExact(bytes.getLong(SECTIONS_OFFSET))
                + bytes.getInt(section + SECTION_LINK) * Short.toUnsignedInt(bytes.getShort(SECTION_LENGTH));
        final int start = offset(strings) + index;
        int end = start;
        while (0 != bytes.get(end)) {
            end++;
        }
        final byte[] text = new byte[end - start];
        bytes.get(start, text);
        return new String(text, StandardCharsets.US_ASCII);
    }
}
