#!/bin/sh
# Compiles the header for C++, as C++17 also each part alone: header.sh COMPILER STANDARD INCLUDE_DIR redis|no-redis
set -eu
compiler=$1 standard=$2 include=$3
[ "$4" = redis ] && redis=$include/locksync/redis.hpp || redis=
[ "$standard" = c++17 ] && parts=$(echo "$include"/locksync/cpp/*.hpp) || parts=

for header in "$include/locksync/locksync.hpp" $redis $parts; do
    "$compiler" "-std=$standard" -Wall -Wextra -Wpedantic -Wold-style-cast -Wconversion -Wshadow -Wnon-virtual-dtor \
        -Woverloaded-virtual -Werror -fsyntax-only "-I$include" -include "$header" -x c++ /dev/null
done
