/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading what history_export.c wrote. A conversation's lines are gathered and handed to the store
 * whole; a line that is not understood, to its last member, ends the import before the conversation
 * that it belongs to.
 */
#include "sdk/client/client.h"
#include "sdk/client/request.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <amphi/history.h>

#include <stdio.h>

/* The strings of one row, where they are not the line's own. */
enum { TEXT_ROLE, TEXT_CONTENT, TEXT_EXTRA, TEXT_ROUTE, TEXT_MODEL, TEXT_RECORD, TEXTS };

typedef struct gathered {
    amphi_buf texts[TEXTS];
} gathered;

typedef struct importer {
    amphi_store store;
    amphi_history_transfer done;
    uint64_t line; /* counts from 1 */
    amphi_error *error;
    /* The conversation under way. */
    bool has_conversation;
    uint64_t conversation_line;
    amphi_buf id, title;
    bool is_pinned, is_archived;
    amphi_store_row *rows;
    gathered *texts;
    size_t count, capacity;
} importer;

static amphi_status refuse(importer *im, const char *what)
{
    return amphi__fail(
        im->error, AMPHI_E_FORMAT, 0, "import: line %llu: %s", (unsigned long long)im->line, what);
}

static amphi_status refuse_member(importer *im, amphi_str key)
{
    return amphi__fail(im->error, AMPHI_E_FORMAT, 0,
        "import: line %llu: the member \"%.*s\" is not understood", (unsigned long long)im->line,
        key.size < 40 ? (int)key.size : 40, key.data);
}

static amphi_status refuse_role(importer *im, amphi_str role)
{
    char shown[40];
    size_t size = 0;
    for (; size < role.size && size < sizeof shown - 1; size++)
        shown[size] = (unsigned char)role.data[size] < 0x20 ? '?' : role.data[size];
    shown[size] = '\0';
    return amphi__fail(im->error, AMPHI_E_FORMAT, 0,
        "import: line %llu: role \"%s\": system, developer, user, assistant or tool is expected",
        (unsigned long long)im->line, shown);
}

/* In checked JSON a backslash is in a string, and what follows it begins no escape. */
static bool has_nul_escape(amphi_str line)
{
    const char *end = line.data + line.size;
    const char *at = memchr(line.data, '\\', line.size);
    while (at != NULL && end - at >= 6) {
        if (memcmp(at, "\\u0000", 6) == 0)
            return true;
        at = memchr(at + 2, '\\', (size_t)(end - at) - 2);
    }
    return false;
}

/* ---- Values ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode_hex(amphi_str hex, amphi_buf *out)
{
    if (hex.size % 2 != 0)
        return false;
    for (size_t i = 0; i < hex.size; i += 2) {
        int high = hex_digit(hex.data[i]);
        int low = hex_digit(hex.data[i + 1]);
        if (high < 0 || low < 0)
            return false;
        amphi__buf_append_char(out, (char)(high * 16 + low));
    }
    return true;
}

/* How a member's name may end. */
typedef enum form { FORM_PLAIN, FORM_HEX, FORM_JSON, FORM_JSON_HEX, FORM_NONE } form;

static form form_of(amphi_str key, const char *name)
{
    if (!amphi__str_starts_with(key, amphi_str_from(name)))
        return FORM_NONE;
    amphi_str rest = amphi__str_slice(key, strlen(name), key.size);
    return rest.size == 0                          ? FORM_PLAIN
           : amphi__str_equal_c(rest, "_hex")      ? FORM_HEX
           : amphi__str_equal_c(rest, "_json")     ? FORM_JSON
           : amphi__str_equal_c(rest, "_json_hex") ? FORM_JSON_HEX
                                                   : FORM_NONE;
}

/* A text, or JSON (an object or an array) as text. false: not of a kind that fits. */
static bool take_text(const amphi_json *value, form how, amphi_buf *out)
{
    amphi_json_kind kind = amphi__json_kind(value);
    if (out->size > 0) /* twice, in two forms */
        return false;
    if (how == FORM_PLAIN && (kind == AMPHI_JSON_ARRAY || kind == AMPHI_JSON_OBJECT)) {
        amphi__json_write(out, value);
        return true;
    }
    if (kind != AMPHI_JSON_STRING)
        return false;
    amphi_str text = amphi__json_string(value);
    if (how == FORM_HEX || how == FORM_JSON_HEX)
        return decode_hex(text, out);
    amphi__buf_append_str(out, text);
    return true;
}

static bool take_int(const amphi_json *value, int64_t least, int64_t most, int64_t *out)
{
    *out = amphi__json_int(value, least - 1);
    return amphi__json_kind(value) == AMPHI_JSON_NUMBER && *out >= least && *out <= most;
}

