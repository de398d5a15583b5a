/* SPDX-License-Identifier: Apache-2.0
 *
 * Every way to memory that a library may take. RTLD_DEEPBIND would let SQLCipher find libc's own
 * malloc before this one, so dlopen() drops that flag.
 */
#include "preload.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc's own. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    return fault_memory_fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fault_memory_fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    /* to nothing is a free: it does not fail */
    return size > 0 && fault_memory_fails() ? NULL : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return bytes > 0 && fault_memory_fails() ? NULL : __libc_realloc(old, bytes);
}

void *memalign(size_t alignment, size_t size)
{
    return fault_memory_fails() ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fault_memory_fails() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    int before = errno;
    void *made = fault_memory_fails() ? NULL : __libc_memalign(alignment, size);
    errno = before;
    if (made == NULL)
        return ENOMEM;
    *out = made;
    return 0;
}

void *valloc(size_t size)
{
    return fault_memory_fails() ? NULL : __libc_memalign(4096, size);
}

/* ---- What is only watched or bent ---- */

void *dlopen(const char *name, int flags)
{
    static void *(*real)(const char *, int);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "dlopen");
    return real(name, flags & ~RTLD_DEEPBIND);
}

/* Its start-up is libcrypto's: thousands of allocations. */
int curl_global_init_mem(long flags, void *(*take)(size_t), void (*give)(void *),
    void *(*change)(void *, size_t), char *(*copy)(const char *),
    void *(*take_many)(size_t, size_t))
{
    static int (*real)(long, void *(*)(size_t), void (*)(void *), void *(*)(void *, size_t),
        char *(*)(const char *), void *(*)(size_t, size_t));
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "curl_global_init_mem");
    fault_note_first(&fault->before_curl);
    int rc = real(flags, take, give, change, copy, take_many);
    fault_note_first(&fault->after_curl);
    return rc;
}
