/* SPDX-License-Identifier: Apache-2.0
 *
 * Starts in a list, oldest first as they were added; shown in the order of their last change.
 */
#include "storage/store_memory_ledger.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "storage/store_checks.h"

enum { START_ID, START_IN_PROCESS, START_STARTED, START_CHANGED, START_PHASE, START_OUTCOME };
enum { START_FINGERPRINT, START_BUILD, START_KERNELS, START_HOST, START_STRINGS };

amphi_status amphi__memory_ledger_add(
    amphi_list *ledger, const amphi_store_start *start, int64_t id, amphi_error *error)
{
    const amphi_str strings[] = {start->fingerprint, start->build, start->kernels, start->host};
    amphi_entry *made = amphi__entry_new(strings, START_STRINGS);
    if (made == NULL)
        return amphi__fail_no_memory(error);
    made->numbers[START_ID] = id;
    made->numbers[START_IN_PROCESS] = start->in_process;
    made->numbers[START_STARTED] = start->started_ms;
    made->numbers[START_CHANGED] = start->changed_ms;
    made->numbers[START_PHASE] = start->phase;
    made->numbers[START_OUTCOME] = start->outcome;
    amphi__list_append(ledger, made);
    while (ledger->count > AMPHI_LEDGER_ROWS_MAX)
        amphi__entry_free(amphi__list_unlink(ledger, &ledger->first));
    return AMPHI_OK;
}

amphi_status amphi__memory_ledger_set(amphi_list *ledger, int64_t id, amphi_start_phase phase,
    amphi_start_outcome outcome, int64_t now_ms, amphi_error *error)
{
    for (amphi_entry *at = ledger->first; at != NULL; at = at->next) {
        if (at->numbers[START_ID] != id)
            continue;
        at->numbers[START_PHASE] = phase;
        at->numbers[START_OUTCOME] = outcome;
        at->numbers[START_CHANGED] = now_ms;
        return AMPHI_OK;
    }
    return amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "ledger: no such start");
}

static bool is_newer(const amphi_entry *a, const amphi_entry *b)
{
    if (a->numbers[START_CHANGED] != b->numbers[START_CHANGED])
        return a->numbers[START_CHANGED] > b->numbers[START_CHANGED];
    return a->numbers[START_ID] > b->numbers[START_ID];
}

/* In the order of amphi__visit_starts. */
static void copy(amphi_rows *rows, const amphi_entry *entry)
{
    amphi__rows_put_int(rows, entry->numbers[START_ID]);
    for (int i = START_FINGERPRINT; i < START_STRINGS; i++)
        amphi__rows_put_str(rows, entry->strings[i]);
    for (int i = START_IN_PROCESS; i <= START_OUTCOME; i++)
        amphi__rows_put_int(rows, entry->numbers[i]);
    rows->count++;
}

void amphi__memory_ledger_copy(
    const amphi_list *ledger, amphi_str fingerprint, int64_t since_ms, amphi_rows *out)
{
    const amphi_entry *found[AMPHI_LEDGER_ROWS_MAX + 1];
    size_t count = 0;
    for (const amphi_entry *at = ledger->first; at != NULL; at = at->next) {
        if (!amphi__str_equal(at->strings[START_FINGERPRINT], fingerprint) ||
            at->numbers[START_CHANGED] < since_ms)
            continue;
        size_t place = count++;
        for (; place > 0 && is_newer(at, found[place - 1]); place--)
            found[place] = found[place - 1];
        found[place] = at;
    }
    for (size_t i = 0; i < count && i < AMPHI_LEDGER_LIST_MAX; i++)
        copy(out, found[i]);
}
