/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings are copied and wiped one by one; see the table of their names.
 */
#include "sdk/client/cached_answer.h"

#include "sdk/core/alloc.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

static const struct {
    const char *name;
    size_t offset;
} strings[] = {
    {"text", offsetof(amphi_cached_answer, text)},
    {"question", offsetof(amphi_cached_answer, question)},
    {"model", offsetof(amphi_cached_answer, model)},
    {"route", offsetof(amphi_cached_answer, route)},
    {"identity", offsetof(amphi_cached_answer, identity)},
};

#define STRINGS_COUNT (sizeof strings / sizeof strings[0])

static char **string_at(const amphi_cached_answer *answer, size_t i)
{
    return (char **)((char *)answer + strings[i].offset);
}

void amphi__cached_answer_clear(amphi_cached_answer *answer)
{
    for (size_t i = 0; i < STRINGS_COUNT; i++) {
        char *text = *string_at(answer, i);
        if (text != NULL)
            amphi__wipe(text, strlen(text));
        amphi__free(text);
    }
    memset(answer, 0, sizeof *answer);
}

amphi_status amphi__cached_answer_copy(amphi_cached_answer *out, const amphi_cached_answer *answer)
{
    *out = *answer;
    for (size_t i = 0; i < STRINGS_COUNT; i++)
        *string_at(out, i) = NULL;
    for (size_t i = 0; i < STRINGS_COUNT; i++) {
        *string_at(out, i) = amphi__str_copy(amphi_str_from(*string_at(answer, i)));
        if (*string_at(out, i) == NULL) {
            amphi__cached_answer_clear(out);
            return AMPHI_E_NO_MEMORY;
        }
    }
    return AMPHI_OK;
}

amphi_status amphi__cached_answer_to_json(const amphi_cached_answer *answer, amphi_buf *out)
{
    amphi_json_writer writer;
    size_t before = out->size;
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    for (size_t i = 0; i < STRINGS_COUNT; i++)
        amphi__json_put_str(&writer, strings[i].name, amphi_str_from(*string_at(answer, i)));
    amphi__json_put_int(&writer, "prompt", answer->usage.prompt_tokens);
    amphi__json_put_int(&writer, "completion", answer->usage.completion_tokens);
    amphi__json_put_int(&writer, "took_ms", answer->took_ms);
    amphi__json_put_int(&writer, "expires_ms", answer->expires_ms);
    amphi__json_close(&writer, '}');
    if (out->status != AMPHI_OK)
        return out->status;
    return out->size - before > AMPHI_CACHED_ANSWER_BYTES_MAX ? AMPHI_E_LIMIT : AMPHI_OK;
}

static uint32_t count_of(const amphi_json *root, const char *name)
{
    int64_t value = amphi__json_int(amphi__json_get(root, name), 0);
    return value > 0 && value <= UINT32_MAX ? (uint32_t)value : 0;
}

amphi_status amphi__cached_answer_from_json(amphi_cached_answer *out, amphi_str json)
{
    amphi_json *root = NULL;
    memset(out, 0, sizeof *out);
    amphi_status status = amphi__json_parse(&root, json, "cached answer", NULL);
    if (status != AMPHI_OK)
        return status == AMPHI_E_NO_MEMORY ? status : AMPHI_E_CORRUPT;
    for (size_t i = 0; i < STRINGS_COUNT && status == AMPHI_OK; i++) {
        const amphi_json *value = amphi__json_get(root, strings[i].name);
        *string_at(out, i) = amphi__str_copy(amphi__json_string(value));
        if (*string_at(out, i) == NULL)
            status = AMPHI_E_NO_MEMORY;
        else if (!amphi__json_is_string(value))
            status = AMPHI_E_CORRUPT;
    }
    out->usage.prompt_tokens = count_of(root, "prompt");
    out->usage.completion_tokens = count_of(root, "completion");
    out->took_ms = count_of(root, "took_ms");
    out->expires_ms = amphi__json_int(amphi__json_get(root, "expires_ms"), 0);
    amphi__json_free(root);
    if (status != AMPHI_OK)
        amphi__cached_answer_clear(out);
    return status;
}
