/* The heap of t_heap.h by its older name. */
#ifndef KIT_HEAP_H
#define KIT_HEAP_H

#include "t_heap.h"

typedef t_heap heap;
#define heap_allocator t_heap_allocator

#endif
