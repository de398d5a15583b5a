/* SPDX-License-Identifier: Apache-2.0
 *
 * The mark that cancels a job.
 */
#include "sdk/core/cancel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void cancel__is_set_while_the_word_names_the_job(void **state)
{
    _Atomic uint32_t word = 0;
    const amphi_cancel cancel = {&word, 7};
    assert_false(amphi__cancel_is_set(&cancel));
    atomic_store(&word, 6);
    assert_false(amphi__cancel_is_set(&cancel));
    atomic_store(&word, 7);
    assert_true(amphi__cancel_is_set(&cancel));
    assert_false(amphi__cancel_is_set(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancel__is_set_while_the_word_names_the_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
