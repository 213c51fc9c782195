#!/bin/sh
# masquerade.sh FOLDER: fills FOLDER with gcc, g++, cc and c++ that are superopt-cc, and with the names
# of versions and of this machine that are on PATH (gcc-12, x86_64-linux-gnu-g++), for builds that name
# their compiler themselves.  Then: PATH=FOLDER:$PATH make
# Each name runs the next program of that name on PATH; our own links are passed over.
set -eu
folder=${1:?usage: masquerade.sh FOLDER}
mkdir -p "$folder"
for program in superopt-cc superopt-c++; do
    command -v "$program" > /dev/null || {
        echo "masquerade.sh: $program is not on PATH; activate its environment first" >&2
        exit 1
    }
done

link() {
    case $1 in *++*) ours=superopt-c++ ;; *) ours=superopt-cc ;; esac
    ln -sf "$(command -v "$ours")" "$folder/$1"
}

for name in gcc cc g++ c++; do
    link "$name"
done
machine=$(gcc -dumpmachine 2> /dev/null) || exit 0
IFS=:
for place in $PATH; do
    for path in "$place"/gcc-[0-9]* "$place"/g++-[0-9]* "$place/$machine"-g[c+][c+] \
        "$place/$machine"-g[c+][c+]-[0-9]*; do
        [ ! -x "$path" ] || link "${path##*/}"
    done
done