static bool take_bool(const amphi_json *value, bool *out)
{
    *out = amphi__json_bool(value, false);
    return amphi__json_kind(value) == AMPHI_JSON_BOOL;
}

static bool take_usage(const amphi_json *value, amphi_usage *out)
{
    int64_t counts[3] = {0};
    size_t i = 0;
    if (amphi__json_kind(value) != AMPHI_JSON_ARRAY || amphi__json_count(value) != 3)
        return false;
    for (const amphi_json *v = amphi__json_first(value); v != NULL; v = amphi__json_next(v))
        if (!take_int(v, 0, UINT32_MAX, &counts[i++]))
            return false;
    *out = (amphi_usage){(uint32_t)counts[0], (uint32_t)counts[1], (uint32_t)counts[2]};
    return true;
}

static bool take_privacy(const amphi_json *value, amphi_privacy *out)
{
    for (int i = AMPHI_PRIVACY_ONLY_LOCAL; i <= AMPHI_PRIVACY_PRIVATE; i++) {
        *out = (amphi_privacy)i;
        if (amphi__str_equal_c(amphi__json_string(value), amphi_privacy_name(*out)))
            return true;
    }
    return false;
}

/* ---- Lines ---- */

static void drop_rows(importer *im)
{
    for (size_t i = 0; i < im->count; i++)
        for (int k = 0; k < TEXTS; k++)
            amphi__buf_wipe(&im->texts[i].texts[k]);
    im->count = 0;
}

/* What the store said, with where it is in the file. */
static void refuse_conversation(importer *im)
{
    if (im->error == NULL)
        return;
    amphi_error why = *im->error;
    (void)amphi__fail(im->error, why.status, why.native_code,
        "import: line %llu: the conversation is not taken: %s",
        (unsigned long long)im->conversation_line, why.message);
    im->error->retry_after_ms = why.retry_after_ms;
}

static amphi_status finish_conversation(importer *im)
{
    if (!im->has_conversation)
        return AMPHI_OK;
    im->has_conversation = false;
    if (im->count == 0)
        return refuse(im, "the conversation before it has no messages");
    for (size_t i = 0; i < im->count; i++) {
        amphi_store_message *message = &im->rows[i].message;
        const amphi_buf *texts = im->texts[i].texts;
        message->role = amphi__buf_str(&texts[TEXT_ROLE]);
        message->content = amphi__buf_str(&texts[TEXT_CONTENT]);
        message->extra_json = amphi__buf_str(&texts[TEXT_EXTRA]);
        message->route = amphi__buf_str(&texts[TEXT_ROUTE]);
        message->model = amphi__buf_str(&texts[TEXT_MODEL]);
        message->decision_json = amphi__buf_str(&texts[TEXT_RECORD]);
    }
    amphi_store_import what = {.struct_size = sizeof what,
        .conversation_id = amphi__buf_str(&im->id),
        .title = amphi__buf_str(&im->title),
        .is_pinned = im->is_pinned,
        .is_archived = im->is_archived,
        .rows = im->rows,
        .rows_count = im->count};
    uint64_t added = 0;
    amphi_status status = im->store.ops->import(im->store.self, &what, &added, im->error);
    if (status == AMPHI_OK) {
        im->done.conversations_count++;
        im->done.messages_count += added;
        im->done.skipped_count += im->count - added;
    } else {
        refuse_conversation(im);
    }
    drop_rows(im);
    return status;
}

static amphi_status read_conversation(importer *im, const amphi_json *root)
{
    amphi_status status = finish_conversation(im);
    if (status != AMPHI_OK)
        return status;
    amphi__buf_reset(&im->id);
    amphi__buf_reset(&im->title);
    im->is_pinned = im->is_archived = false;
    for (const amphi_json *m = amphi__json_first(root); m != NULL; m = amphi__json_next(m)) {
        amphi_str key = amphi__json_key(m);
        form id = form_of(key, "conversation");
        form title = form_of(key, "title");
        bool ok = id == FORM_PLAIN || id == FORM_HEX         ? take_text(m, id, &im->id)
                  : title == FORM_PLAIN || title == FORM_HEX ? take_text(m, title, &im->title)
                  : amphi__str_equal_c(key, "pinned")        ? take_bool(m, &im->is_pinned)
                  : amphi__str_equal_c(key, "archived")      ? take_bool(m, &im->is_archived)
                                                             : false;
        if (!ok)
            return refuse_member(im, key);
    }
    if (im->id.status != AMPHI_OK || im->title.status != AMPHI_OK)
        return amphi__fail_no_memory(im->error);
    if (im->id.size == 0)
        return refuse(im, "conversation: empty");
    im->has_conversation = true;
    im->conversation_line = im->line;
    return AMPHI_OK;
}

