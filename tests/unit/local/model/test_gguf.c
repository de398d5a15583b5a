/* SPDX-License-Identifier: Apache-2.0
 *
 * The GGUF reader against well-formed files, each published class of parser bug, every truncation
 * and a thousand mutations.
 */
#include "local/model/checked.h"
#include "local/model/gguf.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/gguf_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const uint64_t one_row[1] = {8};
static const float eight[8] = {1, 2, 3, 4, 5, 6, 7, 8};

/* Opens what was built and forgets it; the data is copied to an exact heap block, so that the
 * sanitizer sees one byte too far. */
static amphi_status open_bytes(const void *data, size_t size, amphi_error *error)
{
    uint8_t *copy = malloc(size + 1);
    amphi_gguf *gguf = NULL;
    assert_non_null(copy);
    uint8_t *exact = realloc(copy, size > 0 ? size : 1);
    assert_non_null(exact);
    if (size > 0)
        memcpy(exact, data, size);
    amphi_status status = amphi__gguf_open_memory(&gguf, exact, size, error);
    assert_true((status == AMPHI_OK) == (gguf != NULL));
    for (size_t i = 0; gguf != NULL && i < amphi__gguf_tensors_count(gguf); i++) {
        const amphi_gguf_tensor *tensor = amphi__gguf_tensor_at(gguf, i);
        volatile uint8_t last = ((const uint8_t *)tensor->data)[tensor->size_bytes - 1];
        (void)last;
    }
    amphi__gguf_free(gguf);
    free(exact);
    return status;
}

static amphi_status open_built(gguf_builder *builder)
{
    amphi_buf file;
    amphi_error error = {0};
    gguf_builder_finish(builder, &file);
    amphi_status status = open_bytes(file.data, file.size, &error);
    if (status != AMPHI_OK)
        assert_true(error.message[0] != '\0' && error.status == status);
    amphi__buf_clear(&file);
    gguf_builder_clear(builder);
    return status;
}

static void gguf__values_are_found_by_key_and_kind(void **state)
{
    static const char *const words[] = {"a", "", "ccc"};
    gguf_builder builder;
    amphi_buf file;
    amphi_gguf *gguf = NULL;
    int64_t negative = -5;
    gguf_builder_init(&builder);
    gguf_builder_u32(&builder, "z.number", 7);
    gguf_builder_f32(&builder, "m.float", 0.5f);
    gguf_builder_str(&builder, "a.text", "hello");
    gguf_builder_raw(&builder, "n.negative", AMPHI_GGUF_I64, &negative, sizeof negative);
    gguf_builder_raw(&builder, "b.bool", AMPHI_GGUF_BOOL, "\1", 1);
    gguf_builder_strings(&builder, "w.words", words, 3);
    gguf_builder_tensor(&builder, "t", AMPHI_WEIGHT_F32, 1, one_row, eight, sizeof eight);
    gguf_builder_finish(&builder, &file);
    assert_int_equal(amphi__gguf_open_memory(&gguf, file.data, file.size, NULL), AMPHI_OK);

    uint64_t number = 0;
    double real = 0;
    bool flag = false;
    amphi_str text;
    amphi_gguf_array array;
    size_t cursor = 0;
    assert_true(amphi__gguf_u64(gguf, "z.number", &number) && number == 7);
    assert_false(amphi__gguf_u64(gguf, "n.negative", &number));
    assert_false(amphi__gguf_u64(gguf, "m.float", &number));
    assert_false(amphi__gguf_u64(gguf, "absent", &number));
    assert_true(amphi__gguf_f64(gguf, "m.float", &real) && real == 0.5);
    assert_false(amphi__gguf_f64(gguf, "z.number", &real));
    assert_true(amphi__gguf_bool(gguf, "b.bool", &flag) && flag);
    assert_true(amphi__gguf_str(gguf, "a.text", &text) && amphi__str_equal_c(text, "hello"));
    assert_true(amphi__gguf_array_get(gguf, "w.words", &array) && array.count == 3);
    for (int i = 0; i < 3; i++) {
        assert_true(amphi__gguf_array_next_str(&array, &cursor, &text));
        assert_true(amphi__str_equal_c(text, words[i]));
    }
    assert_false(amphi__gguf_array_next_str(&array, &cursor, &text));

    const amphi_gguf_tensor *tensor = amphi__gguf_tensor(gguf, AMPHI_STR("t"));
    assert_non_null(tensor);
    assert_int_equal(tensor->size_bytes, sizeof eight);
    assert_memory_equal(tensor->data, eight, sizeof eight);
    assert_null(amphi__gguf_tensor(gguf, AMPHI_STR("u")));
    assert_int_equal(amphi__gguf_file_size(gguf), file.size);
    assert_int_equal(amphi__gguf_data_offset(gguf) % 32, 0);
    amphi__gguf_free(gguf);
    amphi__buf_clear(&file);
    gguf_builder_clear(&builder);
}

