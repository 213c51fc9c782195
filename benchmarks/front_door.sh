#!/bin/bash
# What superopt-cc adds to a compilation in which nothing is selected (at most 4 ms, design 12).
# Usage: benchmarks/front_door.sh [RUNS]; needs hyperfine, and superopt-cc on PATH or in .venv.
# Exit status 1 when the difference of the medians is above the limit.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=10
each=$(((${1:-200} + rounds - 1) / rounds))
PATH=$PWD/.venv/bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo 'int f(int x) { return x + 1; }' >small.c
{
    echo '#include <stdio.h>'
    for i in $(seq 60); do echo "int f$i(int x) { return x * $i + (x >> 3); }"; done
} >large.c
# Turn by turn, so that what else the machine does for a while meets both.
for source in small large; do
    for round in $(seq $rounds); do
        hyperfine -N --warmup 3 --runs "$each" --export-json "$source.$round.json" --style none \
            "gcc -O3 -c $source.c -o $source.o" "superopt-cc -O3 -c $source.c -o $source.o" 2>/dev/null
    done
done
python3 - <<'END_OF_PYTHON'
import glob
import json
import statistics
import sys

LIMIT = 4.0
over = False
print(f"{'source':<8}{'gcc':>10}{'superopt-cc':>14}{'added':>10}{'added (min)':>14}   milliseconds")
for name in ("small", "large"):
    times = [], []
    for path in glob.glob(f"{name}.*.json"):
        with open(path) as file:
            for pool, result in zip(times, json.load(file)["results"]):
                pool += [seconds * 1e3 for seconds in result["times"]]
    plain, ours = map(statistics.median, times)
    over |= ours - plain > LIMIT
    print(f"{name:<8}{plain:>10.2f}{ours:>14.2f}{ours - plain:>10.2f}{min(times[1]) - min(times[0]):>14.2f}")
print(f"at most {LIMIT} ms are allowed: {'MISSED' if over else 'kept'}")
sys.exit(over)
END_OF_PYTHON
