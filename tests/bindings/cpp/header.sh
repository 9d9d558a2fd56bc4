#!/bin/sh
# Compiles the header for C++, each part alone: header.sh COMPILER STANDARD INCLUDE_DIR redis|no-redis
set -eu
compiler=$1 standard=$2 include=$3
[ "$4" = redis ] && redis=$include/locksync/redis.hpp || redis=

for header in "$include"/locksync/locksync.hpp "$include"/locksync/cpp/*.hpp $redis; do
    "$compiler" "-std=$standard" -Wall -Wextra -Wpedantic -Wold-style-cast -Wconversion -Wshadow -Wnon-virtual-dtor \
        -Woverloaded-virtual -Werror -fsyntax-only "-I$include" -include "$header" -x c++ /dev/null
done
