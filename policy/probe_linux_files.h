/* SPDX-License-Identifier: Apache-2.0
 *
 * The small files of /proc and /sys below a root. What is missing and what can't be read are the
 * same here: nothing.
 */
#ifndef AMPHI_POLICY_PROBE_LINUX_FILES_H
#define AMPHI_POLICY_PROBE_LINUX_FILES_H

#include <amphi/types.h>

#include <dirent.h>

/* A path of the kernel's (PATH_MAX) behind a root. */
#define AMPHI_PROBE_PATH_MAX (4096 + 256)
#define AMPHI_PROBE_NAME_MAX 64 /* of a device in a sysfs class; longer ones are left out */

/* At most size - 1 bytes and a NUL; 0 when there is no such file. */
size_t amphi__probe_read(const char *root, const char *path, char *text, size_t size);
/* A whole file that is one decimal number. */
bool amphi__probe_read_number(const char *root, const char *path, int64_t *out);
/* The first line, trimmed, inside `text`. */
amphi_str amphi__probe_read_line(const char *root, const char *path, char *text, size_t size);
/* NULL when it can't be listed. */
DIR *amphi__probe_folder(const char *root, const char *path);

/* The number after `name` at the start of a line: "MemTotal:   1024 kB", "inactive_file 4096". */
bool amphi__probe_number_after(amphi_str text, const char *name, uint64_t *out);
/* A whole number in decimal, with an optional minus. */
bool amphi__probe_to_number(amphi_str text, int64_t *out);
/* Splits at runs of blanks; returns how many fields there are, at most fields_max. */
size_t amphi__probe_split(amphi_str line, amphi_str *fields, size_t fields_max);

/* A file that may be long, line by line. */
typedef struct amphi_probe_lines {
    int file;        /* -1: can't be read */
    size_t from, to; /* what is in `text` */
    size_t left;     /* bytes that may still be read */
    bool has_begun;  /* at least one byte came */
    bool is_cut;     /* a read failed, a line was too long, or there is more than may be read */
    char text[8192];
} amphi_probe_lines;

void amphi__probe_lines_open(
    amphi_probe_lines *lines, const char *root, const char *path, size_t bytes_max);
/* The next line, without its end, until the next call. False behind the last one: then is_cut says
 * whether that was all. */
bool amphi__probe_lines_next(amphi_probe_lines *lines, amphi_str *out);
void amphi__probe_lines_close(amphi_probe_lines *lines);

#endif