static amphi_status make_room(importer *im)
{
    if (im->count < im->capacity)
        return AMPHI_OK;
    size_t capacity = im->capacity > 0 ? im->capacity * 2 : 64;
    amphi_store_row *rows = amphi__realloc_array(im->rows, capacity, sizeof *rows);
    if (rows != NULL)
        im->rows = rows;
    gathered *texts =
        rows != NULL ? amphi__realloc_array(im->texts, capacity, sizeof *texts) : NULL;
    if (texts == NULL)
        return amphi__fail_no_memory(im->error);
    im->texts = texts;
    im->capacity = capacity;
    return AMPHI_OK;
}

/* One member of a message's line. */
static bool take_member(const amphi_json *m, amphi_store_row *row, gathered *texts)
{
    static const struct {
        const char *name;
        int text;
        bool has_json;
    } members[] = {{"role", TEXT_ROLE, false}, {"content", TEXT_CONTENT, true},
        {"extra", TEXT_EXTRA, true}, {"route", TEXT_ROUTE, false}, {"model", TEXT_MODEL, false},
        {"record", TEXT_RECORD, true}};
    amphi_str key = amphi__json_key(m);
    amphi_json_kind kind = amphi__json_kind(m);
    int64_t number = 0;
    bool ok = false;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        form how = form_of(key, members[i].name);
        bool is_json = kind == AMPHI_JSON_ARRAY || kind == AMPHI_JSON_OBJECT || how == FORM_JSON ||
                       how == FORM_JSON_HEX;
        if (how == FORM_NONE)
            continue;
        if (members[i].text == TEXT_CONTENT)
            row->message.content_is_json = is_json;
        return (!is_json || members[i].has_json) &&
               take_text(m, how, &texts->texts[members[i].text]);
    }
    if (amphi__str_equal_c(key, "message")) {
        ok = take_int(m, 1, (int64_t)1 << 53, &row->id);
    } else if (amphi__str_equal_c(key, "created_ms")) {
        ok = take_int(m, -((int64_t)1 << 53), (int64_t)1 << 53, &number);
        row->created_ms = number;
    } else if (amphi__str_equal_c(key, "usage")) {
        ok = take_usage(m, &row->message.usage);
    } else if (amphi__str_equal_c(key, "privacy")) {
        ok = take_privacy(m, &row->privacy);
    } else if (amphi__str_equal_c(key, "partial")) {
        bool partial = false;
        ok = take_bool(m, &partial);
        row->state = partial ? AMPHI_MESSAGE_PARTIAL : AMPHI_MESSAGE_COMPLETE;
    }
    return ok;
}

/* Of doubled members a reader would see one; which one is not said anywhere. */
static bool has_doubles(const amphi_json *root)
{
    for (const amphi_json *a = amphi__json_first(root); a != NULL; a = amphi__json_next(a))
        for (const amphi_json *b = amphi__json_next(a); b != NULL; b = amphi__json_next(b))
            if (amphi__str_equal(amphi__json_key(a), amphi__json_key(b)))
                return true;
    return false;
}

/* `extra` and `content` become part of the message that an engine gets (request.c), as they are:
 * what the history shows must be all of it. */
static amphi_status check_extra(importer *im, amphi_str text)
{
    amphi_json *extra = NULL;
    amphi_status status = AMPHI_OK;
    if (text.size == 0)
        return AMPHI_OK;
    if (amphi__json_parse(&extra, text, "extra", NULL) == AMPHI_E_NO_MEMORY)
        return amphi__fail_no_memory(im->error);
    if (amphi__json_kind(extra) != AMPHI_JSON_OBJECT || text.data[0] != '{' ||
        text.data[text.size - 1] != '}')
        status = refuse(im, "extra: a JSON object is expected, without blanks around it");
    else if (has_doubles(extra))
        status = refuse(im, "extra: doubled members");
    else if (amphi__json_get(extra, "role") != NULL || amphi__json_get(extra, "content") != NULL)
        status = refuse(im, "extra: role and content are members of the line, and not of this");
    amphi__json_free(extra);
    return status;
}

static amphi_status check_json(importer *im, amphi_str text, const char *what)
{
    amphi_json *value = NULL;
    if (amphi__json_parse(&value, text, "member", NULL) == AMPHI_E_NO_MEMORY)
        return amphi__fail_no_memory(im->error);
    amphi_json_kind kind = amphi__json_kind(value);
    amphi__json_free(value);
    return kind == AMPHI_JSON_ARRAY || kind == AMPHI_JSON_OBJECT ? AMPHI_OK : refuse(im, what);
}

