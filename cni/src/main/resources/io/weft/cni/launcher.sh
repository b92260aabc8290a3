#!/bin/sh
# The CNI plugin of weft, put here by `weft install-cni`. What these would print or change is not for a plugin.
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS
exec "${0%/*}/@RUNTIME@/bin/java" @FLAGS@ io.weft.cni.WeftCni
