/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/client/shared_removals.h"

#include "sdk/core/clock.h"
#include "sdk/core/str.h"

#define SETTING     "shared cache removals"
#define KEY_BYTES   ((size_t)AMPHI_CACHE_KEY_BYTES)
#define BYTES_MAX   (AMPHI_SHARED_REMOVALS_MAX * KEY_BYTES)
#define PATIENCE_US (5u * 1000 * 1000)

static void copy_value(void *user, amphi_str value)
{
    amphi__buf_append_str(user, value);
}

static amphi_status read_raw(amphi_store store, amphi_buf *value)
{
    amphi_status status =
        store.ops->setting_get(store.self, AMPHI_STR(SETTING), copy_value, value, NULL);
    return status == AMPHI_OK || status == AMPHI_E_NOT_FOUND ? value->status : status;
}

/* What is no list of keys is none. */
static amphi_str keys_of(amphi_str value)
{
    return value.size % KEY_BYTES == 0 ? value : amphi_str_make(NULL, 0);
}

void amphi__shared_removals_read(amphi_store store, amphi_buf *keys)
{
    amphi_buf value;
    amphi__buf_init(&value, 0);
    if (read_raw(store, &value) == AMPHI_OK)
        amphi__buf_append_str(keys, keys_of(amphi__buf_str(&value)));
    amphi__buf_clear(&value);
}

static bool has(amphi_str keys, const char *key)
{
    for (size_t at = 0; at + KEY_BYTES <= keys.size; at += KEY_BYTES)
        if (memcmp(keys.data + at, key, KEY_BYTES) == 0)
            return true;
    return false;
}

/* What stands in the setting now, changed. */
static void merge(amphi_buf *after, amphi_str old, amphi_str done, amphi_str added)
{
    for (size_t at = 0; at < old.size; at += KEY_BYTES)
        if (!has(done, old.data + at))
            amphi__buf_append(after, old.data + at, KEY_BYTES);
    for (size_t at = 0; at + KEY_BYTES <= added.size; at += KEY_BYTES)
        if (!has(old, added.data + at) || has(done, added.data + at))
            amphi__buf_append(after, added.data + at, KEY_BYTES);
}

static amphi_status write_setting(amphi_store store, amphi_str before, amphi_str after)
{
    const amphi_store_ops *ops = store.ops;
    return ops->setting_swap != NULL
               ? ops->setting_swap(store.self, AMPHI_STR(SETTING), before, after, NULL)
               : ops->setting_put(store.self, AMPHI_STR(SETTING), after, NULL);
}

static amphi_status change_once(amphi_store store, amphi_str done, amphi_str added)
{
    amphi_buf raw, after;
    amphi__buf_init(&raw, 0);
    amphi__buf_init(&after, 0);
    amphi_status status = read_raw(store, &raw);
    amphi_str before = amphi__buf_str(&raw);
    merge(&after, keys_of(before), done, added);
    amphi_str now = amphi__buf_str(&after);
    if (now.size > BYTES_MAX)
        now = amphi_str_make(now.data + (now.size - BYTES_MAX), BYTES_MAX);
    if (status == AMPHI_OK)
        status = after.status;
    if (status == AMPHI_OK && !amphi__str_equal(now, before))
        status = write_setting(store, before, now);
    amphi__buf_clear(&after);
    amphi__buf_clear(&raw);
    return status;
}

amphi_status amphi__shared_removals_change(amphi_store store, amphi_str done, amphi_str added)
{
    amphi_status status = AMPHI_E_BUSY;
    uint64_t until_us = amphi__clock_us(NULL) + PATIENCE_US;
    if (added.size > BYTES_MAX)
        added = amphi_str_make(added.data + (added.size - BYTES_MAX), BYTES_MAX);
    do /* each time it is busy, another process's change stands */
        status = change_once(store, done, added);
    while (status == AMPHI_E_BUSY && amphi__clock_us(NULL) < until_us);
    return status;
}
