/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLCipher 3.4 has no cipher_integrity_check, so the walk over the pages is ours; it also sees
 * pages that no tree leads to. What the pages say about each other is SQLite's integrity_check.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "storage/sqlcipher_db.h"
#include "storage/sqlcipher_pages.h"
#include "storage/sqlcipher_repair.h"

#include <stdio.h>
#include <time.h>

#define TRIES 5

static const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};

/* A page that another process is just writing looks bad for a moment. */
static amphi_page_state look_at_page(
    amphi_db_pages *pages, uint32_t number, uint8_t *page, amphi_error *error)
{
    amphi_page_state state = AMPHI_PAGE_BAD;
    for (int i = 0; i < TRIES; i++) {
        if (i > 0) {
            nanosleep(&pause, NULL);
            if (amphi__db_pages_refresh(pages, error) != AMPHI_OK)
                return AMPHI_PAGE_IO;
        }
        if (number > amphi__db_pages_count(pages)) /* it was cut off meanwhile */
            return AMPHI_PAGE_GOOD;
        state = amphi__db_pages_read(pages, number, page);
        if (state == AMPHI_PAGE_GOOD)
            return state;
    }
    return state;
}

static void note_fault(amphi_history_check_report *out, amphi_str text)
{
    if (out->faults++ == 0 && out->fault[0] == '\0')
        snprintf(out->fault, sizeof out->fault, "%.*s", (int)text.size, text.data);
}

/* So does a log. */
static bool look_at_log(amphi_db_pages *pages, char *what, size_t capacity)
{
    bool is_damaged = amphi__db_pages_log_damage(pages, what, capacity);
    for (int i = 0; i < TRIES && is_damaged; i++) {
        nanosleep(&pause, NULL);
        is_damaged = amphi__db_pages_refresh(pages, NULL) == AMPHI_OK &&
                     amphi__db_pages_log_damage(pages, what, capacity);
    }
    return is_damaged;
}

static amphi_status check_pages(amphi_history_check_report *out, bool *log_is_damaged,
    const char *path, const amphi_db_key *key, amphi_error *error)
{
    uint8_t page[AMPHI_DB_PAGE_BYTES];
    char what[120];
    uint32_t log_count = 0, log_bad = 0;
    amphi_db_pages *pages = NULL;
    amphi_status status = amphi__db_pages_open(&pages, path, key, error);
    if (status != AMPHI_OK)
        return status;
    amphi__db_pages_log(pages, &log_count, &log_bad);
    out->log_pages = log_count;
    out->log_pages_bad = log_bad;
    *log_is_damaged = look_at_log(pages, what, sizeof what);
    if (*log_is_damaged)
        note_fault(out, amphi_str_from(what));
    for (uint32_t number = 1; number <= amphi__db_pages_count(pages); number++) {
        amphi_page_state state = look_at_page(pages, number, page, error);
        if (state == AMPHI_PAGE_IO) {
            status = amphi__fail(error, AMPHI_E_IO, 0, "store: page %u can't be read", number);
            break;
        }
        out->pages++;
        if (state != AMPHI_PAGE_GOOD && out->pages_bad++ == 0 && out->fault[0] == '\0')
            snprintf(
                out->fault, sizeof out->fault, "page %u is the first that can't be read", number);
    }
    amphi__wipe(page, sizeof page);
    amphi__db_pages_close(pages);
    return status;
}

/* SQLite puts the line "*** in database main ***" before the first. */
static amphi_str without_heading(amphi_str text)
{
    const char *end = memchr(text.data, '\n', text.size);
    if (text.size < 3 || memcmp(text.data, "***", 3) != 0)
        return text;
    return end != NULL ? amphi__str_slice(text, (size_t)(end + 1 - text.data), text.size)
                       : AMPHI_STR("");
}

static amphi_status check_content(
    amphi_history_check_report *out, const char *path, const amphi_db_key *key, amphi_error *error)
{
    amphi_db *db = NULL;
    amphi_query q;
    amphi_error why;
    amphi_status status = amphi__db_open(&db, path, key, &why);
    if (status == AMPHI_E_IO) /* nothing can be written here */
        status = amphi__db_open_read_only(&db, path, key, &why);
    if (status == AMPHI_OK) {
        amphi__query_begin(&q, db, "PRAGMA integrity_check");
        while (amphi__query_row(&q)) {
            amphi_str text = without_heading(amphi__query_str(&q, 0));
            if (!(text.size == 2 && memcmp(text.data, "ok", 2) == 0))
                note_fault(out, text);
        }
        status = amphi__query_end(&q, &why);
    }
    amphi__db_close(db);
    if (status == AMPHI_E_CORRUPT) {
        note_fault(out, AMPHI_STR("it can't be read to its end"));
        status = AMPHI_OK;
    }
    if (status != AMPHI_OK && error != NULL)
        *error = why;
    return status;
}

amphi_status amphi__db_check(amphi_history_check_report *out, const char *path,
    const amphi_db_key *key, bool is_quick, amphi_error *error)
{
    amphi_history_check_report_init(out);
    bool log_is_damaged = false;
    amphi_status status = check_pages(out, &log_is_damaged, path, key, error);
    /* SQLite would replay what it can of a damaged log, and the rest would be overwritten. */
    if (status == AMPHI_OK && !is_quick && !log_is_damaged)
        status = check_content(out, path, key, error);
    out->is_whole = out->pages_bad == 0 && out->log_pages_bad == 0 && out->faults == 0;
    return status;
}
