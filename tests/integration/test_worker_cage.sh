#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The engine process's cage, tried from inside: nothing gets out, and computing still works.
# $1: the build folder.
worker="$1/bin/amphi-worker"
if nm -D "$worker" 2>/dev/null | grep -q __asan_init; then
    echo "skipped: a sanitizer needs files and memory that the cage refuses; the release build is tried"
    exit 77
fi
report=$("$worker" --check)
status=$?
echo "$report"
[ "$status" -eq 0 ] || { echo "FAIL: something got out"; exit 1; }
[ "$(grep -c refused <<<"$report")" -eq 8 ] || { echo "FAIL: not every way was tried"; exit 1; }
grep -q "^compute *possible$" <<<"$report" || { echo "FAIL: the cage refuses to compute"; exit 1; }
