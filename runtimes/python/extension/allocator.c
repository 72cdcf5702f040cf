/* Memory for small objects. CPython has no allocator of its own on wasm32-wasi: each object, and the keys of each dict, come
 * from the `malloc` of the C library, which takes a fifth of the time of a call.
 *
 * Blocks of one size come from pools, which are the aligned parts of an arena. A bit for each possible pool says whether an
 * address is in one: what is not was allocated by the C library, before this or because it is larger. */
#include "journal.h"

#include <stdlib.h>

#define LARGEST_BLOCK 512
#define STEP 8
#define POOL_SIZE 8192
#define POOLS_OF_ARENA 32
/* The test gives addresses of 32 bits, too. */
#ifndef ALLOCATE_ARENA
#define ALLOCATE_ARENA malloc
#define FREE_ARENA free
#endif

typedef struct Arena Arena;
typedef struct Pool Pool;
struct Pool {
  /* Blocks that were freed, each of which begins with the address of the next one. */
  void *freed;
  /* What was never given away. */
  uint8_t *fresh;
  uint32_t size, used;
  /* The neighbours in the list of the pools of this size that have blocks left, or in the list of unused pools. */
  Pool *next, *previous;
  int is_full;
  Arena *arena;
};
struct Arena { Pool *unused; Arena *next, *previous; uint32_t used; };

static Pool *pools[LARGEST_BLOCK / STEP];
static Arena *arenas;   /* Those of which some pools are used, and some are not. */
static Arena *spare;   /* One without a used pool is kept: a call is likely to need what the call before it has freed. */
static uint32_t in_pool[(1ull << 32) / POOL_SIZE / 32];
static PyMemAllocatorEx large[3];

static Pool *pool_of(void *block) { return (Pool *)((uintptr_t)block & ~(uintptr_t)(POOL_SIZE - 1)); }
static int is_small(void *block) {
  uintptr_t number = (uintptr_t)block / POOL_SIZE;
  return (sizeof number == 4 || number < (1ull << 32) / POOL_SIZE) && in_pool[number / 32] >> number % 32 & 1;
}
static uint8_t *end_of(Pool *pool) { return (uint8_t *)pool + POOL_SIZE - pool->size; }

/* -- Arenas and pools --------------------------------------------------------------------------------------------------- */

static void mark(Pool *pool) {
  uintptr_t number = (uintptr_t)pool / POOL_SIZE;
  in_pool[number / 32] ^= 1u << number % 32;
}

static void link_arena(Arena *arena) {
  arena->next = arenas; arena->previous = NULL;
  if (arenas) arenas->previous = arena;
  arenas = arena;
}

static void unlink_arena(Arena *arena) {
  if (arena->next) arena->next->previous = arena->previous;
  if (arena->previous) arena->previous->next = arena->next; else arenas = arena->next;
}

static Pool *first_pool(Arena *arena) {
  return pool_of((uint8_t *)(arena + 1) + POOL_SIZE - 1);
}

static Arena *new_arena(void) {
  Arena *arena = spare;
  spare = NULL;
  if (arena || !(arena = ALLOCATE_ARENA(POOLS_OF_ARENA * POOL_SIZE))) return arena;
  arena->used = 0; arena->unused = NULL;
  uint8_t *end = (uint8_t *)arena + POOLS_OF_ARENA * POOL_SIZE;
  for (Pool *pool = first_pool(arena); (uint8_t *)pool + POOL_SIZE <= end; pool = (Pool *)((uint8_t *)pool + POOL_SIZE)) {
    pool->arena = arena; pool->next = arena->unused; arena->unused = pool;
    mark(pool);
  }
  return arena;
}

static void free_arena(Arena *arena) {
  if (!spare) { spare = arena; return; }
  for (Pool *pool = arena->unused; pool; pool = pool->next) mark(pool);
  FREE_ARENA(arena);
}

static void link_pool(Pool *pool) {
  Pool **list = &pools[pool->size / STEP - 1];
  pool->is_full = 0; pool->next = *list; pool->previous = NULL;
  if (*list) (*list)->previous = pool;
  *list = pool;
}

