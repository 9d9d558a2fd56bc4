#!/bin/sh
# Compiles one public header alone: check.sh HEADER INCLUDE_DIR
set -eu
header=$1
include=$2
strict="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fsyntax-only -I$include"

for standard in c99 c11; do
    "${CC:-cc}" -std=$standard -Wstrict-prototypes $strict -x c "$header"
done
for standard in c++11 c++17; do
    "${CXX:-c++}" -std=$standard $strict -x c++ "$header"
done
