/*
 * The allocator's functions, defined once more, counting, in front of glibc's own; and functions for the hooks that
 * the Swift runtime calls instead of its own retain and release.
 *
 * Nothing in here allocates, and the counters need no allocation either: an executable's thread-local memory is
 * there when its thread begins.
 */

#define _GNU_SOURCE
#include "CAllocationCounter.h"

#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>

static _Thread_local struct allocation_counts counts;

struct allocation_counts allocation_counter_read(void)
{
    return counts;
}

__attribute__((noinline)) void allocation_counter_keep(const void *memory)
{
    __asm__ volatile("" : : "r"(memory) : "memory");
}

/* Allocations. */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

void *malloc(size_t size)
{
    counts.allocations += 1;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    counts.allocations += 1;
    return __libc_calloc(count, size);
}

/* Counted whether or not the memory has to move: it is as much work for the caller. */
void *realloc(void *memory, size_t size)
{
    counts.allocations += 1;
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size)
{
    counts.allocations += 1;
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    counts.allocations += 1;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0) return EINVAL;
    counts.allocations += 1;
    void *new_memory = __libc_memalign(alignment, size);
    if (new_memory == NULL) return ENOMEM;
    *memory = new_memory;
    return 0;
}

void free(void *memory)
{
    if (memory == NULL) return;
    counts.frees += 1;
    __libc_free(memory);
}

/* Retains and releases. */

/*
 * Exported by the runtime for Instruments. Retain and release look at theirs once swift_allocObject has found its own
 * replaced, so that one is replaced as well; what it allocates is counted above.
 */
extern void *(*_swift_allocObject)(const void *metadata, size_t size, size_t alignment_mask);
extern void *(*_swift_retain)(void *object);
extern void *(*_swift_retain_n)(void *object, uint32_t count);
extern void *(*_swift_tryRetain)(void *object);
extern void (*_swift_release)(void *object);
extern void (*_swift_release_n)(void *object, uint32_t count);

static void *(*original_alloc_object)(const void *, size_t, size_t);
static void *(*original_retain)(void *);
static void *(*original_retain_n)(void *, uint32_t);
static void *(*original_try_retain)(void *);
static void (*original_release)(void *);
static void (*original_release_n)(void *, uint32_t);

static void *alloc_object(const void *metadata, size_t size, size_t alignment_mask)
{
    return original_alloc_object(metadata, size, alignment_mask);
}

static void *retain_n(void *object, uint32_t count)
{
    counts.retains += count;
    return original_retain_n(object, count);
}

static void *try_retain(void *object)
{
    counts.retains += 1;
    return original_try_retain(object);
}

static void release(void *object)
{
    counts.releases += 1;
    original_release(object);
}

static void release_n(void *object, uint32_t count)
{
    counts.releases += count;
    original_release_n(object, count);
}

/*
 * A retain of what may be no object at all: a literal string or a small one is retained like any other, has its top bit
 * set, and is to be left alone. Swift 6.3 on Linux takes that bit away before it calls the hook (swift_retain calls
 * _swift_retain_adapterImpl, which masks; Swift 6.4 has the cure, swiftlang/swift#88924), and the original retain would
 * then write to wherever the rest points to. The reference as it was is still in a register then, and comes in as
 * `whole`; in a runtime that does not do this, that is just some other value.
 */
__attribute__((used, visibility("hidden"))) void *allocation_counter_retain(void *object, intptr_t whole)
{
    const intptr_t kept_bits = 0x00fffffffffffff8;
    counts.retains += 1;
    if (whole < 0 && (whole & kept_bits) == (intptr_t)object) return object;
    return original_retain(object);
}

#if defined(__x86_64__)
__attribute__((naked)) static void *retain(__attribute__((unused)) void *object)
{
    __asm__("movq %rbx, %rsi\n\t"
            "jmp allocation_counter_retain");
}
#else
/* Not tried. The program that uses this says so and ends. */
static void *retain(void *object)
{
    return allocation_counter_retain(object, 0);
}
#endif

void allocation_counter_install(void)
{
    original_alloc_object = _swift_allocObject;
    original_retain = _swift_retain;
    original_retain_n = _swift_retain_n;
    original_try_retain = _swift_tryRetain;
    original_release = _swift_release;
    original_release_n = _swift_release_n;

    _swift_retain = retain;
    _swift_retain_n = retain_n;
    _swift_tryRetain = try_retain;
    _swift_release = release;
    _swift_release_n = release_n;
    /* Last: it switches the others on. */
    _swift_allocObject = alloc_object;
}
