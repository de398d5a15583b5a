/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks below GATEWAY_BODY_LARGE are the C library's; larger ones are mappings.
 */
#include "body.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Through a pointer that the compiler does not know, or it would leave the writing out. */
static void *(*const volatile overwrite)(void *, int, size_t) = memset;

void gateway_wipe_and_free(char *text, size_t size)
{
    if (text != NULL)
        overwrite(text, 0, size);
    free(text);
}

static void *map(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages != MAP_FAILED ? pages : NULL;
}

/* From a block of the C library, or from nothing, into a mapping. */
static void *move_to_pages(gateway_body_bytes *body, size_t capacity)
{
    char *pages = map(capacity);
    if (pages == NULL)
        return NULL;
    if (body->size > 0)
        memcpy(pages, body->data, body->size);
    gateway_wipe_and_free(body->data, body->size);
    return pages;
}

static bool grow(gateway_body_bytes *body, size_t capacity)
{
    char *larger = NULL;
    if (body->capacity >= GATEWAY_BODY_LARGE) {
        void *pages = mremap(body->data, body->capacity, capacity, MREMAP_MAYMOVE);
        larger = pages != MAP_FAILED ? pages : NULL;
    } else if (capacity >= GATEWAY_BODY_LARGE) {
        larger = move_to_pages(body, capacity);
    } else {
        larger = realloc(body->data, capacity);
    }
    if (larger == NULL)
        return false;
    body->data = larger;
    body->capacity = capacity;
    return true;
}

bool gateway_body_append(gateway_body_bytes *body, const char *data, size_t size, size_t expected)
{
    size_t needed = body->size + size;
    if (needed > body->capacity) {
        size_t capacity = 2 * needed;
        if (capacity > expected && expected >= needed)
            capacity = expected; /* libmicrohttpd gives no more */
        if (!grow(body, capacity))
            return false;
    }
    memcpy(body->data + body->size, data, size);
    body->size = needed;
    return true;
}

void gateway_body_free(gateway_body_bytes *body)
{
    if (body->capacity >= GATEWAY_BODY_LARGE)
        munmap(body->data, body->capacity);
    else
        gateway_wipe_and_free(body->data, body->size);
    *body = (gateway_body_bytes){.data = NULL};
}