static void gguf__numeric_arrays_are_converted_and_bounded(void **state)
{
    gguf_builder builder;
    amphi_buf file;
    amphi_gguf *gguf = NULL;
    amphi_gguf_array array;
    uint8_t bytes[4 + 8 + 2 * 2];
    memcpy(bytes, &(uint32_t){AMPHI_GGUF_I16}, 4);
    memcpy(bytes + 4, &(uint64_t){2}, 8);
    memcpy(bytes + 12, &(int16_t){-3}, 2);
    memcpy(bytes + 14, &(int16_t){300}, 2);
    gguf_builder_init(&builder);
    gguf_builder_raw(&builder, "a", AMPHI_GGUF_ARRAY, bytes, sizeof bytes);
    gguf_builder_finish(&builder, &file);
    assert_int_equal(amphi__gguf_open_memory(&gguf, file.data, file.size, NULL), AMPHI_OK);
    assert_true(amphi__gguf_array_get(gguf, "a", &array));
    assert_int_equal(amphi__gguf_array_i64(&array, 0), -3);
    assert_int_equal(amphi__gguf_array_i64(&array, 1), 300);
    assert_int_equal(amphi__gguf_array_i64(&array, 2), 0);
    assert_true(amphi__gguf_array_f64(&array, 0) == -3.0);
    size_t cursor = 0;
    amphi_str text;
    assert_false(amphi__gguf_array_next_str(&array, &cursor, &text));
    amphi__gguf_free(gguf);
    amphi__buf_clear(&file);
    gguf_builder_clear(&builder);
}

static void gguf__wrong_magic_and_versions_are_refused(void **state)
{
    amphi_error error;
    assert_int_equal(open_bytes("GGML\3\0\0\0", 8, &error), AMPHI_E_FORMAT);
    assert_int_equal(open_bytes("", 0, &error), AMPHI_E_FORMAT);
    const uint32_t versions[] = {0, 1, 4, 0x03000000};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        gguf_builder builder;
        gguf_builder_init(&builder);
        builder.version = versions[i];
        assert_int_equal(open_built(&builder), AMPHI_E_UNSUPPORTED);
    }
    gguf_builder builder;
    gguf_builder_init(&builder);
    builder.version = 2;
    assert_int_equal(open_built(&builder), AMPHI_OK);
}

static void gguf__counts_beyond_the_file_are_refused(void **state)
{
    const uint64_t counts[] = {1, 65536, 65537, UINT32_MAX, UINT64_MAX, UINT64_MAX / 8 + 1};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        gguf_builder builder;
        gguf_builder_init(&builder);
        builder.tensors_count = counts[i];
        assert_int_not_equal(open_built(&builder), AMPHI_OK);
        gguf_builder_init(&builder);
        builder.values_count = counts[i];
        assert_int_not_equal(open_built(&builder), AMPHI_OK);
        uint8_t array[12];
        memcpy(array, &(uint32_t){AMPHI_GGUF_U64}, 4);
        memcpy(array + 4, &counts[i], 8);
        gguf_builder_init(&builder);
        gguf_builder_raw(&builder, "a", AMPHI_GGUF_ARRAY, array, sizeof array);
        assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
        memcpy(array, &(uint32_t){AMPHI_GGUF_STRING}, 4);
        gguf_builder_init(&builder);
        gguf_builder_raw(&builder, "a", AMPHI_GGUF_ARRAY, array, sizeof array);
        assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
        gguf_builder_init(&builder);
        gguf_builder_raw(&builder, "s", AMPHI_GGUF_STRING, &counts[i], 8);
        assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
    }
}

