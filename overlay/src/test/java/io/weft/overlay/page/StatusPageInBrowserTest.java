/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.page;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.WeftdProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * What Chromium shows of a node with two kernel peers, one of which is not there. Pictures are kept in {@code target/screenshots}, for
 * people to look at.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class StatusPageInBrowserTest {
    private static final Path PICTURES = Path.of("target", "screenshots");
    private static final String ABSENT_MAC = "02:00:00:00:00:77";
    private static final int PHONE_WIDTH = 390;

    private final CloseAll resources = new CloseAll();
    private final Topology topology = resources.add(Topology.builder().nodes(3).build());
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private final Topology.Node absent = topology.node(2);
    private @Nullable Browser opened;
    private @Nullable BackgroundProcess weftd;

    @BeforeAll
    void openThePageOfANodeWithTraffic(@TempDir final Path directory) throws IOException {
        topology.kernelVxlan(peer);
        WeftdProcess.leases(
                directory, WeftdProcess.lease(node), WeftdProcess.lease(peer), WeftdProcess.lease(absent, ABSENT_MAC));
        weftd = resources
                .add(WeftdProcess.start(node, directory, "--status-page=8090", "--peer-check-interval=1"))
                .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
        assertTrue(weftd.output().contains("status page at http://127.0.0.1:8090/"), weftd::output);
        resources.add(node.pod().start("ping", "-i", "0.01", "-s", "1300", peer.podAddress()));
        resources.add(node.pod().start("ping", "-i", "0.2", "10.244.77.7"));
        opened = resources.add(Browser.start(node.namespace(), directory));
        browser().look(1280, 900, "light");
        browser().open("http://127.0.0.1:8090/");
    }

    @AfterAll
    void tearDown() {
        resources.close();
    }

    private Browser browser() {
        return Objects.requireNonNull(opened);
    }

    private void awaitText(final String id, final String regex) {
        browser().await("document.getElementById('" + id + "').innerText", ".*" + regex + ".*");
    }

    @Test
    @Order(1)
    void shouldShowWhatIsWrongAndWhatToDo() {
        awaitText("verdict", "1 wrong");
        awaitText(
                "wrong",
                "peers\\s+1 of 2 do not answer as they should: 192.168.100.3 overlay: .* weft ping 192.168.100.3");
        awaitText("parts", "underlay\\s+\\w+ \\(192.168.100.1, MTU 1500\\)");
    }

    @Test
    @Order(1)
    void shouldShowPeersThoseFirstThatAreWrong() {
        awaitText("peers", "192.168.100.3\\s+10.244.2.0/24\\s+overlay\\s.*192.168.100.2\\s+10.244.1.0/24\\s+ok\\s.*");
        awaitText("peers", "192.168.100.2\\s.*ok\\s+[\\d.]+ k?bit/s\\s+[\\d.]+ k?bit/s\\s+\\d+ s ago.*");
    }

    /** The page's own function, since a node has more peers than it shows only where there are hundreds of others. */
    @Test
    @Order(1)
    void shouldSayHowManyPeersItDoesNotShow() {
        final String note = "document.getElementById('peers-note').textContent";
        assertEquals(
                "and 7 others: weft show peers",
                browser()
                        .evaluate("(() => { showPeers([{device: 'weft.1', otherPeers: 7, peers: [{device: 'weft.1',"
                                + " peer: '10.9.9.9', subnets: [], check: 'ok', heard: '', sentBytes: 0, receivedBytes: 0}]}]);"
                                + " return " + note + "; })()"));
        browser().await(note, "");
    }

    @Test
    @Order(1)
    void shouldShowThroughputAndDropsOfTheLastMinutes() {
        browser().await("document.querySelectorAll('#bits polyline.sent')[0].points.numberOfItems > 2", "true");
        awaitText("bits-legend", "sent [1-9][\\d.]* .?bit/s\\s*received [1-9][\\d.]* .?bit/s");
        awaitText("drops-legend", "dropped [1-9]\\d* /s\\s*lost by the host 0 /s");
        awaitText("drops", "IP_OUTNOROUTES\\s+egress\\s+\\d+\\s");
    }

    private void explain(final String to, final String from) {
        browser()
                .evaluate("(form => { form.address.value = '" + to + "'; form.from.value = '" + from
                        + "'; form.querySelector('button').click(); })(document.getElementById('explain'))");
    }

    @Test
    @Order(1)
    void shouldTellWhereAPacketWouldGo() {
        explain("10.244.77.7", "");
        awaitText("explanation", "10.244.77.7\\s+route +none: dropped");
        assertEquals("bad", browser().evaluate("document.getElementById('explanation').className"));
        explain("<b>pod</b>", "");
        awaitText("explanation", "'<b>pod</b>' is not an IP address");
        assertTrue(String.join("", browser().complaints()).contains("400 (Bad Request)"), "what is refused is told");
        explain("10.244.1.2", "10.244.0.2");
        awaitText("explanation", "fdb +\\S+ dst 192.168.100.2 port 8472");
        assertEquals("", browser().evaluate("document.getElementById('explanation').className"));
    }

    @Test
    @Order(2)
    void shouldLookWellInLightAndDarkAndOnAPhone() throws IOException {
        final String ground = "getComputedStyle(document.body).backgroundColor";
        picture(1280, "light");
        final String light = browser().evaluate(ground);
        picture(1280, "dark");
        assertNotEquals(light, browser().evaluate(ground));
        picture(PHONE_WIDTH, "light");
        picture(PHONE_WIDTH, "dark");
        assertEquals(List.of(), browser().complaints());
    }

    private void picture(final int width, final String colours) throws IOException {
        browser().look(width, 900, colours);
        final String height = browser().evaluate("document.documentElement.scrollHeight");
        browser().look(width, Integer.parseInt(height), colours);
        assertEquals(
                String.valueOf(width),
                browser().evaluate("document.documentElement.scrollWidth"),
                "all of it is seen without scrolling to the side");
        browser().picture(PICTURES.resolve("status-page-" + (PHONE_WIDTH == width ? "phone-" : "") + colours + ".png"));
    }

    /** The last one: weftd is not started again. */
    @Test
    @Order(3)
    void shouldSayThatNobodyAnswersAnyMore() throws IOException {
        browser().look(1280, 900, "light");
        Objects.requireNonNull(weftd).close();
        awaitText("verdict", "no answer");
        awaitText("wrong", "this page\\s+has no answer since .*: weftd has ended, or cannot be reached");
    }
}
