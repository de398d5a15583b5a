/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything that reaches a store passes here first, so that the stores themselves need not ask
 * again. No message repeats a value: values are users' words.
 */
#include "storage/store_checks.h"

#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <stdio.h>

#define CACHE_ENTRIES_DEFAULT  10000u
#define CACHE_BYTES_DEFAULT    (64ull << 20)
#define OUTBOX_ENTRIES_DEFAULT 1000u
#define OUTBOX_BYTES_DEFAULT   (64ull << 20)
#define OUTBOX_AGE_DEFAULT_MS  (7ull * 24 * 3600 * 1000)
#define OUTBOX_AGE_LIMIT_MS    (3650ull * 24 * 3600 * 1000) /* keeps sums far from overflow */

amphi_store_limits amphi__store_limits(const amphi_storage_options *options)
{
    uint64_t age =
        options->outbox_age_max_ms != 0 ? options->outbox_age_max_ms : OUTBOX_AGE_DEFAULT_MS;
    return (amphi_store_limits){
        .cache_entries =
            options->cache_entries_max != 0 ? options->cache_entries_max : CACHE_ENTRIES_DEFAULT,
        .cache_bytes =
            options->cache_bytes_max != 0 ? options->cache_bytes_max : CACHE_BYTES_DEFAULT,
        .outbox_entries =
            options->outbox_entries_max != 0 ? options->outbox_entries_max : OUTBOX_ENTRIES_DEFAULT,
        .outbox_bytes =
            options->outbox_bytes_max != 0 ? options->outbox_bytes_max : OUTBOX_BYTES_DEFAULT,
        .outbox_age_ms = (int64_t)(age < OUTBOX_AGE_LIMIT_MS ? age : OUTBOX_AGE_LIMIT_MS),
    };
}

amphi_status amphi__check_id(amphi_str id, const char *field, amphi_error *error)
{
    if (id.size == 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s: empty", field);
    if (id.size > AMPHI_STORE_ID_BYTES_MAX)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s: longer than %d bytes", field,
            AMPHI_STORE_ID_BYTES_MAX);
    return AMPHI_OK;
}

static amphi_status check_text(amphi_str text, const char *field, amphi_error *error)
{
    if (text.size > 0 && text.data == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s: NULL with a size", field);
    if (text.size > AMPHI_STORE_TEXT_BYTES_MAX)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "%s: larger than %u MiB", field,
            AMPHI_STORE_TEXT_BYTES_MAX >> 20);
    return AMPHI_OK;
}

static amphi_status check_message(const amphi_store_message *message, amphi_error *error)
{
    const struct {
        amphi_str text;
        const char *field;
    } fields[] = {
        {message->content, "messages[].content"},
        {message->extra_json, "messages[].extra_json"},
        {message->decision_json, "messages[].decision_json"},
        {message->route, "messages[].route"},
        {message->model, "messages[].model"},
    };
    amphi_status status = amphi__check_id(message->role, "messages[].role", error);
    for (size_t i = 0; status == AMPHI_OK && i < sizeof fields / sizeof fields[0]; i++)
        status = check_text(fields[i].text, fields[i].field, error);
    return status;
}

amphi_status amphi__read_turn(
    amphi_store_turn *own, const amphi_store_turn *given, amphi_error *error)
{
    const amphi_store_turn *turn = own;
    amphi_status status = AMPHI__SIZED_READ(amphi_store_turn, own, given, "turn", error);
    if (status != AMPHI_OK)
        return status;
    if (turn->messages_count > 0 && turn->messages == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "messages: NULL with a count");
    if (turn->messages_count > AMPHI_STORE_MESSAGES_MAX)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "messages: more than %d in one turn",
            AMPHI_STORE_MESSAGES_MAX);
    if ((unsigned)turn->privacy > AMPHI_PRIVACY_PRIVATE)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "privacy: unknown");
    status = amphi__check_id(turn->conversation_id, "conversation_id", error);
    if (status == AMPHI_OK && turn->outbox_id.size > 0)
        status = amphi__check_id(turn->outbox_id, "outbox_id", error);
    if (status == AMPHI_OK && turn->outbox_lease.size > 0)
        status = amphi__check_id(turn->outbox_lease, "outbox_lease", error);
    if (status == AMPHI_OK && turn->draft_key.size > 0)
        status = amphi__check_id(turn->draft_key, "draft_key", error);
    for (size_t i = 0; status == AMPHI_OK && i < turn->messages_count; i++)
        status = check_message(&turn->messages[i], error);
    return status;
}

