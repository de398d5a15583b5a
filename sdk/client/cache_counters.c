/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/client/cache_counters.h"

#include "sdk/core/buf.h"
#include "sdk/core/clock.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#define SETTING "cache counters"
/* The end of a client waits for so long while others hold the store and add nothing; these are
 * figures for people. */
#define PATIENCE_US (1000u * 1000)
/* While others add theirs, for so long in all. */
#define PATIENCE_ALL_US (10u * 1000 * 1000)

static const struct {
    const char *name;
    size_t offset; /* in amphi_cache_stats */
} counters[] = {
    {"misses", offsetof(amphi_cache_stats, misses)},
    {"hits_exact", offsetof(amphi_cache_stats, hits_exact)},
    {"hits_folded", offsetof(amphi_cache_stats, hits_folded)},
    {"hits_near", offsetof(amphi_cache_stats, hits_near)},
    {"hits_stale", offsetof(amphi_cache_stats, hits_stale)},
    {"joined", offsetof(amphi_cache_stats, joined)},
    {"kept", offsetof(amphi_cache_stats, kept)},
    {"tokens_saved", offsetof(amphi_cache_stats, tokens_saved)},
    {"ms_saved", offsetof(amphi_cache_stats, ms_saved)},
};

#define COUNTERS_COUNT (sizeof counters / sizeof counters[0])

static uint64_t *counter(amphi_cache_stats *stats, size_t i)
{
    return (uint64_t *)((char *)stats + counters[i].offset);
}

static void copy_value(void *user, amphi_str value)
{
    amphi__buf_append_str(user, value);
}

static amphi_status read_text(amphi_store store, amphi_buf *text)
{
    amphi_status status =
        store.ops->setting_get(store.self, AMPHI_STR(SETTING), copy_value, text, NULL);
    return status == AMPHI_OK || status == AMPHI_E_NOT_FOUND ? text->status : status;
}

/* What is no object of numbers counts as none. AMPHI_OK or AMPHI_E_NO_MEMORY. */
static amphi_status add_text(amphi_str text, amphi_cache_stats *stats)
{
    amphi_json *root = NULL;
    if (text.size > 0 && amphi__json_parse(&root, text, SETTING, NULL) == AMPHI_E_NO_MEMORY)
        return AMPHI_E_NO_MEMORY;
    for (size_t i = 0; i < COUNTERS_COUNT; i++) {
        int64_t kept = amphi__json_int(amphi__json_get(root, counters[i].name), 0);
        *counter(stats, i) += kept > 0 ? (uint64_t)kept : 0;
    }
    amphi__json_free(root);
    return AMPHI_OK;
}

void amphi__cache_counters_read(amphi_store store, amphi_cache_stats *stats)
{
    amphi_buf text;
    amphi__buf_init(&text, 0);
    if (read_text(store, &text) == AMPHI_OK)
        (void)add_text(amphi__buf_str(&text), stats);
    amphi__buf_clear(&text);
}

static amphi_status write_text(amphi_store store, amphi_str before, amphi_str after)
{
    const amphi_store_ops *ops = store.ops;
    return ops->setting_swap != NULL
               ? ops->setting_swap(store.self, AMPHI_STR(SETTING), before, after, NULL)
               : ops->setting_put(store.self, AMPHI_STR(SETTING), after, NULL);
}

/* `before` gets what stood there. AMPHI_E_BUSY: to be read and tried again. */
static amphi_status add_once(amphi_store store, const amphi_cache_stats *own, amphi_buf *before)
{
    amphi_cache_stats sums = *own;
    amphi_json_writer writer;
    amphi_buf after;
    amphi__buf_reset(before);
    amphi__buf_init(&after, 0);
    amphi_status status = read_text(store, before);
    if (status == AMPHI_OK)
        status = add_text(amphi__buf_str(before), &sums);
    amphi__json_writer_init(&writer, &after);
    amphi__json_open(&writer, NULL, '{');
    for (size_t i = 0; i < COUNTERS_COUNT; i++)
        amphi__json_put_int(&writer, counters[i].name, (int64_t)*counter(&sums, i));
    amphi__json_close(&writer, '}');
    if (status == AMPHI_OK)
        status = after.status;
    if (status == AMPHI_OK)
        status = write_text(store, amphi__buf_str(before), amphi__buf_str(&after));
    amphi__buf_clear(&after);
    return status;
}

amphi_status amphi__cache_counters_add(amphi_store store, const amphi_cache_stats *own)
{
    amphi_buf before, seen;
    uint64_t began_us = amphi__clock_us(NULL);
    uint64_t moved_us = began_us; /* when others were last seen to add theirs */
    amphi_status status;
    amphi__buf_init(&before, 0);
    amphi__buf_init(&seen, 0);
    for (;;) {
        status = add_once(store, own, &before);
        uint64_t now_us = amphi__clock_us(NULL);
        if (!amphi__str_equal(amphi__buf_str(&before), amphi__buf_str(&seen))) {
            amphi__buf_reset(&seen);
            amphi__buf_append_str(&seen, amphi__buf_str(&before));
            moved_us = now_us;
        }
        if (status != AMPHI_E_BUSY || seen.status != AMPHI_OK || now_us - moved_us >= PATIENCE_US ||
            now_us - began_us >= PATIENCE_ALL_US)
            break;
    }
    amphi__buf_clear(&seen);
    amphi__buf_clear(&before);
    return status;
}
