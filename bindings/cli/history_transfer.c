/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi history export and import: JSON Lines to and from files.
 */
#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void print_transfer(const cli_history_call *c, const amphi_history_transfer *t, FILE *to)
{
    if (c->options->json) {
        cli_json json = {to, false};
        cli_json_open(&json, NULL, '{');
        cli_json_uint(&json, "conversations", t->conversations_count);
        cli_json_uint(&json, "messages", t->messages_count);
        cli_json_uint(&json, "skipped", t->skipped_count);
        cli_json_uint(&json, "left_out", t->left_out_count);
        cli_json_end(&json);
        return;
    }
    fprintf(to,
        "%" PRIu64 " conversations, %" PRIu64 " messages; %" PRIu64 " there already, %" PRIu64
        " left out as private\n",
        t->conversations_count, t->messages_count, t->skipped_count, t->left_out_count);
}

static void print_records(const cli_history_call *c, const amphi_history_transfer *t, FILE *to)
{
    if (c->options->json) {
        print_transfer(c, t, to);
        return;
    }
    fprintf(to, "%" PRIu64 " records; %" PRIu64 " answers have none\n", t->messages_count,
        t->skipped_count);
}

static bool write_line(void *user, amphi_str line)
{
    FILE *to = user;
    return fwrite(line.data, 1, line.size, to) == line.size && fputc('\n', to) != EOF;
}

/* What --out names. An earlier export of that name stays until the new one is whole: it is written
 * beside it, under the same rights, and takes the name at the end. Where there is something that is
 * no file (a pipe, a device, a link), or the folder takes no other file, that is written to. */
typedef struct export_file {
    FILE *to;
    const char *path; /* NULL: standard output */
    char *part;       /* NULL: written to directly */
} export_file;

enum { PART_NAMES = 100, PART_NAME_MORE = 16 };

/* A file that was not there, so no one else's: PATH.part, or PATH.part1, ... A history in plain
 * text is for its owner alone. -1: errno says why. */
static int create_part(char *part, size_t size, const char *path)
{
    int fd = -1;
    for (unsigned i = 0; i < PART_NAMES && fd < 0; i++) {
        if (i == 0)
            snprintf(part, size, "%s.part", path);
        else
            snprintf(part, size, "%s.part%u", path, i);
        fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    return fd;
}

/* Does the folder take no other file, where PATH itself may be one that can be written? */
static bool is_folder_closed(int error)
{
    return error == EACCES || error == EPERM || error == EROFS || error == ENAMETOOLONG;
}

static bool open_export(export_file *out, const char *path)
{
    struct stat info;
    *out = (export_file){.to = stdout, .path = path};
    if (path == NULL)
        return true;
    bool is_there = lstat(path, &info) == 0;
    int fd = -1;
    if (!is_there || S_ISREG(info.st_mode)) {
        size_t size = strlen(path) + PART_NAME_MORE;
        out->part = malloc(size);
        if (out->part == NULL)
            return false;
        fd = create_part(out->part, size, path);
        if (fd >= 0 && is_there)
            (void)fchmod(fd, info.st_mode & 0777);
    }
    if (fd < 0 && (out->part == NULL || is_folder_closed(errno))) {
        free(out->part);
        out->part = NULL;
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    }
    out->to = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (fd >= 0 && out->to == NULL) {
        close(fd);
        if (out->part != NULL)
            unlink(out->part);
    }
    return out->to != NULL;
}

/* False: it could not be written to its end. */
static bool close_export(export_file *out, bool is_whole)
{
    bool done = fflush(out->to) == 0;
    if (out->part != NULL)
        done = fsync(fileno(out->to)) == 0 && done;
    if (out->path != NULL)
        done = fclose(out->to) == 0 && done;
    if (out->part != NULL && done && is_whole)
        done = rename(out->part, out->path) == 0;
    if (out->part != NULL && !(done && is_whole))
        unlink(out->part);
    free(out->part);
    return done;
}

/* To standard output or --out's file; what was written is said on standard error, or, with a file,
 * on standard output. */
int cli_history_run_export(cli_history_call *c)
{
    amphi_history_transfer transfer;
    export_file file;
    const char *path = cli_own(c->options, "--out");
    bool records = cli_history_has(c, "--records");
    bool include_private = cli_history_has(c, "--include-private");
    if (records && include_private)
        return cli_usage("--include-private: not with --records, which have no text of any answer");
    if (!open_export(&file, path)) {
        free(file.part);
        return cli_usage("%s: can't be written", path);
    }
    amphi_history_transfer_init(&transfer);
    amphi_status status =
        records ? amphi_history_export_records(c->client, write_line, file.to, &transfer, &c->error)
                : amphi_history_export(
                      c->client, include_private, write_line, file.to, &transfer, &c->error);
    bool closed = close_export(&file, status == AMPHI_OK);
    if (status == AMPHI_OK && !closed)
        return cli_usage("%s: can't be written to its end", path != NULL ? path : "export");
    if (status == AMPHI_OK)
        (records ? print_records : print_transfer)(c, &transfer, path != NULL ? stdout : stderr);
    return cli_history_finish(c, status, NULL);
}

typedef struct line_reader {
    FILE *from;
    char *line;
    size_t capacity;
    bool has_no_memory;
} line_reader;

static bool make_room(line_reader *r)
{
    size_t capacity = r->capacity > 0 ? r->capacity * 2 : 4096;
    char *line = realloc(r->line, capacity);
    r->has_no_memory = line == NULL;
    if (line == NULL)
        return false;
    r->line = line;
    r->capacity = capacity;
    return true;
}

/* Of a line that does not end the library gets what it needs to refuse it. */
static bool next_line(void *user, amphi_str *line)
{
    line_reader *r = user;
    size_t size = 0;
    int c = 0;
    while (size <= AMPHI_HISTORY_LINE_BYTES_MAX && (c = getc(r->from)) != EOF && c != '\n') {
        if (size == r->capacity && !make_room(r))
            return false;
        r->line[size++] = (char)c;
    }
    *line = amphi_str_make(r->line, size);
    return !ferror(r->from) && (size > 0 || c == '\n');
}

static bool is_folder(FILE *file)
{
    struct stat about;
    return fstat(fileno(file), &about) == 0 && S_ISDIR(about.st_mode);
}

static int import_from(cli_history_call *c, line_reader *reader)
{
    amphi_history_transfer transfer;
    amphi_history_transfer_init(&transfer);
    if (is_folder(reader->from))
        return cli_usage("%s: a folder; import takes a file", c->file);
    amphi_status status = amphi_history_import(c->client, next_line, reader, &transfer, &c->error);
    if (reader->has_no_memory)
        return cli_usage("out of memory");
    if (ferror(reader->from))
        return cli_usage("%s: can't be read to its end", c->file);
    if (status == AMPHI_OK)
        print_transfer(c, &transfer, stdout);
    return cli_history_finish(c, status, NULL);
}

int cli_history_run_import(cli_history_call *c)
{
    bool standard = strcmp(c->file, "-") == 0;
    line_reader reader = {.from = standard ? stdin : fopen(c->file, "r")};
    if (reader.from == NULL)
        return cli_usage("%s: can't be read (no such file, or no permission)", c->file);
    int rc = import_from(c, &reader);
    if (!standard)
        fclose(reader.from);
    free(reader.line);
    return rc;
}