static void gguf__nested_arrays_and_unknown_kinds_are_refused(void **state)
{
    gguf_builder builder;
    uint8_t array[12] = {AMPHI_GGUF_ARRAY, 0, 0, 0, 1};
    gguf_builder_init(&builder);
    gguf_builder_raw(&builder, "a", AMPHI_GGUF_ARRAY, array, sizeof array);
    assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
    gguf_builder_init(&builder);
    gguf_builder_raw(&builder, "a", 13, array, sizeof array);
    assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
    gguf_builder_init(&builder);
    gguf_builder_u32(&builder, "", 1);
    assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
}

static void gguf__duplicate_names_are_refused(void **state)
{
    gguf_builder builder;
    gguf_builder_init(&builder);
    gguf_builder_u32(&builder, "k", 1);
    gguf_builder_u32(&builder, "other", 1);
    gguf_builder_str(&builder, "k", "x");
    assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
    gguf_builder_init(&builder);
    gguf_builder_tensor(&builder, "t", AMPHI_WEIGHT_F32, 1, one_row, eight, sizeof eight);
    gguf_builder_tensor(&builder, "t", AMPHI_WEIGHT_F32, 1, one_row, eight, sizeof eight);
    assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
}

static void gguf__alignment_is_a_bounded_power_of_two(void **state)
{
    const uint32_t bad[] = {0, 1, 3, 24, 33, 1u << 31, UINT32_MAX};
    gguf_builder builder;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gguf_builder_init(&builder);
        gguf_builder_u32(&builder, "general.alignment", bad[i]);
        assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
    }
    gguf_builder_init(&builder);
    gguf_builder_str(&builder, "general.alignment", "32");
    assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
    gguf_builder_init(&builder);
    builder.alignment = 256;
    gguf_builder_u32(&builder, "general.alignment", 256);
    gguf_builder_tensor(&builder, "t", AMPHI_WEIGHT_F32, 1, one_row, eight, sizeof eight);
    gguf_builder_tensor(&builder, "u", AMPHI_WEIGHT_F32, 1, one_row, eight, sizeof eight);
    assert_int_equal(open_built(&builder), AMPHI_OK);
}

static void gguf__impossible_shapes_are_refused(void **state)
{
    static const uint64_t shapes[][4] = {
        {0, 1, 1, 1},
        {8, 0, 1, 1},
        {1ull << 32, 1ull << 32, 1, 1},
        {1ull << 31, 1ull << 31, 4, 1},
        {UINT64_MAX, 1, 1, 1},
        {8, UINT64_MAX, 1, 1},
        {1ull << 62, 1, 1, 1},
        {INT64_MAX, 1, 1, 1},
    };
    gguf_builder builder;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        gguf_builder_init(&builder);
        gguf_builder_tensor(&builder, "t", AMPHI_WEIGHT_F32, 4, shapes[i], eight, sizeof eight);
        assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
    }
    const uint64_t many[5] = {1, 1, 1, 1, 1};
    gguf_builder_init(&builder);
    gguf_builder_tensor(&builder, "t", AMPHI_WEIGHT_F32, 5, many, eight, sizeof eight);
    assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
    gguf_builder_init(&builder);
    gguf_builder_tensor(&builder, "t", AMPHI_WEIGHT_F32, 0, many, eight, sizeof eight);
    assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
    const uint64_t odd[1] = {33}; /* no multiple of a block */
    uint8_t block[64] = {0};
    gguf_builder_init(&builder);
    gguf_builder_tensor(&builder, "t", AMPHI_WEIGHT_Q8_0, 1, odd, block, sizeof block);
    assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
}

