/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.tls;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Command;
import io.weft.overlay.registry.Certificates;
import io.weft.overlay.registry.RegistryException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Keys and certificates as openssl writes them. */
class TlsFilesTest {
    @TempDir
    private Path directory = Path.of(".");

    @BeforeEach
    void setUp() {
        new Certificates(directory).issue("client");
    }

    private TlsFiles files() {
        return new TlsFiles(
                PemSource.ofFile("--etcd-cafile", directory.resolve("ca.crt")),
                PemSource.ofFile("--etcd-certfile", directory.resolve("client.crt")),
                PemSource.ofFile("--etcd-keyfile", directory.resolve("client.key")));
    }

    private void openssl(final String line) {
        Command.run(List.of("sh", "-c", "cd " + directory + " && openssl " + line));
    }

    private void move(final String from, final String to) throws IOException {
        Files.move(directory.resolve(from), directory.resolve(to), StandardCopyOption.REPLACE_EXISTING);
    }

    private void certify(final String options) throws IOException {
        openssl("req -new -key k -subj /CN=client -out csr " + options);
        openssl("x509 -req -in csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 1 -out client.crt");
        move("k", "client.key");
    }

    @ParameterizedTest
    @CsvSource({
        "genrsa -traditional -out k 2048, BEGIN RSA PRIVATE KEY",
        "genrsa -out k 3072, BEGIN PRIVATE KEY",
        "ecparam -name prime256v1 -genkey -noout -out k, BEGIN EC PRIVATE KEY",
        "ecparam -name secp384r1 -genkey -out k, BEGIN EC PARAMETERS",
        "ecparam -name secp521r1 -genkey -noout -out k, BEGIN EC PRIVATE KEY",
        "genpkey -algorithm ec -pkeyopt ec_paramgen_curve:prime256v1 -out k, BEGIN PRIVATE KEY",
        "ecparam -name prime256v1 -genkey -noout | openssl ec -no_public -out k, BEGIN EC PRIVATE KEY",
        "genpkey -algorithm ed25519 -out k, BEGIN PRIVATE KEY",
    })
    void shouldTakeAKeyInEveryFormOfOpenssl(final String command, final String begin) throws Exception {
        openssl(command);
        assertTrue(Files.readString(directory.resolve("k")).contains(begin));
        certify("");
        files();
    }

