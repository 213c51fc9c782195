#!/bin/bash
# What superopt-cc adds to a compilation in which nothing is selected (at most 4 ms, design 12).
# Usage: benchmarks/front_door.sh [RUNS]; needs hyperfine, and superopt-cc on PATH or in .venv.
# Exit status 1 when the difference of the medians is above the limit.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-100}
PATH=$PWD/.venv/bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo 'int f(int x) { return x + 1; }' >small.c
{
    echo '#include <stdio.h>'
    for i in $(seq 60); do echo "int f$i(int x) { return x * $i + (x >> 3); }"; done
} >large.c
for source in small large; do
    hyperfine -N --warmup 20 --runs "$runs" --export-json "$source.json" --style none \
        "gcc -O3 -c $source.c -o $source.o" "superopt-cc -O3 -c $source.c -o $source.o" 2>/dev/null
done
python3 - <<'END'
import json
import sys

LIMIT = 4.0
over = False
print(f"{'source':<8}{'gcc':>10}{'superopt-cc':>14}{'added':>10}{'added (min)':>14}   milliseconds")
for name in ("small", "large"):
    with open(f"{name}.json") as file:
        plain, ours = json.load(file)["results"]
    medians = plain["median"] * 1e3, ours["median"] * 1e3
    added = medians[1] - medians[0]
    least = (ours["min"] - plain["min"]) * 1e3
    over |= added > LIMIT
    print(f"{name:<8}{medians[0]:>10.2f}{medians[1]:>14.2f}{added:>10.2f}{least:>14.2f}")
print(f"at most {LIMIT} ms are allowed: {'MISSED' if over else 'kept'}")
sys.exit(over)
END
