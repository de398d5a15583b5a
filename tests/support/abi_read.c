/* SPDX-License-Identifier: Apache-2.0
 *
 * Each struct is cut off at each possible size, on the heap, so that AddressSanitizer sees a read
 * behind it.
 */
#include "tests/support/abi_read.h"

#include "sdk/core/sized.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void is_refused_by_name(
    const abi_read_case *c, const void *argument, const char *what, const char *words)
{
    amphi_error error;
    if (c->call(argument, &error) != AMPHI_E_ARGUMENT || strstr(error.message, words) == NULL)
        fail_msg("%s, %s: status %d, \"%s\"", c->name, what, error.status, error.message);
}

void abi_read_older(const abi_read_case *reads, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const abi_read_case *c = &reads[i];
        void *whole = calloc(1, c->bytes);
        c->fill(whole);
        for (size_t bytes = sizeof(size_t); bytes <= c->bytes; bytes += sizeof(size_t)) {
            amphi_error error, expected;
            if (c->is_no_version != NULL && c->is_no_version(bytes))
                continue;
            void *older = abi_make_version(whole, c->bytes, bytes);
            void *zeroed = abi_make_version(older, bytes, c->bytes);
            amphi_status status = c->call(older, &error);
            if (status != c->call(zeroed, &expected) ||
                (status != AMPHI_OK && strcmp(error.message, expected.message) != 0))
                fail_msg("%s of %zu bytes: \"%s\", but \"%s\"", c->name, bytes, error.message,
                    expected.message);
            free(older);
            free(zeroed);
        }
        free(whole);
    }
}

void abi_read_newer(const abi_read_case *reads, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const abi_read_case *c = &reads[i];
        amphi_error error, expected;
        void *whole = calloc(1, c->bytes);
        c->fill(whole);
        unsigned char *newer = abi_make_version(whole, c->bytes, c->bytes + ABI_TAIL_BYTES);
        amphi_status status = c->call(whole, &expected);
        if (c->call(newer, &error) != status)
            fail_msg("%s with an empty tail: %s", c->name, error.message);
        newer[c->bytes + ABI_TAIL_BYTES - 1] = 1;
        is_refused_by_name(c, newer, "with a used tail", "struct_size");
        newer[c->bytes + ABI_TAIL_BYTES - 1] = 0;
        newer[c->bytes] = 0x80;
        is_refused_by_name(c, newer, "with a used tail", "struct_size");
        free(newer);
        free(whole);
    }
}

void abi_read_no_size(const abi_read_case *reads, size_t count)
{
    static const size_t none[] = {0, 1, 7, 12, AMPHI_SIZED_BYTES_MAX + 8, SIZE_MAX};
    for (size_t i = 0; i < count; i++) {
        void *whole = calloc(1, reads[i].bytes);
        reads[i].fill(whole);
        for (size_t k = 0; k < sizeof none / sizeof none[0]; k++) {
            abi_set_size(whole, none[k]);
            is_refused_by_name(&reads[i], whole, "with a wrong size", "_init");
        }
        free(whole);
    }
}
