/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a conversation under the policy's rule. A turn is left out or kept as a whole, since all
 * of its messages have the same privacy; it ends with its answer.
 */
#include "sdk/client/privacy.h"

#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

/* ---- the rule ---- */

static amphi_privacy own_privacy(const amphi_request *request, const amphi_policy *policy)
{
    amphi_mode mode = request->mode != AMPHI_MODE_DEFAULT ? request->mode : policy->mode;
    if (request->is_private)
        return AMPHI_PRIVACY_PRIVATE;
    return mode == AMPHI_MODE_ONLY_LOCAL ? AMPHI_PRIVACY_ONLY_LOCAL : AMPHI_PRIVACY_NONE;
}

/* May a message of this privacy not leave the device? */
static bool binds(amphi_privacy privacy, const amphi_policy *policy)
{
    if (privacy == AMPHI_PRIVACY_ONLY_LOCAL)
        return policy->only_local_history != AMPHI_ONLY_LOCAL_HISTORY_SEND;
    return privacy != AMPHI_PRIVACY_NONE;
}

bool amphi__privacy_allows(const amphi_privacy_ruling *ruling, const amphi_engine_info *info)
{
    return !ruling->stays_here || amphi__policy_may_have_private(&ruling->policy, info);
}

amphi_status amphi__privacy_check_store(
    const amphi_store *store, amphi_privacy turn, amphi_error *error)
{
    if (turn == AMPHI_PRIVACY_NONE || store->ops->rows != NULL)
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
        "the app's store has no `rows` and can't keep private turns apart, so it is given none");
}

/* ---- reading ---- */

typedef struct reading {
    amphi_privacy_ruling *ruling;
    amphi_context *context;
    int64_t said_after;      /* messages above this id came after the request; INT64_MAX: none */
    uint32_t bound_messages; /* of the turn that is being read */
} reading;

static void count_turn(uint32_t *turns, const amphi_store_message *message, uint32_t *messages)
{
    if (*messages == 0)
        (*turns)++;
    (*messages)++;
    if (amphi__str_equal_c(message->role, "assistant") && message->decision_json.size > 0)
        *messages = 0; /* the next message begins another turn */
}

static void read_message(
    reading *r, const amphi_store_message *message, amphi_privacy privacy, int64_t id)
{
    amphi_privacy_ruling *ruling = r->ruling;
    bool is_later = privacy != AMPHI_PRIVACY_NONE && id > r->said_after;
    bool bound = is_later || binds(privacy, &ruling->policy);
    ruling->history_end = id > ruling->history_end ? id : ruling->history_end;
    if (!bound)
        r->bound_messages = 0;
    if (is_later) {
        count_turn(&ruling->omitted_turns, message, &r->bound_messages);
        return;
    }
    /* A request that stays here by itself may have all of the conversation. */
    if (bound && ruling->own == AMPHI_PRIVACY_NONE) {
        bool omit = ruling->policy.private_history == AMPHI_PRIVATE_HISTORY_OMIT;
        count_turn(
            omit ? &ruling->omitted_turns : &ruling->bound_turns, message, &r->bound_messages);
        if (omit)
            return;
        ruling->bound_by = privacy > ruling->bound_by ? privacy : ruling->bound_by;
    }
    ruling->stays_here = ruling->stays_here || bound;
    ruling->turn = privacy > ruling->turn ? privacy : ruling->turn;
    amphi__context_add(r->context, message);
}

static bool visit_row(void *user, const amphi_store_row *row)
{
    reading *r = user;
    amphi_store_row own;
    if (AMPHI__SIZED_READ_KNOWN(&own, row, "row", NULL) != AMPHI_OK) {
        r->context->json.status = AMPHI_E_INTERNAL; /* its store breaks the rule of types.h */
        return false;
    }
    amphi_privacy privacy = AMPHI_HAS(row, privacy) ? own.privacy : AMPHI_PRIVACY_PRIVATE;
    read_message(r, &own.message, privacy, own.id);
    return r->context->json.status == AMPHI_OK;
}

/* ---- a store that keeps no privacy ---- */

