#!/usr/bin/env bash
# The runs of an experiment as one Slurm job array, and one report of them all. Started again, it goes on where it was.
#
#   examples/sweep/slurm.sh FOLDER EXPERIMENT [OPTION…]
#   examples/sweep/slurm.sh out/scan scan --cell lstm --seeds 1 2 3
#
# The folder has to be one that all nodes see. EQUIVARIANT says how the program is called, if it is not on the path;
# SBATCH_OPTIONS what a run needs, such as "--time=2:00:00 --cpus-per-task=2 --gres=gpu:1".
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi

folder=$1
shift
read -ra equivariant <<<"${EQUIVARIANT:-equivariant}"
read -ra options <<<"${SBATCH_OPTIONS:-}"
mkdir -p "$folder"

mapfile -t numbers < <("${equivariant[@]}" "$@" --list | cut -f1)
command=$(printf '%q ' "${equivariant[@]}" "$@")
array=$(sbatch --parsable --array="1-${#numbers[@]}" --job-name="$1" --output="$folder/run-%a.log" --requeue "${options[@]}" \
    --wrap="exec $command --only \$SLURM_ARRAY_TASK_ID --resume --out $(printf '%q' "$folder")/run-\$SLURM_ARRAY_TASK_ID")

report=$(printf '%q ' "${equivariant[@]}" report "${numbers[@]/#/$folder/run-}" --out "$folder/report.html")
sbatch --dependency="afterok:$array" --job-name="$1-report" --output="$folder/report.log" --wrap="exec $report"
echo "Job array $array; then $folder/report.html."