/* What lies behind a tensor: its own bytes, the padding to the next one, and the data section's
 * own beginning; each sum has wrapped in some published reader. */
static void gguf__sizes_offsets_and_padding_do_not_wrap(void **state)
{
    static const struct {
        uint64_t elements, offset;
        uint32_t alignment;
    } bad[] = {
        {1ull << 61, 1ull << 63, 32}, /* 2^63 bytes at 2^63: the end is 0 */
        {1ull << 61, UINT64_MAX - 31, 32},
        {(1ull << 61) - 8, 0, 32},
        {8, UINT64_MAX - 31, 32}, /* the offset and the header */
        {8, UINT64_MAX - (1u << 20) + 1, 1u << 20},
        {8, (uint64_t)INT64_MAX + 1, 1u << 20},
        {8, 1u << 20, 1u << 20},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gguf_builder builder;
        gguf_builder_init(&builder);
        gguf_builder_u32(&builder, "general.alignment", bad[i].alignment);
        gguf_builder_tensor_at(&builder, "t", AMPHI_WEIGHT_F32, 1, &bad[i].elements, bad[i].offset);
        assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
    }
    /* The padding in front of the data reaches beyond the file. */
    gguf_builder builder;
    gguf_builder_init(&builder);
    gguf_builder_u32(&builder, "general.alignment", 1u << 20);
    gguf_builder_tensor(&builder, "t", AMPHI_WEIGHT_F32, 1, one_row, eight, sizeof eight);
    assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
}

static void gguf__unknown_weight_types_are_unsupported_with_their_number(void **state)
{
    const uint32_t types[] = {4, 5, 9, 15, 24, 39, 40, UINT32_MAX};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        gguf_builder builder;
        amphi_buf file;
        amphi_error error = {0};
        char number[16];
        gguf_builder_init(&builder);
        gguf_builder_tensor(&builder, "t", types[i], 1, one_row, eight, sizeof eight);
        gguf_builder_finish(&builder, &file);
        assert_int_equal(open_bytes(file.data, file.size, &error), AMPHI_E_UNSUPPORTED);
        (void)snprintf(number, sizeof number, " %u,", types[i]);
        assert_non_null(strstr(error.message, number));
        amphi__buf_clear(&file);
        gguf_builder_clear(&builder);
    }
}

static void gguf__tensors_lie_inside_the_file_and_apart(void **state)
{
    const uint64_t offsets[] = {
        32, 64, 1ull << 40, UINT64_MAX - 31, UINT64_MAX / 2 + 1, INT64_MAX - 31};
    gguf_builder builder;
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        gguf_builder_init(&builder);
        gguf_builder_tensor(&builder, "t", AMPHI_WEIGHT_F32, 1, one_row, eight, sizeof eight);
        gguf_builder_tensor_at(&builder, "u", AMPHI_WEIGHT_F32, 1, one_row, offsets[i]);
        assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
    }
    gguf_builder_init(&builder);
    gguf_builder_tensor(&builder, "t", AMPHI_WEIGHT_F32, 1, one_row, eight, sizeof eight);
    gguf_builder_tensor_at(&builder, "u", AMPHI_WEIGHT_F32, 1, one_row, 0); /* overlaps */
    assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
    gguf_builder_init(&builder);
    gguf_builder_tensor(&builder, "t", AMPHI_WEIGHT_F32, 1, one_row, eight, sizeof eight);
    gguf_builder_tensor_at(&builder, "u", AMPHI_WEIGHT_F32, 1, one_row, 4); /* unaligned */
    assert_int_equal(open_built(&builder), AMPHI_E_FORMAT);
}

