/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import io.weft.linux.testing.Command;
import io.weft.overlay.registry.tls.PemSource;
import io.weft.overlay.registry.tls.TlsFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** An authority and what it signs, made by openssl in a directory: {@code NAME.crt} and {@code NAME.key}, PEM. */
public final class Certificates {
    private final Path directory;

    /** Makes the authority, {@code ca}. */
    public Certificates(final Path directory) {
        this.directory = directory;
        request("ca", List.of("-newkey", "rsa:2048"));
    }

    /** Makes a key of RSA and its certificate for 127.0.0.1. */
    public void issue(final String name) {
        issue(name, List.of("-newkey", "rsa:2048"));
    }

    /** The same with a key of an elliptic curve. */
    public void issueElliptic(final String name) {
        issue(name, List.of("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"));
    }

    /**
     * The same for another name of a server.
     *
     * @param alternative as openssl writes it: {@code DNS:kubernetes.default}.
     */
    public void issueFor(final String name, final String alternative) {
        issue(name, List.of("-newkey", "rsa:2048"), alternative);
    }

    /** The same, valid from the day after tomorrow on; takes Debian's faketime. */
    public void issueAhead(final String name) {
        request(
                name,
                List.of("faketime", "+2 days"),
                List.of(
                        "-newkey",
                        "rsa:2048",
                        "-CA",
                        file("ca.crt"),
                        "-CAkey",
                        file("ca.key"),
                        "-addext",
                        "subjectAltName=IP:127.0.0.1"));
    }

    private void issue(final String name, final List<String> key) {
        issue(name, key, "IP:127.0.0.1");
    }

    private void issue(final String name, final List<String> key, final String alternative) {
        final List<String> options = new ArrayList<>(key);
        options.addAll(List.of("-CA", file("ca.crt"), "-CAkey", file("ca.key")));
        options.addAll(List.of("-addext", "subjectAltName=" + alternative));
        options.addAll(List.of("-addext", "basicConstraints=critical,CA:FALSE"));
        request(name, options);
    }

    private void request(final String name, final List<String> options) {
        request(name, List.of(), options);
    }

    private void request(final String name, final List<String> prefix, final List<String> options) {
        final List<String> command = new ArrayList<>(prefix);
        command.addAll(List.of("openssl", "req", "-x509", "-nodes", "-days", "1", "-subj", "/CN=" + name));
        command.addAll(List.of("-keyout", file(name + ".key"), "-out", file(name + ".crt")));
        command.addAll(options);
        Command.run(command);
    }

    /** Writes a key of RSA in the form of PKCS#1. */
    public void toPkcs1(final String name) {
        Command.run(List.of("openssl", "rsa", "-traditional", "-in", file(name + ".key"), "-out", file(name + ".key")));
    }

    /** Writes a key of an elliptic curve in the form of SEC 1, as openssl ecparam, cfssl and k3s write it. */
    public void toSec1(final String name) {
        Command.run(List.of("openssl", "ec", "-in", file(name + ".key"), "-out", file(name + ".key")));
    }

    /** The path of one of the files. */
    public String file(final String name) {
        return directory.resolve(name).toString();
    }

    /** The content of one of the files. */
    public byte[] bytes(final String name) {
        try {
            return Files.readAllBytes(directory.resolve(name));
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /** TLS of a server or client with the certificate of that name; empty for none. */
    public TlsFiles tls(final String name) {
        return new TlsFiles(
                PemSource.ofFile("authority", directory.resolve("ca.crt")),
                name.isEmpty() ? null : PemSource.ofFile("certificate", directory.resolve(name + ".crt")),
                name.isEmpty() ? null : PemSource.ofFile("key", directory.resolve(name + ".key")));
    }
}
