/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/page_scrub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SIZE = 4096 - 48, SKIPPED = 16, FILE_HEADER = 100 };

typedef struct page {
    uint8_t data[SIZE];
    size_t size;
    size_t head;    /* offset of the b-tree header */
    size_t skipped; /* bytes of the page that are not in data */
} page;

static void put_u16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* All bytes 0xee but a header of `kind`, two cells' pointers, the content's beginning at 3000, and
 * free blocks at 3100 and 3500. */
static page make(uint8_t kind, bool is_first)
{
    page p = {.size = SIZE};
    memset(p.data, 0xee, sizeof p.data);
    if (is_first) {
        static const uint8_t file_header[] = {0x10, 0, 2, 2, 48, 64, 32, 32};
        memcpy(p.data, file_header, sizeof file_header);
        p.skipped = SKIPPED;
        p.head = FILE_HEADER - SKIPPED;
        p.size = SIZE - SKIPPED;
    }
    uint8_t *head = p.data + p.head;
    head[0] = kind;
    put_u16(head + 1, 3100);
    put_u16(head + 3, 2);
    put_u16(head + 5, 3000);
    uint8_t *block = p.data + 3100 - p.skipped;
    put_u16(block, 3500);
    put_u16(block + 2, 50);
    block = p.data + 3500 - p.skipped;
    put_u16(block, 0);
    put_u16(block + 2, 4);
    return p;
}

/* The bytes from `from` to `to`, counted from the page's beginning, are all `value`. */
static bool all_are(const page *p, size_t from, size_t to, uint8_t value)
{
    for (size_t at = from; at < to; at++)
        if (p->data[at - p->skipped] != value)
            return false;
    return true;
}

static void scrub__zeroes_what_no_cell_uses_and_nothing_else(void **state)
{
    static const uint8_t kinds[] = {2, 5, 10, 13};
    for (size_t i = 0; i < 8; i++) {
        uint8_t kind = kinds[i % 4];
        page p = make(kind, i >= 4);
        size_t cells = p.head + p.skipped + (kind >= 10 ? 8 : 12);
        amphi__page_scrub(p.data, p.size);
        assert_true(all_are(&p, cells, cells + 4, 0xee)); /* the two pointers */
        assert_true(all_are(&p, cells + 4, 3000, 0));
        assert_true(all_are(&p, 3000, 3100, 0xee));
        assert_true(all_are(&p, 3104, 3150, 0));
        assert_true(all_are(&p, 3150, 3500, 0xee));
        assert_true(all_are(&p, 3504, p.size + p.skipped, 0xee));
    }
}

static void scrub__leaves_other_pages_alone(void **state)
{
    static const uint8_t kinds[] = {0, 1, 3, 9, 14, 0xee};
    for (size_t i = 0; i < sizeof kinds; i++) {
        page p = make(kinds[i], false);
        page before = p;
        amphi__page_scrub(p.data, p.size);
        assert_memory_equal(p.data, before.data, sizeof p.data);
    }
    uint8_t small[100] = {13};
    amphi__page_scrub(small, sizeof small);
}

/* Whatever the fields say, nothing outside of the page is touched (AddressSanitizer watches). */
static void scrub__is_not_led_astray_by_a_damaged_page(void **state)
{
    unsigned seed = 7;
    for (int i = 0; i < 20000; i++) {
        page p = make(i % 2 ? 13 : 5, i % 3 == 0);
        uint8_t *heap = malloc(p.size);
        for (int k = 0; k < 6; k++) {
            seed = seed * 1103515245u + 12345u;
            size_t at = k < 4 ? p.head + 1 + (seed >> 16) % 6 : (seed >> 8) % p.size;
            p.data[at] = (uint8_t)(seed >> 24);
        }
        memcpy(heap, p.data, p.size);
        amphi__page_scrub(heap, p.size);
        free(heap);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scrub__zeroes_what_no_cell_uses_and_nothing_else),
        cmocka_unit_test(scrub__leaves_other_pages_alone),
        cmocka_unit_test(scrub__is_not_led_astray_by_a_damaged_page),
    };
    return cmocka_run_group_tests_name("unit.storage.page_scrub", tests, NULL, NULL);
}
