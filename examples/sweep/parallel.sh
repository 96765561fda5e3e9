#!/usr/bin/env bash
# The runs of an experiment side by side on one machine, by GNU parallel (or xargs, where it is not installed), and one
# report of them all. Started again, it goes on where it was.
#
#   examples/sweep/parallel.sh FOLDER JOBS EXPERIMENT [OPTION…]
#   examples/sweep/parallel.sh out/scan 2 scan --cell lstm --seeds 1 2 3
#
# EQUIVARIANT says how the program is called, if it is not on the path.
set -euo pipefail
if [ $# -lt 3 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi

folder=$1 jobs=$2
shift 2
read -ra equivariant <<<"${EQUIVARIANT:-equivariant}"
run() { "${equivariant[@]}" "$@"; }

mapfile -t numbers < <(run "$@" --list | cut -f1)
one='number=$1 folder=$2; shift 2; exec "$@" --only "$number" --resume --out "$folder/run-$number"'
if command -v parallel >/dev/null; then
    printf '%s\n' "${numbers[@]}" | parallel --quote --jobs "$jobs" bash -c "$one" run {} "$folder" "${equivariant[@]}" "$@"
else
    printf '%s\n' "${numbers[@]}" | xargs -P "$jobs" -I '{}' bash -c "$one" run '{}' "$folder" "${equivariant[@]}" "$@"
fi

run report "${numbers[@]/#/$folder/run-}" --out "$folder/report.html"
