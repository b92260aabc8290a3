#!/bin/sh
# The CNI plugin of weft, put here by `weft install-cni`. What these would print or change is not for a plugin.
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS
# The runtime lies beside this file, and not beside a link to it. No other program is run for the file itself.
weft_cni=$0
[ ! -L "$0" ] || weft_cni=$(readlink -f -- "$0") || weft_cni=$0
# By which a DEL knows what an ADD that was killed has left running: the CNI_ variables are those of its callers, too.
export WEFT_CNI_OPERATION="$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME"
# A runtime reads an error in JSON where no Java begins. What that itself says runtimes show as long as there is none.
trap 'printf "{\"cniVersion\":\"1.1.0\",\"code\":5,\"msg\":\"@RUNTIME@/bin/java, beside weft-cni, cannot be run: exit code %d\",\"details\":\"127: it or its dynamic loader is not there, 126: it may not be executed; put it there anew by weft install-cni\"}\n" $?' EXIT
[ -z "$BASH_VERSION" ] || shopt -s execfail # or a sh that is bash would not come to that
exec "${weft_cni%/*}/@RUNTIME@/bin/java" @FLAGS@ io.weft.cni.WeftCni
