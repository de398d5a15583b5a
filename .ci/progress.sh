# SPDX-License-Identifier: Apache-2.0
# Sourced by ./dev: shows what a long command does, without its noise. What it prints goes to
# standard error, so that `./dev bench --json >file` stays clean. On a terminal the latest line
# stands in place; elsewhere (a log, a pipe) it comes at most every QUIET_S seconds. Nothing is
# printed for a step that ends within LEAST_S seconds, and no step is silent for much longer than
# QUIET_S.
QUIET_S=10
LEAST_S=2

say() {
    printf './dev: %s\n' "$*" >&2
}

# The part of a log that says why: from the first error on, else its end.
show_failure() {
    local log=$1 first
    first=$(grep -n -m1 -E '^FAILED:|^CMake Error|^E: |\berror:' "$log" | cut -d: -f1)
    if [[ -n "$first" ]]; then
        tail -n "+$first" "$log" | head -60 >&2
    else
        tail -40 "$log" >&2
    fi
    say "the whole log is $log"
}

# The next line of standard input into `line`, also into the log (descriptor 3); without one for a
# second, `line` is empty. False at the end. What a slow writer has begun is kept in `begun`.
begun=
next_line() {
    local status=0
    IFS= read -r -t 1 line || status=$?
    begun+=$line
    line=
    if ((status > 128)); then
        return 0 # nothing whole yet
    fi
    ((status != 0)) && [[ -z "$begun" ]] && return 1
    line=$begun
    begun=
    printf '%s\n' "$line" >&3
}

# Reads a command's output, keeps it in the log, and shows its latest line under the step's title.
follow() {
    local title=$1 log=$2 started=$SECONDS shown=$SECONDS titled='' line latest='' in_place=''
    [[ -t 2 ]] && in_place=yes
    while next_line; do
        [[ -n "$line" ]] && latest=$line
        if [[ -z "$titled" ]] && ((SECONDS - started >= LEAST_S)); then
            say "$title"
            titled=yes
        fi
        [[ -z "$titled" || -z "$latest" ]] && continue
        if [[ -n "$in_place" ]]; then
            printf '\r\033[K  %.*s' "$((${COLUMNS:-80} - 4))" "$latest" >&2
        elif ((SECONDS - shown >= QUIET_S)); then
            printf '  %4d s  %.100s\n' "$((SECONDS - started))" "$latest" >&2
            shown=$SECONDS
        fi
    done 3>"$log"
    [[ -n "$in_place" && -n "$titled" ]] && printf '\r\033[K' >&2
    [[ -n "$titled" ]] && say "$title: done after $((SECONDS - started)) s"
    return 0
}

# step TITLE LOG COMMAND...: runs the command; when it fails, says why and ends ./dev.
step() {
    local title=$1 log=$2 status=0
    shift 2
    mkdir -p "$(dirname "$log")"
    "$@" 2>&1 </dev/null | follow "$title" "$log" || status=$?
    ((status == 0)) && return 0
    show_failure "$log"
    say "failed: $title"
    exit 1
}

# Reads ctest's output: each test's line as it ends and what a failed test printed, and when nothing
# has ended for QUIET_S seconds, the names of those that run.
follow_tests() {
    local log=$1 line shown=$SECONDS
    local -A running=()
    local started='^ *Start +([0-9]+): (.*)$' ended='Test +#([0-9]+): '
    local noise='^(Internal ctest|Test project|Total Test time|$)'
    while next_line; do
        if [[ $line =~ $started ]]; then
            running[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
        elif ! [[ $line =~ $noise ]]; then
            [[ $line =~ $ended ]] && unset "running[${BASH_REMATCH[1]}]"
            printf '%s\n' "$line"
            shown=$SECONDS
        fi
        if ((SECONDS - shown >= QUIET_S)); then
            say "still testing: ${running[*]}"
            shown=$SECONDS
        fi
    done 3>"$log"
}
