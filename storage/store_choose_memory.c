/* SPDX-License-Identifier: Apache-2.0
 *
 * AMPHI_STORE=memory: the store of this build forgets everything when it is closed.
 */
#include "sdk/core/error.h"
#include "storage/stores.h"

#include <stdio.h>

amphi_status amphi__store_new(
    amphi_store *out, const amphi_storage_options *options, amphi_error *error)
{
    return amphi__store_memory_new(out, options, error);
}

static amphi_status nothing_kept(amphi_error *error)
{
    return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
        "store: this build keeps nothing on disk (AMPHI_STORE=memory)");
}

amphi_status amphi__store_check(amphi_history_check_report *out,
    const amphi_storage_options *options, bool is_quick, amphi_error *error)
{
    (void)options;
    (void)is_quick;
    amphi_history_check_report_init(out);
    return nothing_kept(error);
}

amphi_status amphi__store_repair(
    amphi_history_repair_report *out, const amphi_storage_options *options, amphi_error *error)
{
    (void)options;
    amphi_history_repair_report_init(out);
    return nothing_kept(error);
}

bool amphi__store_lost(const amphi_storage_options *options, char *out, size_t capacity)
{
    (void)options;
    (void)out;
    (void)capacity;
    return false;
}

amphi_status amphi__storage_measure(
    amphi_storage_figures *out, amphi_str dir, uint64_t large_bytes, amphi_error *error)
{
    (void)out;
    (void)dir;
    (void)large_bytes;
    return nothing_kept(error);
}

amphi_status amphi__store_rekey(const amphi_storage_options *options, amphi_error *error)
{
    (void)options;
    return nothing_kept(error);
}

amphi_status amphi__store_shred(const amphi_storage_options *options, amphi_error *error)
{
    (void)options;
    return nothing_kept(error);
}

amphi_status amphi__storage_version(char *out, size_t capacity, amphi_error *error)
{
    (void)error;
    snprintf(out, capacity, "memory (nothing is kept)");
    return AMPHI_OK;
}