amphi_status amphi__read_row_query(
    amphi_store_row_query *own, const amphi_store_row_query *given, amphi_error *error)
{
    amphi_status status = AMPHI__SIZED_READ(amphi_store_row_query, own, given, "query", error);
    if (status == AMPHI_OK)
        status = amphi__check_id(own->conversation_id, "conversation_id", error);
    if (status != AMPHI_OK)
        return status;
    if (own->from_id < 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "from_id: negative");
    if (own->from_id == 0 && own->newest_first)
        own->from_id = INT64_MAX;
    return AMPHI_OK;
}

amphi_status amphi__read_cached(amphi_store_turn *turn, amphi_store_cache_entry *entry,
    const amphi_store_limits *limits, amphi_error *error)
{
    if (turn->cached == NULL)
        return AMPHI_OK;
    amphi_status status =
        AMPHI__SIZED_READ(amphi_store_cache_entry, entry, turn->cached, "turn.cached", error);
    if (status != AMPHI_OK)
        return status;
    if (entry->key == NULL || turn->messages_count == 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "turn.cached: no key, or no message");
    turn->cached = entry;
    return amphi__check_cache_value(limits, entry->value, error);
}

/* ---- Conversations ---- */

static bool take_number(amphi_str *rest, int64_t *out)
{
    uint64_t value = 0;
    bool is_negative = rest->size > 0 && rest->data[0] == '-';
    if (is_negative)
        *rest = amphi__str_slice(*rest, 1, rest->size);
    bool ok = amphi__str_to_u64(amphi__str_cut(*rest, ',', rest), &value) && value <= INT64_MAX;
    *out = is_negative ? -(int64_t)value : (int64_t)value;
    return ok;
}

amphi_status amphi__read_history_query(amphi_history_query *own, const amphi_history_query *given,
    amphi_conversation_place *at, amphi_error *error)
{
    amphi_status status = AMPHI__SIZED_READ(amphi_history_query, own, given, "query", error);
    if (status != AMPHI_OK)
        return status;
    int64_t end = own->backwards ? INT64_MIN : INT64_MAX;
    *at = (amphi_conversation_place){end, end, end};
    if (own->conversation_id.size > 0)
        return amphi__check_id(own->conversation_id, "query.conversation_id", error);
    amphi_str rest = own->cursor;
    if (rest.size > 0 &&
        (rest.size > AMPHI_CURSOR_BYTES_MAX || !take_number(&rest, &at->is_pinned) ||
            !take_number(&rest, &at->updated_ms) || !take_number(&rest, &at->seq) || rest.size > 0))
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "query.cursor: not one that an item of the list had");
    return AMPHI_OK;
}

amphi_status amphi__read_change(
    amphi_store_change *own, const amphi_store_change *given, amphi_error *error)
{
    amphi_status status = AMPHI__SIZED_READ(amphi_store_change, own, given, "change", error);
    if (status == AMPHI_OK)
        status = amphi__check_id(own->conversation_id, "conversation_id", error);
    if (status == AMPHI_OK && own->title.size > AMPHI_TITLE_BYTES_MAX)
        status = amphi__fail(
            error, AMPHI_E_LIMIT, 0, "title: longer than %d bytes", AMPHI_TITLE_BYTES_MAX);
    return status;
}

amphi_status amphi__read_erasure(
    amphi_store_erasure *own, const amphi_store_erasure *given, amphi_error *error)
{
    amphi_status status = AMPHI__SIZED_READ(amphi_store_erasure, own, given, "what", error);
    if (status != AMPHI_OK)
        return status;
    bool is_retention = own->before_ms != 0 || own->bytes_max != 0;
    bool has_id = own->conversation_id.size > 0;
    if (own->everything + has_id + is_retention > 1 || (own->message_id != 0 && !has_id) ||
        (is_retention && own->messages_max == 0))
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "what: one of everything, conversation_id (with or without message_id), and before_ms "
            "or bytes_max with messages_max");
    return has_id ? amphi__check_id(own->conversation_id, "conversation_id", error) : AMPHI_OK;
}

amphi_status amphi__read_import(
    amphi_store_import *own, const amphi_store_import *given, amphi_error *error)
{
    amphi_status status = AMPHI__SIZED_READ(amphi_store_import, own, given, "what", error);
    if (status == AMPHI_OK)
        status = amphi__check_id(own->conversation_id, "conversation_id", error);
    if (status == AMPHI_OK && own->title.size > AMPHI_TITLE_BYTES_MAX)
        status = amphi__fail(
            error, AMPHI_E_LIMIT, 0, "title: longer than %d bytes", AMPHI_TITLE_BYTES_MAX);
    if (status == AMPHI_OK && (own->rows == NULL || own->rows_count == 0))
        status = amphi__fail(error, AMPHI_E_ARGUMENT, 0, "rows: none");
    for (size_t i = 0; status == AMPHI_OK && i < own->rows_count; i++) {
        status = check_message(&own->rows[i].message, error);
        if (status == AMPHI_OK && (own->rows[i].id <= 0 || own->rows[i].id > AMPHI_ROW_ID_MAX))
            status = amphi__fail(error, AMPHI_E_ARGUMENT, 0, "rows[].id: not an id");
    }
    return status;
}

