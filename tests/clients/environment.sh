#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes FOLDER/venv and FOLDER/node with the packages that requirements.txt and package-lock.json
# name, from the ordinary registries. Exit status 77, and why: this machine can't (no registry, no
# node). Done already for these files: nothing happens.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?usage: environment.sh FOLDER}

for tool in python3 node npm; do
    command -v "$tool" >/dev/null || {
        echo "skipped: $tool is not on this machine"
        exit 77
    }
done

wanted=$(cat "$here"/requirements.txt "$here"/package-lock.json | sha256sum)
[[ "$(cat "$folder/made" 2>/dev/null)" == "$wanted" ]] && exit 0

unreachable='NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|Network is unreachable'
unreachable+='|Temporary failure in name resolution|Name or service not known|Connection refused'
unreachable+='|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH'

# fetch WHAT COMMAND...: ends this script where the command can't do it.
fetch() {
    local what=$1 log=$folder/fetch.log
    shift
    "$@" 2>&1 </dev/null | tee "$log" && return 0
    if grep -qE "$unreachable" "$log"; then
        echo "skipped: the registry of $what can't be reached"
        exit 77
    fi
    exit 1
}

rm -rf "$folder"
mkdir -p "$folder/node"
python3 -m venv "$folder/venv" || {
    echo "skipped: python3 has no venv (Debian: python3-venv)"
    exit 77
}
fetch "Python packages" "$folder/venv/bin/pip" install --retries 1 --timeout 20 \
    --disable-pip-version-check -r "$here/requirements.txt"
cp "$here/package.json" "$here/package-lock.json" "$folder/node"
cd "$folder/node"
fetch "npm packages" npm ci --ignore-scripts --no-audit --no-fund --fetch-retries 1
echo "$wanted" >"../made"
