/* SPDX-License-Identifier: Apache-2.0
 *
 * A head's file says what was written, belongs to one model file, and is refused when one bit of it
 * is another.
 */
#include "local/judge/head.h"

#include "local/model/fingerprint.h"
#include "tests/support/scratch_dir.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

enum { VALUES = 5, COUNT = VALUES + AMPHI_EVIDENCE_NUMBERS };

static float weights[COUNT];

static amphi_head some_head(void)
{
    amphi_head head = {.depth = 6,
        .pool = AMPHI_POOL_MEAN,
        .tokens = 8,
        .values = VALUES,
        .rows = 300,
        .auc = 0.75f,
        .model = {1, 2, 3},
        .weights = weights,
        .bias = -0.5f};
    for (int i = 0; i < COUNT; i++)
        weights[i] = (float)i * 0.125f - 0.3f;
    return head;
}

static void write_head(const amphi_head *head, amphi_buf *out)
{
    amphi__buf_init(out, 0);
    assert_int_equal(amphi__head_write(head, out), AMPHI_OK);
}

static void head_file__reads_what_was_written(void **state)
{
    const amphi_head head = some_head();
    amphi_head read;
    amphi_error error;
    amphi_buf bytes;
    write_head(&head, &bytes);
    assert_int_equal(amphi__head_parse(&read, amphi__buf_str(&bytes), &error), AMPHI_OK);
    assert_int_equal(read.depth, 6);
    assert_int_equal(read.pool, AMPHI_POOL_MEAN);
    assert_int_equal(read.tokens, 8);
    assert_int_equal(read.values, VALUES);
    assert_int_equal(read.rows, 300);
    assert_true(read.auc == 0.75f && read.bias == -0.5f);
    assert_memory_equal(read.model, head.model, sizeof read.model);
    assert_memory_equal(read.weights, weights, sizeof weights);
    amphi__head_clear(&read);
    amphi__buf_clear(&bytes);
}

static void head_file__any_bit_flipped_and_any_cut_is_refused(void **state)
{
    const amphi_head head = some_head();
    amphi_head read;
    amphi_error error;
    amphi_buf bytes;
    write_head(&head, &bytes);
    for (size_t bit = 0; bit < bytes.size * 8; bit++) {
        bytes.data[bit / 8] = (char)(bytes.data[bit / 8] ^ (char)(1 << bit % 8));
        assert_int_equal(amphi__head_parse(&read, amphi__buf_str(&bytes), &error), AMPHI_E_FORMAT);
        assert_null(read.weights);
        bytes.data[bit / 8] = (char)(bytes.data[bit / 8] ^ (char)(1 << bit % 8));
    }
    for (size_t size = 0; size < bytes.size; size++)
        assert_int_equal(
            amphi__head_parse(&read, amphi_str_make(bytes.data, size), &error), AMPHI_E_FORMAT);
    amphi__buf_append_char(&bytes, 0);
    assert_int_equal(amphi__head_parse(&read, amphi__buf_str(&bytes), &error), AMPHI_E_FORMAT);
    amphi__buf_clear(&bytes);
}

/* With a right hash, so that only the field speaks against it. */
static void head_file__fields_out_of_range_are_refused(void **state)
{
    amphi_head bad[8];
    for (size_t i = 0; i < 8; i++)
        bad[i] = some_head();
    bad[0].depth = 0;
    bad[1].depth = 9;
    bad[2].pool = AMPHI_POOL_COUNT;
    bad[3].tokens = 0;
    bad[4].tokens = AMPHI_JUDGED_TOKENS_MAX + 1;
    bad[5].auc = 1.5f;
    bad[6].auc = NAN;
    bad[7].bias = INFINITY;
    for (size_t i = 0; i < 8; i++) {
        amphi_head read;
        amphi_error error;
        amphi_buf bytes;
        write_head(&bad[i], &bytes);
        assert_int_equal(amphi__head_parse(&read, amphi__buf_str(&bytes), &error), AMPHI_E_FORMAT);
        amphi__buf_clear(&bytes);
    }
}

static void head_file__belongs_to_one_model_and_travels_with_its_copy(void **state)
{
    const scratch_dir *dir = *state;
    amphi_head head = some_head();
    amphi_head read;
    amphi_error error;
    amphi_buf bytes;
    char model[300];
    char beside[310];
    snprintf(model, sizeof model, "%s/m.gguf", dir->path);
    snprintf(beside, sizeof beside, "%s.head", model);
    scratch_write(model, "GGUF and so on", 14, 0600);
    assert_int_equal(amphi__head_open(&read, model, &error), AMPHI_E_NOT_FOUND);
    assert_int_equal(amphi__content_hash(model, head.model), AMPHI_OK);
    write_head(&head, &bytes);
    scratch_write(beside, bytes.data, bytes.size, 0600);
    assert_int_equal(amphi__head_open(&read, model, &error), AMPHI_OK);
    amphi__head_clear(&read);
    const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, model, times, 0), 0); /* a copy of another day */
    assert_int_equal(amphi__head_open(&read, model, &error), AMPHI_OK);
    amphi__head_clear(&read);
    scratch_write(model, "GGUF and so oN", 14, 0600);
    assert_int_equal(amphi__head_open(&read, model, &error), AMPHI_E_FORMAT);
    assert_non_null(strstr(error.message, "another model"));
    assert_null(read.weights);
    amphi__buf_clear(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_file__reads_what_was_written),
        cmocka_unit_test(head_file__any_bit_flipped_and_any_cut_is_refused),
        cmocka_unit_test(head_file__fields_out_of_range_are_refused),
        cmocka_unit_test_setup_teardown(head_file__belongs_to_one_model_and_travels_with_its_copy,
            scratch_dir_set_up, scratch_dir_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