    @Test
    void shouldTakeCertificateAndKeyOutOfOneFile() throws Exception {
        final String both = Files.readString(directory.resolve("client.key"))
                + Files.readString(directory.resolve("client.crt"))
                + Files.readString(directory.resolve("ca.crt"));
        Files.writeString(directory.resolve("client.key"), "Bag Attributes\n" + both);
        Files.writeString(directory.resolve("client.crt"), both);
        files();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "client.key | '' | --etcd-keyfile=%s: has no PRIVATE KEY in PEM",
                "client.key | nonsense | --etcd-keyfile=%s: has no PRIVATE KEY in PEM",
                "client.crt | nonsense | --etcd-certfile=%s: has no CERTIFICATE in PEM",
                "ca.crt | nonsense | --etcd-cafile=%s: has no CERTIFICATE in PEM",
                "ca.crt | -----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE----- | --etcd-cafile=%s: ",
                "client.key | -----BEGIN PRIVATE KEY-----AAAA-----END PRIVATE KEY----- | --etcd-keyfile=%s: has a private key that",
                "client.key | -----BEGIN EC PRIVATE KEY-----AAAA-----END EC PRIVATE KEY----- | --etcd-keyfile=%s: the key is no sequence",
                "client.key | -----BEGIN EC PRIVATE KEY-----MIL/-----END EC PRIVATE KEY----- | --etcd-keyfile=%s: the key has a wrong length",
                "client.key | -----BEGIN EC PRIVATE KEY-----MAMCAQE=-----END EC PRIVATE KEY----- | names",
                "client.key | -----BEGIN DSA PRIVATE KEY-----AAAA-----END DSA PRIVATE KEY----- | --etcd-keyfile=%s: has a \"DSA PRIVATE KEY\", which is not known here",
                "client.key | -----BEGIN ENCRYPTED PRIVATE KEY-----AAAA-----END ENCRYPTED PRIVATE KEY----- | --etcd-keyfile=%s: has a key with a pass phrase",
            })
    void shouldNameTheFileThatIsWrongAndWhy(final String file, final String text, final String cause) throws Exception {
        final Path wrong = Files.writeString(directory.resolve(file), text);
        final RegistryException failure = assertThrows(RegistryException.class, this::files);
        final String wanted = "names".equals(cause)
                ? "has an elliptic key that does not name its curve"
                : String.format(java.util.Locale.ROOT, cause, wrong);
        assertTrue(String.valueOf(failure.getMessage()).contains(wanted), failure::getMessage);
    }

    @Test
    void shouldSayThatAKeyIsOfAnotherCertificate() throws Exception {
        openssl("genrsa -out client.key 2048");
        final RegistryException failure = assertThrows(RegistryException.class, this::files);
        assertEquals(
                "--etcd-keyfile=" + directory.resolve("client.key") + " is not the key of --etcd-certfile="
                        + directory.resolve("client.crt"),
                failure.getMessage());
    }

    @Test
    void shouldRefuseACertificateWithoutItsKey() {
        final RegistryException failure = assertThrows(
                RegistryException.class,
                () -> new TlsFiles(null, PemSource.ofFile("--etcd-certfile", directory.resolve("client.crt")), null));
        assertTrue(String.valueOf(failure.getMessage()).contains("is of no use alone"), failure::getMessage);
    }

    @ParameterizedTest
    @CsvSource({"ca.crt", "client.crt", "client.key"})
    void shouldSayWhichFileIsMissing(final String file) throws Exception {
        Files.delete(directory.resolve(file));
        final RegistryException failure = assertThrows(RegistryException.class, this::files);
        assertTrue(
                String.valueOf(failure.getMessage())
                        .contains(directory.resolve(file) + ": cannot be read: there is no such file"),
                failure::getMessage);
    }

    @Test
    void shouldTellAFaultThatComesAgain() throws Exception {
        final TlsFiles files = files();
        assertEquals("", files.trouble());
        final Path key = directory.resolve("client.key");
        final Path away = directory.resolve("away");
        Files.move(key, away);
        files.context();
        assertTrue(files.trouble().contains("there is no such file"), files::trouble);
        Files.move(away, key);
        files.context();
        assertEquals("", files.trouble(), "it is over, though nothing has changed");
        Files.writeString(key, "nonsense");
        files.context();
        assertTrue(files.trouble().contains("has no PRIVATE KEY"), files::trouble);
        files.context();
        assertTrue(files.trouble().contains("has no PRIVATE KEY"), "it is not over");
    }

    @Test
    void shouldTakeOverFilesThatAreRenewedWhenTheyFitTogether() throws Exception {
        final TlsFiles files = files();
        final SSLContext first = files.context();
        assertSame(first, files.context());
        final byte[] formerKey = Files.readAllBytes(directory.resolve("client.key"));
        openssl("ecparam -name prime256v1 -genkey -noout -out k");
        certify("");
        final byte[] key = Files.readAllBytes(directory.resolve("client.key"));
        Files.write(directory.resolve("client.key"), formerKey);
        assertSame(first, files.context(), "the certificate is new, and its key has not come yet");
        Files.delete(directory.resolve("client.key"));
        assertSame(first, files.context());
        Files.write(directory.resolve("client.key"), key);
        final SSLContext second = files.context();
        assertNotSame(first, second);
        assertSame(second, files.context());
        new Certificates(directory);
        assertNotSame(second, files.context(), "the authority is new");
    }
}