static void gguf__names_in_messages_are_cut_and_printable(void **state)
{
    gguf_builder builder;
    amphi_buf file;
    amphi_error error = {0};
    char name[200];
    memset(name, '\x1b', sizeof name);
    name[sizeof name - 1] = '\0';
    gguf_builder_init(&builder);
    gguf_builder_tensor(&builder, name, 99, 1, one_row, eight, sizeof eight);
    gguf_builder_finish(&builder, &file);
    assert_int_equal(open_bytes(file.data, file.size, &error), AMPHI_E_UNSUPPORTED);
    assert_null(strchr(error.message, '\x1b'));
    amphi__buf_clear(&file);
    gguf_builder_clear(&builder);
}

static void gguf__every_truncation_is_an_error(void **state)
{
    gguf_builder builder;
    amphi_buf file;
    gguf_builder_init(&builder);
    gguf_builder_llama(&builder, 16, 16, 8, 1);
    gguf_builder_finish(&builder, &file);
    assert_int_equal(open_bytes(file.data, file.size, NULL), AMPHI_OK);
    for (size_t size = 0; size < file.size; size++) {
        amphi_error error = {0};
        assert_int_not_equal(open_bytes(file.data, size, &error), AMPHI_OK);
        assert_true(error.message[0] != '\0');
    }
    amphi__buf_clear(&file);
    gguf_builder_clear(&builder);
}

static void gguf__a_thousand_mutated_headers_are_survived(void **state)
{
    gguf_builder builder;
    amphi_buf file;
    uint32_t random = 12345;
    unsigned refused = 0;
    gguf_builder_init(&builder);
    gguf_builder_tiny_llama(&builder, 1);
    gguf_builder_finish(&builder, &file);
    size_t header = file.size - builder.data.size;
    char *copy = malloc(file.size);
    assert_non_null(copy);
    for (int round = 0; round < 1000; round++) {
        memcpy(copy, file.data, file.size);
        for (int change = 0; change <= round % 4; change++) {
            random = random * 1664525u + 1013904223u;
            size_t at = (random >> 4) % header;
            random = random * 1664525u + 1013904223u;
            copy[at] = (round & 1) != 0 ? (char)(random >> 16) : (char)0xff;
        }
        refused += open_bytes(copy, file.size, NULL) != AMPHI_OK;
    }
    assert_true(refused > 300); /* the mutations do reach the checks */
    free(copy);
    amphi__buf_clear(&file);
    gguf_builder_clear(&builder);
}

static void gguf__paths_and_descriptors_that_are_no_model_are_refused(void **state)
{
    amphi_gguf *gguf = NULL;
    amphi_error error = {0};
    char path[] = "/tmp/amphi-test-gguf-XXXXXX";
    assert_int_equal(
        amphi__gguf_open(&gguf, AMPHI_STR("/no/such/file"), &error), AMPHI_E_NOT_FOUND);
    assert_int_equal(amphi__gguf_open(&gguf, AMPHI_STR(""), &error), AMPHI_E_ARGUMENT);
    assert_int_equal(amphi__gguf_open(&gguf, AMPHI_STR("/tmp"), &error), AMPHI_E_FORMAT);
    assert_int_equal(amphi__gguf_open(&gguf, AMPHI_STR("/dev/zero"), &error), AMPHI_E_FORMAT);
    assert_int_equal(amphi__gguf_open_fd(&gguf, -1, &error), AMPHI_E_IO);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(amphi__gguf_open_fd(&gguf, fd, &error), AMPHI_E_FORMAT);
    gguf_builder builder;
    amphi_buf file;
    gguf_builder_init(&builder);
    gguf_builder_tiny_llama(&builder, 1);
    gguf_builder_finish(&builder, &file);
    assert_int_equal(write(fd, file.data, file.size), (ssize_t)file.size);
    close(fd);
    assert_int_equal(amphi__gguf_open(&gguf, amphi_str_from(path), &error), AMPHI_OK);
    assert_int_equal(amphi__gguf_tensors_count(gguf), 11);
    amphi__gguf_free(gguf);
    unlink(path);
    amphi__buf_clear(&file);
    gguf_builder_clear(&builder);
}

