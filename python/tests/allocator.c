/* Tests the allocator of the extension: `test_extension.py` compiles it with the real header. Without a position of its own, the
 * program has its data below 4 GiB, as WebAssembly has. */
#include <assert.h>

static char memory[64 << 20];
static char *arenas_free[256];
static unsigned arenas_made, arenas_left;
static int are_refused;
static void *make_arena(size_t size) {
  if (are_refused) return NULL;
  if (arenas_left) return arenas_free[--arenas_left];
  /* Arenas begin anywhere, as those of the C library do. */
  char *arena = memory + arenas_made++ * (size + 4096) + 16;
  assert(arena + size <= memory + sizeof memory);
  return arena;
}
static void end_arena(void *arena) { arenas_free[arenas_left++] = arena; }
#define ALLOCATE_ARENA make_arena
#define FREE_ARENA end_arena
#include "../../runtimes/python/extension/allocator.c"

/* The allocator that was there before. */
static long before_blocks;
static void *before_malloc(void *context, size_t size) { before_blocks++; return malloc(size ? size : 1); }
static void *before_calloc(void *context, size_t count, size_t size) { before_blocks++; return calloc(count ? count : 1, size ? size : 1); }
static void *before_realloc(void *context, void *block, size_t size) {
  if (!block) before_blocks++;
  return realloc(block, size ? size : 1);
}
static void before_free(void *context, void *block) { if (block) before_blocks--; free(block); }
static PyMemAllocatorEx current[3];
void PyMem_GetAllocator(PyMemAllocatorDomain domain, PyMemAllocatorEx *found) { *found = current[domain]; }
void PyMem_SetAllocator(PyMemAllocatorDomain domain, PyMemAllocatorEx *given) { current[domain] = *given; }

#define BLOCKS 20000
static struct { uint8_t *at; size_t size; uint8_t filled; } blocks[BLOCKS];
static uint64_t state = 1;
static uint32_t chance(uint32_t below) {
  state = state * 6364136223846793005 + 1442695040888963407;
  return (state >> 33) % below;
}
static void verify(int i) {
  for (size_t j = 0; j < blocks[i].size; j++) assert(blocks[i].at[j] == blocks[i].filled);
}
static void fill_block(int i, size_t size) {
  assert(blocks[i].at && (uintptr_t)blocks[i].at % STEP == 0);
  assert(!is_small(blocks[i].at) || size <= pool_of(blocks[i].at)->size);
  blocks[i].size = size; blocks[i].filled = chance(256);
  memset(blocks[i].at, blocks[i].filled, size);
}
static size_t some_size(void) { return chance(20) ? chance(chance(2) ? 64 : LARGEST_BLOCK + 9) : chance(5000); }

static void change(PyMemAllocatorEx *of, int i) {
  size_t size = some_size();
  if (!blocks[i].at) {
    if (chance(2)) blocks[i].at = of->malloc(of->ctx, size);
    else {
      blocks[i].at = of->calloc(of->ctx, size, 1);
      for (size_t j = 0; j < size; j++) assert(!blocks[i].at[j]);
    }
  } else if (chance(3)) {
    verify(i);
    of->free(of->ctx, blocks[i].at);
    blocks[i].at = NULL;
    return;
  } else {
    verify(i);
    uint8_t filled = blocks[i].filled;
    size_t common = size < blocks[i].size ? size : blocks[i].size;
    blocks[i].at = of->realloc(of->ctx, blocks[i].at, size);
    for (size_t j = 0; j < common; j++) assert(blocks[i].at[j] == filled);
  }
  fill_block(i, size);
}

int main(void) {
  PyMemAllocatorEx before = { NULL, before_malloc, before_calloc, before_realloc, before_free };
  for (int domain = 0; domain < 3; domain++) current[domain] = before;
  /* These are freed afterwards. */
  for (int i = 0; i < 100; i++) { blocks[i].at = before.malloc(NULL, 100); fill_block(i, 100); }
  install_allocator();
  PyMemAllocatorEx *of = &current[PYMEM_DOMAIN_OBJ];
  assert(current[PYMEM_DOMAIN_RAW].malloc == before_malloc && current[PYMEM_DOMAIN_MEM].malloc == of->malloc);
  assert(!of->calloc(of->ctx, SIZE_MAX / 2, 3));
  before_blocks--;   /* It was asked for one. */
  of->free(of->ctx, NULL);
  are_refused = 1;
  void *block = of->malloc(of->ctx, 8);
  assert(block && !is_small(block));
  of->free(of->ctx, block);
  are_refused = 0;

  for (long step = 0; step < 3000000; step++) change(of, chance(BLOCKS));
  assert(arenas_made - arenas_left > 3);
  for (int i = 0; i < BLOCKS; i++) if (blocks[i].at) { verify(i); of->free(of->ctx, blocks[i].at); }
  assert(!before_blocks);

  /* What was freed serves other sizes, or is returned. */
  for (size_t size = STEP; size <= LARGEST_BLOCK; size += STEP) {
    for (int i = 0; i < BLOCKS; i++) { blocks[i].at = of->malloc(of->ctx, size); fill_block(i, size); }
    for (int i = 0; i < BLOCKS; i++) { verify(i); of->free(of->ctx, blocks[i].at); }
    assert(arenas_made - arenas_left == 1);
  }
  assert(arenas_made > 40);
}
