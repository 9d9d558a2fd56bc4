#!/bin/sh
# Compiles one public header alone: check.sh HEADER INCLUDE_DIR. A source includes it, because clang reports constants
# of a main file that it does not use.
set -eu
header=$1
include=$2
strict="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fsyntax-only -I$include"

parse() { # a compiler and its options
    printf '#include "%s"\n' "$header" | "$@" $strict -
}

for standard in c99 c11; do
    parse "${CC:-cc}" -std=$standard -Wstrict-prototypes -x c
done
for standard in c++11 c++17; do
    parse "${CXX:-c++}" -std=$standard -x c++
done
