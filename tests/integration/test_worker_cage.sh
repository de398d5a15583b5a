#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The engine process's cage, tried from inside: nothing gets out, and computing still works. A
# sanitizer has to read files and take memory for its shadow, so there these two may be possible.
# $1: the build folder.
worker="$1/bin/amphi-worker"
expected=$(printf '%s\n' "open a file" "create a file" "make a socket" "start a program" "fork" \
    "signal the app" "feign a kill" "map code" "take 256 GiB")
sanitized=$(nm -D "$worker" 2>/dev/null | grep -c __asan_init)
report=$("$worker" --check)
echo "$report"
bad=0
while read -r way; do
    if grep -q "^$way  *refused$" <<<"$report"; then
        continue
    fi
    if [ "$sanitized" -gt 0 ] && [[ "$way" = "open a file" || "$way" = "take 256 GiB" ]]; then
        continue
    fi
    echo "FAIL: $way"
    bad=1
done <<<"$expected"
grep -q "^compute  *possible$" <<<"$report" || { echo "FAIL: the cage refuses to compute"; bad=1; }
exit $bad
