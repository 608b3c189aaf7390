#!/usr/bin/env bash
# Counts the syncs of lone orders from outside, with strace: until the answer, and after it until every role has settled.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v strace >/dev/null || { echo "strace is not installed" >&2; exit 2; }

bench=$(cargo bench -p accompanist-benches --bench order --no-run --message-format=json 2>/dev/null |
    sed -n 's/.*"executable":"\([^"]*\/order-[^"]*\)".*/\1/p' | tail -1)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
strace -f -qq -e trace=fsync,fdatasync,write -o "$log" "$bench" count >/dev/null 2>&1

awk '
    /write\(2, "order requested/          { orders++; phase = "until the answer" }
    /write\(2, "order answered/           { phase = "after it" }
    /write\(2, "order settled everywhere/ { phase = "" }
    # A call that another thread interrupts is logged in two parts; the first one counts.
    /(fsync|fdatasync)\(/ && phase        { syncs[phase]++ }
    END {
        printf "%d lone orders\n", orders
        for (phase in syncs) printf "%-20s %5d fsync and fdatasync calls, %.2f per order\n", phase, syncs[phase], syncs[phase] / orders
    }' "$log"