static void gguf__a_real_vocabulary_without_tensors_opens(void **state)
{
    amphi_gguf *gguf = NULL;
    amphi_gguf_array tokens;
    amphi_str path = AMPHI_STR("../shared/vectors/vocab/ggml-vocab-qwen2.gguf");
    if (access(path.data, R_OK) != 0) {
        printf("skipped: ../shared/vectors is not there\n");
        skip();
    }
    assert_int_equal(amphi__gguf_open(&gguf, path, NULL), AMPHI_OK);
    assert_int_equal(amphi__gguf_tensors_count(gguf), 0);
    assert_true(amphi__gguf_array_get(gguf, "tokenizer.ggml.tokens", &tokens));
    assert_true(tokens.count > 150000);
    amphi__gguf_free(gguf);
}

static void gguf__every_failed_allocation_is_reported_and_nothing_leaks(void **state)
{
    gguf_builder builder;
    amphi_buf file;
    amphi_status status = AMPHI_E_NO_MEMORY;
    failing_alloc_install();
    gguf_builder_init(&builder);
    gguf_builder_tiny_llama(&builder, 1);
    gguf_builder_finish(&builder, &file);
    long live = failing_alloc_live();
    for (size_t n = 1; status != AMPHI_OK; n++) {
        amphi_gguf *gguf = NULL;
        failing_alloc_at(n);
        status = amphi__gguf_open_memory(&gguf, file.data, file.size, NULL);
        failing_alloc_at(0);
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        amphi__gguf_free(gguf);
        assert_int_equal(failing_alloc_live(), live);
        assert_true(n < 100);
    }
    amphi__buf_clear(&file);
    gguf_builder_clear(&builder);
    failing_alloc_remove();
}

static void checked__nothing_wraps(void **state)
{
    uint64_t out = 7;
    assert_false(amphi__checked_add(UINT64_MAX, 1, &out));
    assert_false(amphi__checked_mul(1ull << 32, 1ull << 32, &out));
    assert_false(amphi__checked_align(UINT64_MAX - 3, 32, &out));
    assert_int_equal(out, 7);
    assert_true(amphi__checked_add(UINT64_MAX - 1, 1, &out) && out == UINT64_MAX);
    assert_true(amphi__checked_mul(UINT64_MAX, 1, &out) && out == UINT64_MAX);
    assert_true(amphi__checked_mul(UINT64_MAX, 0, &out) && out == 0);
    assert_true(amphi__checked_align(33, 32, &out) && out == 64);
    assert_true(amphi__checked_range(5, 5, 10));
    assert_false(amphi__checked_range(6, 5, 10));
    assert_false(amphi__checked_range(11, 0, 10));
    assert_false(amphi__checked_range(5, UINT64_MAX, 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gguf__values_are_found_by_key_and_kind),
        cmocka_unit_test(gguf__numeric_arrays_are_converted_and_bounded),
        cmocka_unit_test(gguf__wrong_magic_and_versions_are_refused),
        cmocka_unit_test(gguf__counts_beyond_the_file_are_refused),
        cmocka_unit_test(gguf__nested_arrays_and_unknown_kinds_are_refused),
        cmocka_unit_test(gguf__duplicate_names_are_refused),
        cmocka_unit_test(gguf__alignment_is_a_bounded_power_of_two),
        cmocka_unit_test(gguf__impossible_shapes_are_refused),
        cmocka_unit_test(gguf__sizes_offsets_and_padding_do_not_wrap),
        cmocka_unit_test(gguf__unknown_weight_types_are_unsupported_with_their_number),
        cmocka_unit_test(gguf__tensors_lie_inside_the_file_and_apart),
        cmocka_unit_test(gguf__names_in_messages_are_cut_and_printable),
        cmocka_unit_test(gguf__every_truncation_is_an_error),
        cmocka_unit_test(gguf__a_thousand_mutated_headers_are_survived),
        cmocka_unit_test(gguf__paths_and_descriptors_that_are_no_model_are_refused),
        cmocka_unit_test(gguf__a_real_vocabulary_without_tensors_opens),
        cmocka_unit_test(gguf__every_failed_allocation_is_reported_and_nothing_leaks),
        cmocka_unit_test(checked__nothing_wraps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