static amphi_status check_message(importer *im, const amphi_store_row *row, const gathered *texts)
{
    amphi_str role = amphi__buf_str(&texts->texts[TEXT_ROLE]);
    if (!amphi__request_role_is_known(role))
        return refuse_role(im, role);
    amphi_status status = check_extra(im, amphi__buf_str(&texts->texts[TEXT_EXTRA]));
    if (status == AMPHI_OK && row->message.content_is_json)
        status = check_json(im, amphi__buf_str(&texts->texts[TEXT_CONTENT]),
            "content_json: a JSON array or object is expected");
    amphi_str record = amphi__buf_str(&texts->texts[TEXT_RECORD]);
    if (status == AMPHI_OK && record.size > 0)
        status = check_json(im, record, "record: a JSON object is expected");
    return status;
}

static amphi_status read_message(importer *im, const amphi_json *root)
{
    if (!im->has_conversation)
        return refuse(im, "a message before the first conversation");
    amphi_status status = make_room(im);
    if (status != AMPHI_OK)
        return status;
    amphi_store_row *row = &im->rows[im->count];
    gathered *texts = &im->texts[im->count++];
    amphi_store_row_init(row);
    for (int k = 0; k < TEXTS; k++)
        amphi__buf_init(&texts->texts[k], 0);
    for (const amphi_json *m = amphi__json_first(root); m != NULL; m = amphi__json_next(m))
        if (!take_member(m, row, texts))
            return refuse_member(im, amphi__json_key(m));
    for (int k = 0; k < TEXTS; k++)
        if (texts->texts[k].status != AMPHI_OK)
            return amphi__fail_no_memory(im->error);
    if (row->id == 0 || texts->texts[TEXT_ROLE].size == 0 ||
        amphi__json_get(root, "created_ms") == NULL)
        return refuse(im, "a message without message, created_ms or role");
    return check_message(im, row, texts);
}

static amphi_status read_line(importer *im, amphi_str line)
{
    amphi_json *root = NULL;
    if (line.size > AMPHI_HISTORY_LINE_BYTES_MAX)
        return refuse(im, "longer than 64 MiB");
    amphi_status status = amphi__json_parse(&root, line, "line", NULL);
    if (status == AMPHI_E_NO_MEMORY)
        return amphi__fail_no_memory(im->error);
    const amphi_json *first = amphi__json_first(root);
    amphi_str kind = amphi__json_key(first);
    if (status != AMPHI_OK || amphi__json_kind(root) != AMPHI_JSON_OBJECT || has_doubles(root))
        status = refuse(im, "not a JSON object, or one with doubled members");
    else if (has_nul_escape(line))
        status = refuse(im, "\\u0000 in a text; such a text is written as \"..._hex\"");
    else if (im->line == 1)
        status = amphi__str_equal_c(kind, "amphi_history") && amphi__json_int(first, 0) == 1 &&
                         amphi__json_next(first) == NULL
                     ? AMPHI_OK
                     : refuse(im, "{\"amphi_history\":1} is expected");
    else if (form_of(kind, "conversation") != FORM_NONE)
        status = read_conversation(im, root);
    else if (amphi__str_equal_c(kind, "message"))
        status = read_message(im, root);
    else
        status = refuse(im, "neither a conversation nor a message");
    amphi__json_free(root);
    return status;
}

amphi_status amphi_history_import(amphi_client *client, amphi_history_next_line_fn *next,
    void *user, amphi_history_transfer *transfer, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL || next == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client or next is NULL");
    amphi_status status =
        transfer != NULL ? AMPHI__SIZED_CHECK(amphi_history_transfer, transfer, "transfer", error)
                         : AMPHI_OK;
    if (status == AMPHI_OK && client->store.ops->import == NULL)
        status = amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, "import: the store has none");
    if (status != AMPHI_OK)
        return status;
    importer im = {.store = client->store, .error = error};
    amphi_str line;
    amphi__buf_init(&im.id, 0);
    amphi__buf_init(&im.title, 0);
    amphi_history_transfer_init(&im.done);
    bool is_empty = true;
    while (status == AMPHI_OK && next(user, &line)) {
        im.line++;
        is_empty = is_empty && line.size == 0;
        status = line.size > 0 ? read_line(&im, line) : AMPHI_OK;
    }
    if (status == AMPHI_OK && is_empty)
        status = amphi__fail(error, AMPHI_E_FORMAT, 0,
            "import: empty; the first line of an export is {\"amphi_history\":1}");
    im.line++;
    if (status == AMPHI_OK)
        status = finish_conversation(&im);
    if (transfer != NULL)
        AMPHI__SIZED_WRITE(transfer, &im.done);
    drop_rows(&im);
    amphi__free(im.rows);
    amphi__free(im.texts);
    amphi__buf_wipe(&im.id);
    amphi__buf_wipe(&im.title);
    return status;
}
