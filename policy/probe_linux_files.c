/* SPDX-License-Identifier: Apache-2.0
 *
 * See probe_linux_files.h. Plain read(2): such a file is made by the kernel at each read, mostly in
 * one piece, and a stream's buffer would cost more than the read.
 */
#include "policy/probe_linux_files.h"
#include "sdk/core/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static bool full_path(char *full, size_t size, const char *root, const char *path)
{
    size_t root_size = strlen(root);
    size_t path_size = strlen(path);
    if (root_size + path_size >= size)
        return false;
    memcpy(full, root, root_size);
    memcpy(full + root_size, path, path_size + 1);
    return true;
}

static int open_file(const char *root, const char *path)
{
    char full[AMPHI_PROBE_PATH_MAX];
    if (!full_path(full, sizeof full, root, path))
        return -1;
    return open(full, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

/* Like read(2), again after a signal. */
static ssize_t read_some(int file, char *text, size_t size)
{
    ssize_t got;
    do
        got = read(file, text, size);
    while (got < 0 && errno == EINTR);
    return got;
}

/* The kernel hands out a file that fits into its page in one piece, so that less than asked for,
 * and less than half a page, is all there is: one call less for each of them. */
#define WHOLE_BYTES 2048

size_t amphi__probe_read(const char *root, const char *path, char *text, size_t size)
{
    size_t got = 0;
    ssize_t more = 0;
    int file = open_file(root, path);
    text[0] = '\0';
    if (file < 0)
        return 0;
    do {
        more = read_some(file, text + got, size - 1 - got);
        got += more > 0 ? (size_t)more : 0;
    } while (more > 0 && got < size - 1 && got >= WHOLE_BYTES);
    close(file);
    text[got] = '\0';
    return got;
}

bool amphi__probe_to_number(amphi_str text, int64_t *out)
{
    uint64_t value = 0;
    amphi_str trimmed = amphi__str_trim(text);
    bool negative = trimmed.size > 0 && trimmed.data[0] == '-';
    if (!amphi__str_to_u64(amphi__str_slice(trimmed, negative ? 1 : 0, trimmed.size), &value) ||
        value > INT64_MAX)
        return false;
    *out = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

bool amphi__probe_read_number(const char *root, const char *path, int64_t *out)
{
    char text[64];
    size_t got = amphi__probe_read(root, path, text, sizeof text);
    return amphi__probe_to_number(amphi_str_make(text, got), out);
}

amphi_str amphi__probe_read_line(const char *root, const char *path, char *text, size_t size)
{
    amphi_str rest;
    size_t got = amphi__probe_read(root, path, text, size);
    return amphi__str_trim(amphi__str_cut(amphi_str_make(text, got), '\n', &rest));
}

DIR *amphi__probe_folder(const char *root, const char *path)
{
    char full[AMPHI_PROBE_PATH_MAX];
    return full_path(full, sizeof full, root, path) ? opendir(full) : NULL;
}

bool amphi__probe_number_after(amphi_str text, const char *name, uint64_t *out)
{
    amphi_str key = amphi_str_from(name);
    while (text.size > 0) {
        amphi_str unit;
        amphi_str line = amphi__str_cut(text, '\n', &text);
        if (!amphi__str_starts_with(line, key))
            continue;
        amphi_str value = amphi__str_trim(amphi__str_slice(line, key.size, line.size));
        if (amphi__str_to_u64(amphi__str_cut(value, ' ', &unit), out))
            return true;
    }
    return false;
}

size_t amphi__probe_split(amphi_str line, amphi_str *fields, size_t fields_max)
{
    size_t count = 0;
    size_t i = 0;
    while (i < line.size && count < fields_max) {
        while (i < line.size && (line.data[i] == ' ' || line.data[i] == '\t'))
            i++;
        size_t from = i;
        while (i < line.size && line.data[i] != ' ' && line.data[i] != '\t')
            i++;
        if (i > from)
            fields[count++] = amphi__str_slice(line, from, i);
    }
    return count;
}

/* ---- lines ---- */

void amphi__probe_lines_open(
    amphi_probe_lines *lines, const char *root, const char *path, size_t bytes_max)
{
    lines->file = open_file(root, path);
    lines->from = lines->to = 0;
    lines->left = bytes_max;
    lines->has_begun = false;
    lines->is_cut = lines->file < 0;
}

void amphi__probe_lines_close(amphi_probe_lines *lines)
{
    if (lines->file >= 0)
        close(lines->file);
    lines->file = -1;
}

/* Moves what is left to the front and reads on. False at the end. */
static bool fill(amphi_probe_lines *lines)
{
    if (lines->file < 0)
        return false;
    memmove(lines->text, lines->text + lines->from, lines->to - lines->from);
    lines->to -= lines->from;
    lines->from = 0;
    size_t room = sizeof lines->text - lines->to;
    if (room == 0 || lines->left == 0) {
        lines->is_cut = true;
        return false;
    }
    ssize_t got =
        read_some(lines->file, lines->text + lines->to, room < lines->left ? room : lines->left);
    if (got <= 0) {
        lines->is_cut = lines->is_cut || got < 0;
        return false;
    }
    lines->has_begun = true;
    lines->to += (size_t)got;
    lines->left -= (size_t)got;
    return true;
}

bool amphi__probe_lines_next(amphi_probe_lines *lines, amphi_str *out)
{
    size_t seen = 0;
    for (;;) {
        const char *from = lines->text + lines->from;
        size_t size = lines->to - lines->from;
        const char *end = size > seen ? memchr(from + seen, '\n', size - seen) : NULL;
        if (end != NULL) {
            *out = amphi_str_make(from, (size_t)(end - from));
            lines->from += out->size + 1;
            return true;
        }
        seen = size;
        if (!fill(lines))
            break;
    }
    /* The last line may lack its end; one that was cut is none. */
    *out = amphi_str_make(lines->text + lines->from, lines->to - lines->from);
    lines->from = lines->to;
    return out->size > 0 && !lines->is_cut;
}
