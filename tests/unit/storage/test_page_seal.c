/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/page_seal.h"
#include "tests/support/sealed_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const amphi_db_key key = {{1, 2, 3}, {4, 5, 6}};

static void page_seal__holds_for_the_page_that_was_sealed(void **state)
{
    static const amphi_page_format formats[] = {AMPHI_PAGE_FORMAT_3, AMPHI_PAGE_FORMAT_4};
    uint8_t page[AMPHI_DB_PAGE_BYTES];
    amphi_page_seal seal;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        amphi__page_seal_init(&seal, formats[i], &key);
        for (uint32_t number = 1; number < 70000; number += 13331) {
            sealed_page_make(page, &seal, &key, number);
            assert_true(amphi__page_seal_holds(&seal, number, page));
            assert_false(amphi__page_seal_holds(&seal, number + 1, page));
        }
    }
}

/* Each bit that the seal covers, and each bit of the seal. */
static void page_seal__breaks_with_any_bit(void **state)
{
    uint8_t page[AMPHI_DB_PAGE_BYTES];
    amphi_page_seal seal;
    (void)state;
    amphi__page_seal_init(&seal, AMPHI_PAGE_FORMAT_3, &key);
    sealed_page_make(page, &seal, &key, 7);
    size_t sealed = AMPHI_DB_PAGE_BYTES - 48 + 16 + 20;
    for (size_t at = 0; at < sealed; at += 5) {
        page[at] ^= (uint8_t)(1 << at % 8);
        assert_false(amphi__page_seal_holds(&seal, 7, page));
        page[at] ^= (uint8_t)(1 << at % 8);
    }
    page[AMPHI_DB_PAGE_BYTES - 1] ^= 1; /* what fills the page up is not sealed */
    assert_true(amphi__page_seal_holds(&seal, 7, page));
}

static void page_seal__of_page_1_leaves_the_salt_out(void **state)
{
    uint8_t page[AMPHI_DB_PAGE_BYTES];
    amphi_page_seal seal;
    (void)state;
    amphi__page_seal_init(&seal, AMPHI_PAGE_FORMAT_4, &key);
    sealed_page_make(page, &seal, &key, 1);
    page[0] ^= 1;
    assert_true(amphi__page_seal_holds(&seal, 1, page));
    page[16] ^= 1;
    assert_false(amphi__page_seal_holds(&seal, 1, page));
}

static void page_seal__needs_the_key_and_the_salt(void **state)
{
    uint8_t page[AMPHI_DB_PAGE_BYTES];
    amphi_page_seal seal, other;
    amphi_db_key changed = key;
    (void)state;
    amphi__page_seal_init(&seal, AMPHI_PAGE_FORMAT_3, &key);
    sealed_page_make(page, &seal, &key, 2);
    changed.key[31] ^= 1;
    amphi__page_seal_init(&other, AMPHI_PAGE_FORMAT_3, &changed);
    assert_false(amphi__page_seal_holds(&other, 2, page));
    changed = key;
    changed.salt[15] ^= 1;
    amphi__page_seal_init(&other, AMPHI_PAGE_FORMAT_3, &changed);
    assert_false(amphi__page_seal_holds(&other, 2, page));
}

/* What SQLCipher 3.4 did without memory: a seal over plain text, over zeros, over the ciphertext of
 * another page. */
static void page_seal__over_what_is_no_ciphertext_is_seen(void **state)
{
    uint8_t page[AMPHI_DB_PAGE_BYTES], other[AMPHI_DB_PAGE_BYTES];
    amphi_page_seal seal;
    (void)state;
    amphi__page_seal_init(&seal, AMPHI_PAGE_FORMAT_3, &key);
    for (uint32_t number = 1; number < 40; number++) {
        sealed_page_make(page, &seal, &key, number);
        assert_true(amphi__page_is_encrypted(&seal, key.key, number, page));
    }
    for (size_t i = 0; i < sizeof page; i++)
        page[i] = (uint8_t)("a text that a person wrote, "[i % 28]);
    assert_false(amphi__page_is_encrypted(&seal, key.key, 7, page));
    memset(page, 0, sizeof page);
    assert_false(amphi__page_is_encrypted(&seal, key.key, 7, page));
    sealed_page_make(page, &seal, &key, 7);
    sealed_page_make(other, &seal, &key, 8);
    memcpy(page + AMPHI_DB_PAGE_BYTES - 48, other + AMPHI_DB_PAGE_BYTES - 48, 16); /* its IV */
    page[AMPHI_DB_PAGE_BYTES - 48] ^= 0x80;
    page[AMPHI_DB_PAGE_BYTES - 47] ^= 0x80;
    assert_false(amphi__page_is_encrypted(&seal, key.key, 7, page));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_seal__holds_for_the_page_that_was_sealed),
        cmocka_unit_test(page_seal__breaks_with_any_bit),
        cmocka_unit_test(page_seal__of_page_1_leaves_the_salt_out),
        cmocka_unit_test(page_seal__needs_the_key_and_the_salt),
        cmocka_unit_test(page_seal__over_what_is_no_ciphertext_is_seen),
    };
    return cmocka_run_group_tests_name("unit.storage.page_seal", tests, NULL, NULL);
}
