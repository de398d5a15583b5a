/* SPDX-License-Identifier: Apache-2.0
 *
 * The b-tree page's layout: section 1.6 of fileformat2.html on sqlite.org. A page of another kind
 * begins with a page number, whose first byte is zero below 64 GiB; the kinds of b-tree pages are
 * 2, 5, 10 and 13.
 */
#include "storage/page_scrub.h"

#define SALT_BYTES        16  /* of the first page, not encrypted */
#define FILE_HEADER_BYTES 100 /* of the first page */
#define FREE_BLOCK_HEAD   4   /* next, size */

static size_t u16(const uint8_t *at)
{
    return (size_t)at[0] << 8 | at[1];
}

/* The file header from its 16th byte on: the page size, and three fractions that are constants. */
static bool is_first_page(const uint8_t *page, size_t size)
{
    return size > FILE_HEADER_BYTES && u16(page) == 4096 && page[5] == 64 && page[6] == 32 &&
           page[7] == 32;
}

/* Of the header at `head`: its own size; 0: no b-tree page. */
static size_t header_bytes(const uint8_t *head)
{
    return head[0] == 10 || head[0] == 13 ? 8 : head[0] == 2 || head[0] == 5 ? 12 : 0;
}

/* Offsets in a page count from its beginning, of which the first `skipped` bytes are not here. */
static void scrub_free_blocks(uint8_t *page, size_t size, size_t skipped, size_t first)
{
    for (size_t at = first, last = 0; at > last;) {
        if (at < skipped || at - skipped + FREE_BLOCK_HEAD > size)
            return;
        uint8_t *block = page + (at - skipped);
        size_t bytes = u16(block + 2);
        if (bytes < FREE_BLOCK_HEAD || at - skipped + bytes > size)
            return;
        memset(block + FREE_BLOCK_HEAD, 0, bytes - FREE_BLOCK_HEAD);
        last = at;
        at = u16(block);
    }
}

void amphi__page_scrub(uint8_t *page, size_t size)
{
    if (size < 512)
        return;
    bool is_first = is_first_page(page, size);
    size_t skipped = is_first ? SALT_BYTES : 0;
    size_t head_at = is_first ? FILE_HEADER_BYTES - SALT_BYTES : 0;
    const uint8_t *head = page + head_at;
    size_t head_size = header_bytes(head);
    size_t content = u16(head + 5);
    size_t cells_end = head_at + head_size + 2 * u16(head + 3);
    if (head_size == 0 || content < skipped || content - skipped < cells_end ||
        content - skipped > size)
        return;
    memset(page + cells_end, 0, content - skipped - cells_end);
    scrub_free_blocks(page, size, skipped, u16(head + 1));
}