amphi_privacy amphi__privacy_of_record(amphi_str record)
{
    static const struct {
        const char *words;
        amphi_privacy privacy;
    } signs[] = {
        {"\"privacy\":\"private\"", AMPHI_PRIVACY_PRIVATE},
        {"\"reason\":\"private\"", AMPHI_PRIVACY_PRIVATE},
        {"\"privacy\":\"only_local\"", AMPHI_PRIVACY_ONLY_LOCAL},
        {"\"why\":\"mode only_local ", AMPHI_PRIVACY_ONLY_LOCAL},
        {"\"why\":\"only_local: ", AMPHI_PRIVACY_ONLY_LOCAL},
    };
    if (record.size == 0)
        return AMPHI_PRIVACY_PRIVATE;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (amphi__str_find(record, amphi_str_from(signs[i].words)) != SIZE_MAX)
            return signs[i].privacy;
    return AMPHI_PRIVACY_NONE;
}

/* Where the turns of each privacy begin: what comes after one was said with it in the prompt. */
typedef struct record_scan {
    size_t count;
    size_t turn; /* the first message of the turn that is being read */
    size_t begins[AMPHI_PRIVACY_PRIVATE + 1];
} record_scan;

static bool scan_record(
    void *user, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    record_scan *scan = user;
    scan->count++;
    if (!amphi__str_equal_c(message->role, "assistant"))
        return true;
    size_t *begin = &scan->begins[amphi__privacy_of_record(message->decision_json)];
    *begin = scan->turn < *begin ? scan->turn : *begin;
    scan->turn = scan->count;
    return true;
}

typedef struct record_reading {
    reading to;
    const record_scan *scan;
    size_t index;
} record_reading;

static bool visit_message(
    void *user, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    record_reading *r = user;
    size_t i = r->index++;
    const size_t *begins = r->scan->begins;
    amphi_privacy privacy = i >= begins[AMPHI_PRIVACY_PRIVATE]      ? AMPHI_PRIVACY_PRIVATE
                            : i >= begins[AMPHI_PRIVACY_ONLY_LOCAL] ? AMPHI_PRIVACY_ONLY_LOCAL
                                                                    : AMPHI_PRIVACY_NONE;
    read_message(&r->to, message, privacy, id);
    return r->to.context->json.status == AMPHI_OK;
}

static amphi_status read_by_records(
    const amphi_store *store, amphi_str id, reading *to, amphi_error *error)
{
    record_scan scan = {.begins = {SIZE_MAX, SIZE_MAX, SIZE_MAX}};
    record_reading records = {.to = *to, .scan = &scan};
    amphi_status status = store->ops->messages(store->self, id, scan_record, &scan, error);
    if (status == AMPHI_OK)
        status = store->ops->messages(store->self, id, visit_message, &records, error);
    return status;
}

/* ---- admit ---- */

amphi_status amphi__privacy_admit(amphi_client *client, const amphi_request *request,
    amphi_privacy_ruling *out, amphi_context *context, amphi_error *error)
{
    const amphi_store *store = &client->store;
    bool has_end = request->outbox_id != NULL && request->history_end >= 0;
    reading r = {.ruling = out,
        .context = context,
        .said_after = has_end ? request->history_end : INT64_MAX};
    amphi_store_row_query query;
    memset(out, 0, sizeof *out);
    amphi__client_steering(client, &out->policy, &out->steering);
    out->own = out->turn = own_privacy(request, &out->policy);
    out->stays_here = out->own != AMPHI_PRIVACY_NONE;
    amphi_store_row_query_init(&query);
    query.conversation_id = amphi_str_from(request->conversation_id);
    if (query.conversation_id.size == 0)
        return AMPHI_OK;
    amphi_status status = store->ops->rows != NULL
                              ? store->ops->rows(store->self, &query, visit_row, &r, error)
                              : read_by_records(store, query.conversation_id, &r, error);
    if (status == AMPHI_OK)
        status = context->json.status;
    out->history_tokens = amphi__context_tokens(context);
    out->history_has_tools = context->has_tools;
    if (status == AMPHI_OK || status == AMPHI_E_NOT_FOUND) {
        amphi__error_clear(error);
        /* Nothing else tells whether an entry of the outbox was delivered. */
        return request->outbox_id != NULL ? amphi__privacy_check_store(store, out->turn, error)
                                          : AMPHI_OK;
    }
    if (error != NULL && error->status == AMPHI_OK)
        amphi__fail(error, status, 0, "the conversation's history could not be read");
    return status;
}