amphi_status amphi__put_receipt(amphi_history_receipt *out, const amphi_history_receipt *erased,
    int64_t now_ms, amphi_error *error)
{
    amphi_history_receipt sum;
    amphi_status status = AMPHI__SIZED_READ_KNOWN(&sum, out, "receipt", error);
    if (status != AMPHI_OK)
        return status;
    sum.conversations_count += erased->conversations_count;
    sum.messages_count += erased->messages_count;
    sum.cached_count += erased->cached_count;
    sum.outbox_count += erased->outbox_count;
    sum.text_bytes += erased->text_bytes;
    sum.erased_ms = now_ms;
    sum.log_is_wiped = erased->log_is_wiped;
    sum.damaged_count = erased->damaged_count;
    memcpy(sum.damaged_path, erased->damaged_path, sizeof sum.damaged_path);
    AMPHI__SIZED_WRITE(out, &sum);
    return AMPHI_OK;
}

static amphi_status check_reason(amphi_str reason, amphi_error *error)
{
    if (reason.size >= AMPHI_OUTBOX_REASON_MAX)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "reason: longer than %d bytes",
            AMPHI_OUTBOX_REASON_MAX - 1);
    return check_text(reason, "reason", error);
}

amphi_status amphi__read_outbox_item(
    amphi_store_outbox_item *own, const amphi_store_outbox_item *given, amphi_error *error)
{
    const amphi_store_outbox_item *item = own;
    amphi_status status = AMPHI__SIZED_READ(amphi_store_outbox_item, own, given, "item", error);
    if (status == AMPHI_OK)
        status = amphi__check_id(item->id, "id", error);
    if (status == AMPHI_OK && item->conversation_id.size > 0)
        status = amphi__check_id(item->conversation_id, "conversation_id", error);
    if (status == AMPHI_OK)
        status = check_text(item->request_json, "request_json", error);
    return status == AMPHI_OK ? check_reason(item->reason, error) : status;
}

amphi_status amphi__read_outbox_change(
    amphi_store_outbox_change *own, const amphi_store_outbox_change *given, amphi_error *error)
{
    const amphi_store_outbox_change *change = own;
    amphi_status status = AMPHI__SIZED_READ(amphi_store_outbox_change, own, given, "change", error);
    if (status == AMPHI_OK)
        status = amphi__check_id(change->id, "id", error);
    if (status != AMPHI_OK)
        return status;
    if ((unsigned)change->kind > AMPHI_OUTBOX_CHANGE_REPORTED)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "kind: unknown");
    if ((unsigned)change->state > AMPHI_OUTBOX_EXPIRED)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "state: unknown");
    status = check_reason(change->reason, error);
    if (status != AMPHI_OK)
        return status;
    if (change->pause_ms > OUTBOX_AGE_LIMIT_MS)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "pause_ms: too large");
    return change->kind <= AMPHI_OUTBOX_CHANGE_EXPIRED
               ? amphi__check_id(change->lease, "lease", error)
               : AMPHI_OK;
}

amphi_status amphi__check_outbox_room(const amphi_store_limits *limits,
    const amphi_store_outbox_item *item, const amphi_outbox_room *room, amphi_error *error)
{
    char collect[80] = "";
    if (room->has_same_id)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "id: already in the outbox");
    if (room->expired > 0)
        snprintf(collect, sizeof collect, "; %llu of them have expired and wait to be collected",
            (unsigned long long)room->expired);
    if (room->entries >= limits->outbox_entries)
        return amphi__fail(error, AMPHI_E_FULL, 0, "outbox: full (%llu messages%s)",
            (unsigned long long)room->entries, collect);
    if (item->request_json.size > limits->outbox_bytes ||
        room->bytes > limits->outbox_bytes - item->request_json.size)
        return amphi__fail(error, AMPHI_E_FULL, 0,
            "outbox: full (%llu bytes in %llu messages, %llu are the most%s)",
            (unsigned long long)room->bytes, (unsigned long long)room->entries,
            (unsigned long long)limits->outbox_bytes, collect);
    return AMPHI_OK;
}

int64_t amphi__outbox_hold_ms(const amphi_store_outbox_item *item)
{
    int64_t hold_ms = 0;
    if (item->not_before_ms <= 0 ||
        __builtin_sub_overflow(item->not_before_ms, item->created_ms, &hold_ms) || hold_ms < 0)
        return 0;
    return hold_ms < (int64_t)OUTBOX_AGE_LIMIT_MS ? hold_ms : (int64_t)OUTBOX_AGE_LIMIT_MS;
}