static void unlink_pool(Pool *pool) {
  if (pool->next) pool->next->previous = pool->previous;
  if (pool->previous) pool->previous->next = pool->next; else pools[pool->size / STEP - 1] = pool->next;
}

static Pool *new_pool(uint32_t size) {
  Arena *arena = arenas ? arenas : new_arena();
  if (!arena) return NULL;
  if (!arena->used++) link_arena(arena);
  Pool *pool = arena->unused;
  arena->unused = pool->next;
  if (!arena->unused) unlink_arena(arena);
  pool->freed = NULL; pool->used = 0; pool->size = size;
  pool->fresh = (uint8_t *)(pool + 1);
  link_pool(pool);
  return pool;
}

static void free_pool(Pool *pool) {
  unlink_pool(pool);
  Arena *arena = pool->arena;
  if (!arena->unused) link_arena(arena);
  pool->next = arena->unused; arena->unused = pool;
  if (--arena->used) return;
  unlink_arena(arena);
  free_arena(arena);
}

/* -- What CPython calls ------------------------------------------------------------------------------------------------- */

static void *allocate_slowly(PyMemAllocatorEx *context, size_t size) {
  if (size > LARGEST_BLOCK) return context->malloc(context->ctx, size);
  uint32_t rounded = size ? (size + STEP - 1) / STEP * STEP : STEP;
  Pool *pool;
  while ((pool = pools[rounded / STEP - 1]) && !pool->freed && pool->fresh > end_of(pool)) {
    unlink_pool(pool);
    pool->is_full = 1;
  }
  /* Without memory for an arena, there may be some for a block. */
  if (!pool && !(pool = new_pool(rounded))) return context->malloc(context->ctx, size);
  void *block = pool->freed;
  if (block) pool->freed = *(void **)block; else { block = pool->fresh; pool->fresh += rounded; }
  pool->used++;
  return block;
}

static void *allocate(void *context, size_t size) {
  size_t class = (size - 1) / STEP;   /* Without bytes, it is a large one. */
  Pool *pool; void *block;
  if (class >= LARGEST_BLOCK / STEP || !(pool = pools[class]) || !(block = pool->freed)) return allocate_slowly(context, size);
  pool->freed = *(void **)block;
  pool->used++;
  return block;
}

static void release(void *context, void *block) {
  if (!is_small(block)) {
    PyMemAllocatorEx *before = context;
    before->free(before->ctx, block);
    return;
  }
  Pool *pool = pool_of(block);
  *(void **)block = pool->freed;
  pool->freed = block;
  if (pool->is_full) link_pool(pool);
  if (!--pool->used) free_pool(pool);
}

static void *allocate_zeros(void *context, size_t count, size_t size) {
  PyMemAllocatorEx *before = context;
  if (size && count > LARGEST_BLOCK / size) return before->calloc(before->ctx, count, size);
  void *block = allocate(context, count * size);
  return block ? memset(block, 0, count * size) : NULL;
}

static void *reallocate(void *context, void *block, size_t size) {
  PyMemAllocatorEx *before = context;
  if (!block) return allocate(context, size);
  if (!is_small(block)) return before->realloc(before->ctx, block, size);
  size_t room = pool_of(block)->size;
  /* As it is, unless much of it would be unused. */
  if (size <= room && size * 4 > room * 3) return block;
  void *moved = allocate(context, size);
  if (!moved) return NULL;
  memcpy(moved, block, size < room ? size : room);
  release(context, block);
  return moved;
}

void install_allocator(void) {
  for (int domain = PYMEM_DOMAIN_MEM; domain <= PYMEM_DOMAIN_OBJ; domain++) {
    PyMemAllocatorEx *before = &large[domain];
    PyMem_GetAllocator(domain, before);
    PyMemAllocatorEx ours = { before, allocate, allocate_zeros, reallocate, release };
    PyMem_SetAllocator(domain, &ours);
  }
}
