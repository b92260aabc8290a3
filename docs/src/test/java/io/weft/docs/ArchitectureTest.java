/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.docs;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noMethods;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.nio.ByteOrder;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What docs/architecture.md says of the modules, held against the classes. */
class ArchitectureTest {
    /** The modules' packages in the order of dependency: each may use only those before it. */
    private static final List<String> ORDER = List.of(
            "io.weft.address..",
            "io.weft.linux..",
            "io.weft.encap..",
            "io.weft.routing..",
            "io.weft.dataplane..",
            "io.weft.overlay..",
            "io.weft.cni..",
            "io.weft.bench..");

    /** The rooms of overlay in the order of dependency, from what knows least to what ties all together. */
    private static final List<String> OVERLAY_ROOMS = List.of(
            "lifecycle",
            "json",
            "lease",
            "options",
            "host",
            "rules",
            "registry",
            "record",
            "ping",
            "forwarding",
            "peers",
            "ops",
            "capture",
            "handover",
            "node",
            "cli",
            "page",
            "daemon");

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("io.weft");

    static List<Integer> modules() {
        return IntStream.range(0, ORDER.size()).boxed().toList();
    }

    @ParameterizedTest
    @MethodSource("modules")
    void shouldUseOnlyModulesThatComeBefore(final int module) {
        final String[] later = ORDER.subList(module + 1, ORDER.size()).toArray(new String[0]);
        if (later.length > 0) {
            noClasses()
                    .that()
                    .resideInAPackage(ORDER.get(module))
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(later)
                    .check(CLASSES);
        }
    }

    static List<Integer> overlayRooms() {
        return IntStream.range(0, OVERLAY_ROOMS.size()).boxed().toList();
    }

    @ParameterizedTest
    @MethodSource("overlayRooms")
    void shouldUseOnlyRoomsOfOverlayThatComeBefore(final int room) {
        final String[] later = OVERLAY_ROOMS.subList(room + 1, OVERLAY_ROOMS.size()).stream()
                .map(name -> "io.weft.overlay." + name + "..")
                .toArray(String[]::new);
        if (later.length > 0) {
            noClasses()
                    .that()
                    .resideInAPackage("io.weft.overlay." + OVERLAY_ROOMS.get(room) + "..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(later)
                    .check(CLASSES);
        }
    }

    @Test
    void shouldKnowEachRoomOfOverlay() {
        classes()
                .that()
                .resideInAPackage("io.weft.overlay..")
                .should()
                .resideInAnyPackage(OVERLAY_ROOMS.stream()
                        .map(name -> "io.weft.overlay." + name + "..")
                        .toArray(String[]::new))
                .because("the root package of overlay has no classes, and a new room takes its place in the order")
                .check(CLASSES);
    }

    /** The ways out and in know nothing of each other, and no part of the data plane knows how the parts are put together. */
    @Test
    void shouldHaveArrowsInOneDirectionInTheDataPlane() {
        layeredArchitecture()
                .consideringOnlyDependenciesInLayers()
                .layer("data plane")
                .definedBy("io.weft.dataplane")
                .layer("egress")
                .definedBy("io.weft.dataplane.egress..")
                .layer("ingress")
                .definedBy("io.weft.dataplane.ingress..")
                .layer("underlay")
                .definedBy("io.weft.dataplane.underlay..")
                .layer("pod")
                .definedBy("io.weft.dataplane.pod..")
                .layer("tunnel")
                .definedBy("io.weft.dataplane.tunnel..")
                .layer("agent")
                .definedBy("io.weft.dataplane.agent..")
                .layer("capture")
                .definedBy("io.weft.dataplane.capture..")
                .layer("counters")
                .definedBy("io.weft.dataplane.counters..")
                .whereLayer("data plane")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("egress")
                .mayOnlyBeAccessedByLayers("data plane")
                .whereLayer("ingress")
                .mayOnlyBeAccessedByLayers("data plane")
                .whereLayer("underlay")
                .mayOnlyBeAccessedByLayers("egress", "ingress", "data plane")
                .whereLayer("pod")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("tunnel")
                .mayOnlyBeAccessedByLayers("egress", "ingress", "data plane")
                .whereLayer("agent")
                .mayOnlyBeAccessedByLayers("egress", "ingress", "data plane")
                .whereLayer("capture")
                .mayOnlyBeAccessedByLayers("egress", "ingress", "data plane")
                .whereLayer("counters")
                .mayOnlyBeAccessedByLayers("agent", "capture", "tunnel", "egress", "ingress", "data plane")
                .check(CLASSES);
    }

    @Test
    void shouldImportJnrInNativeLoaderOnly() {
        noClasses()
                .that()
                .resideOutsideOfPackage("io.weft.linux..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("jnr..", "com.kenai.jffi..")
                .check(CLASSES);
    }

    @Test
    void shouldDependOnNothingWhereAddressesAre() {
        shouldDependOnlyOn("io.weft.address..");
    }

    @Test
    void shouldDependOnAgronaAloneWhereBytesAre() {
        shouldDependOnlyOn("io.weft.encap..", "org.agrona..");
    }

    @Test
    void shouldDependOnAddressesAndAgronaAloneWhereRoutesAre() {
        shouldDependOnlyOn("io.weft.routing..", "io.weft.address..", "org.agrona..");
    }

    @Test
    void shouldDependOnAddressesAndJacksonAloneWhereThePluginIs() {
        shouldDependOnlyOn("io.weft.cni..", "io.weft.address..", "tools.jackson.core..");
    }

    /** Besides the others, a package may use Java itself and the annotations. */
    private static void shouldDependOnlyOn(final String own, final String... others) {
        noClasses()
                .that()
                .resideInAPackage(own)
                .should()
                .dependOnClassesThat(resideInAPackage("..")
                        .and(DescribedPredicate.not(resideInAnyPackage(others)))
                        .and(DescribedPredicate.not(resideInAnyPackage(own, "java..", "org.jspecify..", ""))))
                .check(CLASSES);
    }

    @Test
    void shouldNameTheByteOrderAtEveryAccessOfPacketBytes() {
        noClasses()
                .that()
                .resideInAnyPackage("io.weft.encap..", "io.weft.dataplane..")
                .should()
                .callMethodWhere(isAccessWithoutByteOrder())
                .check(CLASSES);
    }

    /** Agrona's short, int and long accessors without a ByteOrder use the machine's, silently. */
    private static DescribedPredicate<JavaMethodCall> isAccessWithoutByteOrder() {
        return describe("is a buffer access without a byte order", call -> {
            final String name = call.getTarget().getName();
            return isBuffer(call)
                    && name.matches("(get|put)(Short|Int|Long|Char)")
                    && call.getTarget().getRawParameterTypes().stream()
                            .noneMatch(type -> type.isEquivalentTo(ByteOrder.class));
        });
    }

    private static boolean isBuffer(final JavaAccess<?> access) {
        return access.getTargetOwner().getPackageName().equals("org.agrona.concurrent")
                && access.getTargetOwner().getSimpleName().endsWith("Buffer");
    }

    @Test
    void shouldNotSynchroniseOnThePacketPath() {
        noMethods()
                .that()
                .areDeclaredInClassesThat()
                .resideInAnyPackage("io.weft.encap..", "io.weft.dataplane..")
                .should()
                .haveModifier(JavaModifier.SYNCHRONIZED)
                .check(CLASSES);
    }
}
