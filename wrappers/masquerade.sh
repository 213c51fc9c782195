#!/bin/sh
# masquerade.sh FOLDER: fills FOLDER with gcc, g++, cc and c++ that are superopt-cc, for builds that
# name their compiler themselves.  Then: PATH=FOLDER:$PATH make
# Each name runs the next program of that name on PATH; our own links are passed over.
set -eu
folder=${1:?usage: masquerade.sh FOLDER}
for pair in gcc:superopt-cc cc:superopt-cc g++:superopt-c++ c++:superopt-c++; do
    program=$(command -v "${pair#*:}") || {
        echo "masquerade.sh: ${pair#*:} is not on PATH; activate its environment first" >&2
        exit 1
    }
    mkdir -p "$folder"
    ln -sf "$program" "$folder/${pair%%:*}"
done
