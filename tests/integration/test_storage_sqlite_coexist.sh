#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An app with its own libsqlite3 does not notice ours, and our store encrypts all the same. Compiles
# a program of its own, without sanitizers and with libsqlite3 linked in (its headers not needed).
set -euo pipefail
build=${1:?build folder}
skip() { echo "skipped: $*"; exit 77; }

grep -q '^AMPHI_STORE:STRING=sqlcipher' "$build/CMakeCache.txt" ||
    skip "this build has no SQLCipher"
# (awk reads to the end: a pipe that it left early would fail ldconfig, and with it the test.)
sqlite=$(ldconfig -p | awk '/libsqlite3\.so\.0 / && !found { print $NF; found = 1 }')
[ -n "$sqlite" ] || skip "no libsqlite3.so.0 on this machine"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sources=$(ls storage/*.c | grep -v store_choose_memory)
packages="libcjson libutf8proc"
# shellcheck disable=SC2086
flags="-std=gnu11 -D_GNU_SOURCE -O0 -I. -Isdk/include $(pkg-config --cflags $packages sqlcipher)"
# shellcheck disable=SC2086
printf '%s\n' $sources sdk/core/*.c tests/integration/sqlite_coexist.c |
    xargs -P 2 -I{} sh -c 'cc '"$flags"' -c "$1" -o "$2/$(echo "$1" | tr / _).o"' sh {} "$work"
cc -o "$work/app" "$work"/*.o -Wl,--no-as-needed "$sqlite" -Wl,--as-needed \
    $(pkg-config --libs $packages) -lmbedcrypto -lpthread -ldl -lm

for order in app-first store-first; do
    mkdir "$work/$order"
    "$work/app" "$order" "$work/$order"
    if grep -q "SQLite format 3" "$work/$order/amphi.db"; then
        echo "failed: the store's file is plain"
        exit 1
    fi
done