void amphi__outbox_too_old(
    char out[AMPHI_OUTBOX_REASON_MAX], const amphi_store_limits *limits, amphi_str reason)
{
    amphi_error line;
    long long seconds = (long long)(limits->outbox_age_ms / 1000);
    bool in_days = seconds >= 2 * 86400;
    (void)amphi__fail(&line, AMPHI_E_TIMEOUT, 0, "not sent within %lld %s; the last try: %.*s",
        in_days ? seconds / 86400 : seconds, in_days ? "days" : "seconds",
        (int)(reason.size < AMPHI_OUTBOX_REASON_MAX ? reason.size : AMPHI_OUTBOX_REASON_MAX),
        reason.size > 0 ? reason.data : "");
    amphi__str_copy_to(out, AMPHI_OUTBOX_REASON_MAX, amphi_str_from(line.message));
}

int64_t amphi__store_boot_ms(const amphi_clock *clock)
{
    /* The monotonic clock of an app begins with its process: ages need one that outlives it. */
    bool has_boot = clock != NULL && clock->boot_us != NULL;
    return (int64_t)(amphi__clock_boot_us(has_boot ? clock : NULL) / 1000u);
}

amphi_status amphi__check_setting(amphi_str name, amphi_str value, amphi_error *error)
{
    amphi_status status = amphi__check_id(name, "name", error);
    if (status == AMPHI_OK && value.size > AMPHI_STORE_SETTING_BYTES_MAX)
        status = amphi__fail(error, AMPHI_E_LIMIT, 0, "value: larger than %u MiB",
            AMPHI_STORE_SETTING_BYTES_MAX >> 20);
    return status;
}

amphi_status amphi__check_cache_value(
    const amphi_store_limits *limits, amphi_str value, amphi_error *error)
{
    if (value.size > AMPHI_CACHE_VALUE_BYTES_MAX || value.size > limits->cache_bytes)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "value: too large for the cache");
    return AMPHI_OK;
}

/* ---- The title ---- */

static amphi_status append_beginning(amphi_buf *out, amphi_str text, amphi_error *error)
{
    size_t end = 0;
    for (int i = 0; i < AMPHI_TITLE_CHARACTERS && end < text.size; i++) {
        uint32_t codepoint;
        size_t size = amphi__utf8_decode(amphi__str_slice(text, end, text.size), &codepoint);
        end += size > 0 ? size : 1; /* a stray byte counts as a character */
    }
    if (amphi__buf_append(out, text.data, end) != AMPHI_OK)
        return amphi__fail_no_memory(error);
    return AMPHI_OK;
}

/* content: OpenAI's [{"type":"text","text":"..."}, ...]. */
static amphi_status append_first_part(amphi_buf *out, amphi_str content, amphi_error *error)
{
    amphi_json *parts = NULL;
    amphi_status status = amphi__json_parse(&parts, content, "content", NULL);
    if (status == AMPHI_E_NO_MEMORY)
        return amphi__fail_no_memory(error);
    if (status != AMPHI_OK) /* kept as it is; it only gives no title */
        return AMPHI_OK;
    const amphi_json *part = amphi__json_first(parts);
    while (part != NULL &&
           !amphi__str_equal_c(amphi__json_string(amphi__json_get(part, "type")), "text"))
        part = amphi__json_next(part);
    status = append_beginning(out, amphi__json_string(amphi__json_get(part, "text")), error);
    amphi__json_free(parts);
    return status;
}

amphi_status amphi__turn_title(amphi_buf *out, const amphi_store_turn *turn, amphi_error *error)
{
    for (size_t i = 0; i < turn->messages_count; i++) {
        const amphi_store_message *message = &turn->messages[i];
        if (amphi__str_equal_c(message->role, "user"))
            return message->content_is_json ? append_first_part(out, message->content, error)
                                            : append_beginning(out, message->content, error);
    }
    return AMPHI_OK;
}

amphi_status amphi__read_start(
    amphi_store_start *own, const amphi_store_start *given, amphi_error *error)
{
    const amphi_store_start *start = own;
    amphi_status status = AMPHI__SIZED_READ(amphi_store_start, own, given, "start", error);
    if (status != AMPHI_OK)
        return status;
    const amphi_str words[] = {start->fingerprint, start->build, start->kernels, start->host};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (words[i].size > AMPHI_STORE_ID_BYTES_MAX)
            return amphi__fail(error, AMPHI_E_LIMIT, 0, "ledger: a name is longer than %d bytes",
                AMPHI_STORE_ID_BYTES_MAX);
    if (start->fingerprint.size == 0 || (unsigned)start->phase >= AMPHI_START_PHASE_COUNT ||
        (unsigned)start->outcome >= AMPHI_START_OUTCOME_COUNT)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "ledger: no fingerprint, or an unknown phase or outcome");
    return AMPHI_OK;
}
