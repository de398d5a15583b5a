/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/client/shared_removals.h"

#include "sdk/core/str.h"

#define SETTING   "shared cache removals"
#define KEY_BYTES ((size_t)AMPHI_CACHE_KEY_BYTES)

static void copy_value(void *user, amphi_str value)
{
    amphi__buf_append_str(user, value);
}

void amphi__shared_removals_read(amphi_store store, amphi_buf *keys)
{
    amphi_buf kept;
    amphi__buf_init(&kept, 0);
    if (store.ops->setting_get(store.self, AMPHI_STR(SETTING), copy_value, &kept, NULL) ==
            AMPHI_OK &&
        kept.status == AMPHI_OK && kept.size % KEY_BYTES == 0)
        amphi__buf_append_str(keys, amphi__buf_str(&kept));
    amphi__buf_clear(&kept);
}

static bool has(amphi_str keys, const char *key)
{
    for (size_t at = 0; at + KEY_BYTES <= keys.size; at += KEY_BYTES)
        if (memcmp(keys.data + at, key, KEY_BYTES) == 0)
            return true;
    return false;
}

void amphi__shared_removals_change(amphi_store store, amphi_str done, amphi_str added)
{
    const size_t most = AMPHI_SHARED_REMOVALS_MAX * KEY_BYTES;
    amphi_buf before, after;
    amphi__buf_init(&before, 0);
    amphi__buf_init(&after, 0);
    amphi__shared_removals_read(store, &before);
    if (added.size > most)
        added = amphi_str_make(added.data + (added.size - most), most);
    const amphi_str old = amphi__buf_str(&before);
    for (size_t at = 0; at < old.size; at += KEY_BYTES)
        if (!has(done, old.data + at))
            amphi__buf_append(&after, old.data + at, KEY_BYTES);
    for (size_t at = 0; at + KEY_BYTES <= added.size; at += KEY_BYTES)
        if (!has(old, added.data + at) || has(done, added.data + at))
            amphi__buf_append(&after, added.data + at, KEY_BYTES);
    amphi_str now = amphi__buf_str(&after);
    if (now.size > most)
        now = amphi_str_make(now.data + (now.size - most), most);
    if (after.status == AMPHI_OK && before.status == AMPHI_OK && !amphi__str_equal(now, old))
        (void)store.ops->setting_put(store.self, AMPHI_STR(SETTING), now, NULL);
    amphi__buf_clear(&after);
    amphi__buf_clear(&before);
}
