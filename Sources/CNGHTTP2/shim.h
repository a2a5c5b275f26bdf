#ifndef RAGDZ_CNGHTTP2_SHIM_H
#define RAGDZ_CNGHTTP2_SHIM_H
#include <malloc.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

/* nghttp2's memory. It asks for eight small blocks a call and gives them back when the stream ends; with many calls
 * in flight that is more than malloc's own thread cache holds, and every block takes malloc's slow path. Here freed
 * blocks wait in a list for each size, on the thread that freed them; lists of one thread hold at most RAGDZ_KEPT
 * bytes. A block is always one of malloc's, whichever thread allocates and whichever frees it. */
enum { RAGDZ_STEP = 32, RAGDZ_CLASSES = 32, RAGDZ_KEPT = 256 * 1024 };

struct ragdz_cache {
    void *blocks[RAGDZ_CLASSES + 1];
    size_t kept;
};

/* A variable of its own function: Swift emits nothing else of a header's variables. */
static inline struct ragdz_cache *ragdz_cache(void) {
    static __thread struct ragdz_cache cache;
    return &cache;
}

/* Present only under the address sanitiser, which wants to see every block come and go. */
extern void __asan_init(void) __attribute__((weak));

static void *ragdz_cached_malloc(size_t size, void *unused) {
    size_t class = (size + RAGDZ_STEP - 1) / RAGDZ_STEP;
    (void)unused;
    if (class == 0 || class > RAGDZ_CLASSES) return malloc(size);
    struct ragdz_cache *cache = ragdz_cache();
    void *block = cache->blocks[class];
    if (!block) return malloc(class * RAGDZ_STEP);
    cache->blocks[class] = *(void **)block;
    cache->kept -= class * RAGDZ_STEP;
    return block;
}

static void ragdz_cached_free(void *block, void *unused) {
    (void)unused;
    if (!block) return;
    size_t class = malloc_usable_size(block) / RAGDZ_STEP;
    struct ragdz_cache *cache = ragdz_cache();
    if (class == 0 || class > RAGDZ_CLASSES || cache->kept + class * RAGDZ_STEP > RAGDZ_KEPT || __asan_init) {
        free(block);
        return;
    }
    *(void **)block = cache->blocks[class];
    cache->blocks[class] = block;
    cache->kept += class * RAGDZ_STEP;
}

static void *ragdz_cached_calloc(size_t count, size_t size, void *unused) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
    void *block = ragdz_cached_malloc(bytes, unused);
    return block ? memset(block, 0, bytes) : NULL;
}

static void *ragdz_cached_realloc(void *block, size_t size, void *unused) {
    size_t held = block ? malloc_usable_size(block) : 0;
    if (block && size <= held) return block;
    void *larger = ragdz_cached_malloc(size, unused);
    if (larger && block) {
        memcpy(larger, block, held);
        ragdz_cached_free(block, unused);
    }
    return larger;
}

static inline int ragdz_session_new(
    nghttp2_session **session, int is_server, const nghttp2_session_callbacks *callbacks, void *user_data,
    const nghttp2_option *option) {
    static nghttp2_mem memory = {
        NULL, ragdz_cached_malloc, ragdz_cached_free, ragdz_cached_calloc, ragdz_cached_realloc};
    return is_server ? nghttp2_session_server_new3(session, callbacks, user_data, option, &memory)
                     : nghttp2_session_client_new3(session, callbacks, user_data, option, &memory);
}
#endif
