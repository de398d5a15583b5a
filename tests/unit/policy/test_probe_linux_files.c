/* SPDX-License-Identifier: Apache-2.0
 *
 * Small files, numbers, and long files line by line.
 */
#include "policy/probe_linux_files.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char root[64];

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/amphi-files-XXXXXX");
    return mkdtemp(root) != NULL ? 0 : -1;
}

static void put(const char *name, const char *text, size_t size)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s", root, name);
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
}

static int remove_root(void **state)
{
    (void)state;
    char full[128];
    snprintf(full, sizeof full, "%s/file", root);
    (void)remove(full);
    return rmdir(root);
}

static void read__a_file_is_whole_or_cut_at_the_buffer(void **state)
{
    (void)state;
    static char big[9000];
    char text[5000];
    memset(big, 'x', sizeof big);
    assert_int_equal(amphi__probe_read(root, "/file", text, sizeof text), 0);
    assert_int_equal(text[0], '\0');
    for (size_t size = 0; size < sizeof big; size += 899) {
        put("/file", big, size);
        size_t expected = size < sizeof text - 1 ? size : sizeof text - 1;
        assert_int_equal(amphi__probe_read(root, "/file", text, sizeof text), expected);
        assert_int_equal(text[expected], '\0');
    }
    assert_int_equal(amphi__probe_read("/", "", text, sizeof text), 0); /* a folder */
}

static void read__a_path_longer_than_any_is_no_file(void **state)
{
    (void)state;
    static char path[AMPHI_PROBE_PATH_MAX + 10];
    char text[8];
    memset(path, '/', sizeof path - 1);
    assert_int_equal(amphi__probe_read(root, path, text, sizeof text), 0);
    assert_null(amphi__probe_folder(root, path));
}

static void numbers__only_whole_ones_count(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_number;
        int64_t value;
    } table[] = {{"5\n", true, 5}, {" -7 \n", true, -7}, {"0", true, 0},
        {"9223372036854775807", true, INT64_MAX}, {"9223372036854775808", false, 0}, {"", false, 0},
        {"-", false, 0}, {"--1", false, 0}, {"max\n", false, 0}, {"5 6", false, 0},
        {"0x10", false, 0}, {"1.5", false, 0}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        int64_t value = 99;
        put("/file", table[i].text, strlen(table[i].text));
        assert_int_equal(amphi__probe_read_number(root, "/file", &value), table[i].is_number);
        assert_int_equal(value, table[i].is_number ? table[i].value : 99);
    }
}

static void number_after__names_are_whole_at_a_lines_start(void **state)
{
    (void)state;
    uint64_t value = 0;
    amphi_str text = AMPHI_STR("xMemTotal: 1 kB\nMemTotal:   1024 kB\nactive_file 7\nbad x\n");
    assert_true(amphi__probe_number_after(text, "MemTotal:", &value));
    assert_int_equal(value, 1024);
    assert_true(amphi__probe_number_after(text, "active_file ", &value));
    assert_int_equal(value, 7);
    assert_false(amphi__probe_number_after(text, "bad", &value));
    assert_false(amphi__probe_number_after(text, "none", &value));
}

static void split__runs_of_blanks_separate(void **state)
{
    (void)state;
    amphi_str f[3];
    assert_int_equal(amphi__probe_split(AMPHI_STR(" a\t\tb  c d"), f, 3), 3);
    assert_true(amphi__str_equal_c(f[2], "c"));
    assert_int_equal(amphi__probe_split(AMPHI_STR("  \t"), f, 3), 0);
}

/* Reads all lines: how many, and their bytes together. */
static size_t count_lines(size_t bytes_max, size_t *bytes, bool *is_cut)
{
    static amphi_probe_lines lines;
    size_t count = 0;
    amphi_str line;
    *bytes = 0;
    amphi__probe_lines_open(&lines, root, "/file", bytes_max);
    while (amphi__probe_lines_next(&lines, &line)) {
        count++;
        *bytes += line.size;
        for (size_t i = 0; i < line.size; i++)
            assert_int_not_equal(line.data[i], '\n');
    }
    *is_cut = lines.is_cut;
    amphi__probe_lines_close(&lines);
    return count;
}

static void lines__long_files_are_read_to_their_end(void **state)
{
    (void)state;
    static char text[100000];
    size_t bytes = 0;
    bool is_cut = true;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 100 == 99 ? '\n' : 'a';
    put("/file", text, sizeof text);
    assert_int_equal(count_lines(SIZE_MAX, &bytes, &is_cut), 1000);
    assert_int_equal(bytes, 99000);
    assert_false(is_cut);
    put("/file", text, sizeof text - 1); /* the last line lacks its end */
    assert_int_equal(count_lines(SIZE_MAX, &bytes, &is_cut), 1000);
    assert_false(is_cut);
    put("/file", "\n\nx", 3);
    assert_int_equal(count_lines(SIZE_MAX, &bytes, &is_cut), 3);
}

static void lines__what_is_cut_says_so(void **state)
{
    (void)state;
    static char text[20000];
    size_t bytes = 0;
    bool is_cut = false;
    memset(text, 'a', sizeof text);
    text[4] = '\n';
    put("/file", text, sizeof text); /* a line longer than any */
    assert_int_equal(count_lines(SIZE_MAX, &bytes, &is_cut), 1);
    assert_true(is_cut);
    put("/file", "one\ntwo\nthree\n", 14);
    assert_int_equal(count_lines(9, &bytes, &is_cut), 2); /* what is left of "three" is no line */
    assert_true(is_cut);
    assert_int_equal(count_lines(14, &bytes, &is_cut), 3); /* nothing says that this was all */
    assert_true(is_cut);
    assert_int_equal(count_lines(15, &bytes, &is_cut), 3);
    assert_false(is_cut);
}

static void lines__a_file_that_is_not_there_has_none(void **state)
{
    (void)state;
    size_t bytes = 0;
    bool is_cut = false;
    assert_int_equal(count_lines(SIZE_MAX, &bytes, &is_cut), 0);
    assert_true(is_cut);
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ROOT(read__a_file_is_whole_or_cut_at_the_buffer),
        WITH_ROOT(read__a_path_longer_than_any_is_no_file),
        WITH_ROOT(numbers__only_whole_ones_count),
        cmocka_unit_test(number_after__names_are_whole_at_a_lines_start),
        cmocka_unit_test(split__runs_of_blanks_separate),
        WITH_ROOT(lines__long_files_are_read_to_their_end),
        WITH_ROOT(lines__what_is_cut_says_so),
        WITH_ROOT(lines__a_file_that_is_not_there_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
