/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** An address that is listened on for people and programs as soon as no other daemon has it. Used by the control thread alone. */
public final class ListeningPort implements AutoCloseable {
    private final String address;
    private final Supplier<Listener> opener;
    private @Nullable Listener listener;

    /** Who answers there. */
    public interface Listener extends AutoCloseable {
        @Override
        void close();
    }

    /**
     * Not open yet.
     *
     * @param address to be told from another's; empty for none, which is never opened.
     * @param opener throws a {@link io.weft.overlay.lifecycle.StartupException} when it cannot listen.
     */
    public ListeningPort(final String address, final Supplier<Listener> opener) {
        this.address = address;
        this.opener = opener;
    }

    /** Address and port; empty for none. */
    public String address() {
        return address;
    }

    /**
     * Starts to answer, if it does not already.
     *
     * @throws io.weft.overlay.lifecycle.StartupException when it cannot listen.
     */
    public void open() {
        if (!address.isEmpty() && null == listener) {
            listener = opener.get();
        }
    }

    @Override
    public void close() {
        if (null != listener) {
            listener.close();
        }
    }
}
