/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Open descriptors that another process left to this one, each with a name: what somebody has a use for is taken out, and the rest is
 * closed. Several of one kind have a number at the end of their names: {@code weft.1/tun/0}. Used by the control thread alone.
 */
public final class Descriptors implements AutoCloseable {
    private static final int INHERITED_FIRST = 3; // SD_LISTEN_FDS_START
    private static final int F_SETFD = 2; // include/uapi/asm-generic/fcntl.h
    private static final int FD_CLOEXEC = 1;

    private final Map<String, Integer> open = new LinkedHashMap<>();

    /**
     * What the service manager has given to this process at its start (sd_listen_fds_with_names(3)), for the first who asks.
     *
     * @param environment LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES.
     */
    public static Descriptors inherited(final Map<String, String> environment) {
        final Descriptors inherited = new Descriptors();
        if (!String.valueOf(Libc.LIBC.getpid()).equals(environment.get("LISTEN_PID"))) {
            return inherited;
        }
        final String count = environment.getOrDefault("LISTEN_FDS", "");
        final String[] names = environment.getOrDefault("LISTEN_FDNAMES", "").split(":", -1);
        for (int i = 0; count.matches("\\d{1,6}") && i < Integer.parseInt(count); i++) {
            Libc.LIBC.fcntl(INHERITED_FIRST + i, F_SETFD, FD_CLOEXEC);
            inherited.add(i < names.length ? names[i] : "", INHERITED_FIRST + i);
        }
        return inherited;
    }

    /** The names of all. */
    public Set<String> names() {
        return Set.copyOf(open.keySet());
    }

    /** Adds all of another, which has none after this. */
    public void addAll(final Descriptors other) {
        other.open.forEach(this::add);
        other.open.clear();
    }

    /** Adds one, which belongs to this from now on; of two with one name the first is closed. */
    public void add(final String name, final int fd) {
        final Integer before = open.put(name, fd);
        if (null != before) {
            Libc.LIBC.close(before);
        }
    }

    /** How many there are of a kind, numbered from 0. */
    public int count(final String kind) {
        int count = 0;
        while (open.containsKey(name(kind, count))) {
            count++;
        }
        return count;
    }

    /** Takes all of a kind out; they belong to the caller. */
    public List<Integer> take(final String kind) {
        final List<Integer> taken = new ArrayList<>();
        final int count = count(kind);
        for (int i = 0; i < count; i++) {
            taken.add(open.remove(name(kind, i)));
        }
        return taken;
    }

    /** Several of a kind by the names that {@link #take} knows them by, in this order. */
    public static Map<String, Integer> named(final String kind, final List<Integer> fds) {
        final Map<String, Integer> named = new LinkedHashMap<>();
        for (int i = 0; i < fds.size(); i++) {
            named.put(name(kind, i), fds.get(i));
        }
        return named;
    }

    private static String name(final String kind, final int number) {
        return kind + '/' + number;
    }

    /** Closes what nobody has taken. */
    @Override
    public void close() {
        open.values().forEach(Libc.LIBC::close);
        open.clear();
    }
}
