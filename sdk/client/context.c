/* SPDX-License-Identifier: Apache-2.0
 *
 * The conversation is one JSON text with the offsets of its messages, so leaving out the oldest
 * ones is choosing where to begin to copy.
 */
#include "sdk/client/context.h"

#include "sdk/client/request.h"
#include "sdk/core/alloc.h"
#include "sdk/core/str.h"

void amphi__context_init(amphi_context *context)
{
    memset(context, 0, sizeof *context);
    amphi__buf_init(&context->json, 0);
}

void amphi__context_clear(amphi_context *context)
{
    amphi__buf_wipe(&context->json);
    amphi__free(context->messages);
    amphi__context_init(context);
}

/* Plain text needs no parser, which is most of a conversation. */
static void measure(amphi_context *context, size_t begin, amphi_context_message *added,
    const amphi_store_message *message)
{
    amphi_json *root = NULL;
    amphi_str json = amphi__str_slice(amphi__buf_str(&context->json), begin, added->end);
    uint64_t tokens = json.size / AMPHI_BYTES_PER_TOKEN;
    if (!message->content_is_json && message->extra_json.size == 0) {
        tokens = message->content.size / AMPHI_BYTES_PER_TOKEN + AMPHI_TOKENS_PER_MESSAGE;
    } else if (amphi__json_parse(&root, json, "message", NULL) == AMPHI_OK) {
        tokens = amphi__message_tokens(root);
        context->has_tools = context->has_tools || amphi__message_has_tools(root);
    }
    amphi__json_free(root);
    added->tokens = tokens < UINT32_MAX ? (uint32_t)tokens : UINT32_MAX;
}

void amphi__context_add(amphi_context *context, const amphi_store_message *message)
{
    if (context->count == context->capacity) {
        size_t capacity = context->capacity > 0 ? context->capacity * 2 : 16;
        amphi_context_message *larger =
            amphi__realloc_array(context->messages, capacity, sizeof *larger);
        if (larger == NULL) {
            context->json.status = AMPHI_E_NO_MEMORY;
            return;
        }
        context->messages = larger;
        context->capacity = capacity;
    }
    if (context->count > 0)
        amphi__buf_append_char(&context->json, ',');
    size_t begin = context->json.size;
    if (amphi__request_put_stored(&context->json, message) != AMPHI_OK)
        return;
    amphi_context_message *added = &context->messages[context->count];
    *added = (amphi_context_message){
        .end = context->json.size,
        .is_system = amphi__str_equal_c(message->role, "system"),
        .is_user = amphi__str_equal_c(message->role, "user"),
    };
    measure(context, begin, added, message);
    context->count++;
}

static amphi_str message_at(const amphi_context *context, size_t i)
{
    size_t begin = i > 0 ? context->messages[i - 1].end + 1 : 0; /* after the comma */
    return amphi__str_slice(amphi__buf_str(&context->json), begin, context->messages[i].end);
}

amphi_status amphi__context_write(const amphi_context *context, size_t skip, amphi_buf *out)
{
    bool comma = false;
    for (size_t i = 0; i < context->count; i++) {
        if (i < skip && !context->messages[i].is_system)
            continue;
        if (comma)
            amphi__buf_append_char(out, ',');
        amphi__buf_append_str(out, message_at(context, i));
        comma = true;
    }
    return out->status;
}

size_t amphi__context_skip_more(const amphi_context *context, size_t skip)
{
    size_t next = skip + (context->count - skip + 1) / 2;
    while (next < context->count && !context->messages[next].is_user)
        next++;
    return next;
}

static uint64_t tokens_left(const amphi_context *context, size_t skip)
{
    uint64_t tokens = 0;
    for (size_t i = 0; i < context->count; i++)
        if (i >= skip || context->messages[i].is_system)
            tokens += context->messages[i].tokens;
    return tokens;
}

uint32_t amphi__context_tokens(const amphi_context *context)
{
    uint64_t tokens = tokens_left(context, 0);
    return tokens < UINT32_MAX ? (uint32_t)tokens : UINT32_MAX;
}

size_t amphi__context_skip_to_fit(const amphi_context *context, uint32_t tokens_max)
{
    size_t skip = 0;
    while (skip < context->count && tokens_left(context, skip) > tokens_max)
        skip = amphi__context_skip_more(context, skip);
    return skip;
}
