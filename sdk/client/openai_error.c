/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI's packages choose their exception types by the HTTP status, and programs branch on type
 * and code, so all three come from one place, for plain and for streamed answers. A provider's own
 * words come first: the program may know this provider. But what all of them call differently has
 * one code.
 */
#include "sdk/client/openai_error.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <amphi/chat.h>

#include <stdio.h>

/* OpenAI's packages wait no longer than this by themselves. */
enum { RETRY_AFTER_MAX_MS = 60000 };

typedef struct openai_words {
    uint32_t http_status;
    const char *type;
    const char *code; /* NULL: the status's name */
    bool try_again;   /* by itself, in a moment: Amphi has not already done so */
} openai_words;

static openai_words words_of(amphi_status status)
{
    static const char request[] = "invalid_request_error";
    static const char server[] = "server_error";
    switch (status) {
    case AMPHI_E_ARGUMENT:
    case AMPHI_E_FORMAT:
    case AMPHI_E_LIMIT:
    case AMPHI_E_REQUEST:
    case AMPHI_E_UNSUPPORTED:
        return (openai_words){400, request, NULL, false};
    case AMPHI_E_CONTEXT_LENGTH:
        return (openai_words){400, request, "context_length_exceeded", false};
    case AMPHI_E_CONTENT_FILTER:
        return (openai_words){400, request, "content_filter", false};
    case AMPHI_E_AUTH:
        return (openai_words){401, request, "invalid_api_key", false};
    case AMPHI_E_REFUSED:
        return (openai_words){403, request, NULL, false};
    case AMPHI_E_NOT_FOUND:
        return (openai_words){404, request, NULL, false};
    case AMPHI_E_QUOTA:
        return (openai_words){429, "insufficient_quota", "insufficient_quota", false};
    case AMPHI_E_RATE_LIMITED:
        return (openai_words){429, "rate_limit_error", "rate_limit_exceeded", true};
    case AMPHI_E_FULL:
        return (openai_words){429, "rate_limit_error", NULL, true};
    case AMPHI_E_BUSY:
    case AMPHI_E_RESOURCE:
    case AMPHI_E_CANCELLED:
        return (openai_words){503, server, NULL, true};
    case AMPHI_E_OFFLINE:
    case AMPHI_E_BACKGROUND:
        return (openai_words){503, server, NULL, false};
    case AMPHI_E_TIMEOUT:
        return (openai_words){504, server, NULL, false};
    case AMPHI_E_INTERNAL:
    case AMPHI_E_NO_MEMORY:
        return (openai_words){500, server, NULL, false};
    default:
        return (openai_words){502, server, NULL, false};
    }
}

uint32_t amphi__openai_error_http_status(
    const amphi_error *failure, const amphi_provider_error *provider)
{
    uint32_t ours = words_of(failure->status).http_status;
    uint32_t theirs = provider != NULL ? provider->http_status : 0;
    bool is_about_the_request = theirs >= 400 && theirs < 500 && theirs != 401 && theirs != 407 &&
                                theirs != 408 && theirs != 429;
    if (failure->status == AMPHI_E_REQUEST && is_about_the_request)
        return theirs;
    if (failure->status == AMPHI_E_AUTH && theirs == 403)
        return theirs;
    if (failure->status == AMPHI_E_PROVIDER && (theirs == 503 || theirs == 529))
        return 503;
    return ours;
}

/* Messages about a request begin with the field's name, "messages[0].role: ...": its "param". */
static amphi_str field_of(const amphi_error *failure)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-0123456789[].";
    size_t size = strspn(failure->message, letters);
    bool named = failure->status == AMPHI_E_ARGUMENT || failure->status == AMPHI_E_UNSUPPORTED ||
                 failure->status == AMPHI_E_LIMIT;
    bool has_one = named && size > 0 && failure->message[size] == ':';
    return amphi_str_make(failure->message, has_one ? size : 0);
}

static void put_words(
    amphi_json_writer *writer, const amphi_error *failure, const amphi_provider_error *provider)
{
    static const amphi_provider_error silent = {.http_status = 0};
    const amphi_provider_error *said = provider != NULL ? provider : &silent;
    const openai_words ours = words_of(failure->status);
    bool has_one_code =
        failure->status == AMPHI_E_CONTEXT_LENGTH || failure->status == AMPHI_E_QUOTA;
    const char *code = said->code[0] != '\0' && !has_one_code ? said->code
                       : ours.code != NULL                    ? ours.code
                                                              : amphi_status_name(failure->status);
    const char *type =
        said->type[0] != '\0' && failure->status != AMPHI_E_QUOTA ? said->type : ours.type;
    amphi_str param = said->param[0] != '\0' ? amphi_str_from(said->param) : field_of(failure);
    amphi__json_put_str(writer, "message",
        amphi_str_from(said->message[0] != '\0' ? said->message : failure->message));
    amphi__json_put_str(writer, "type", amphi_str_from(type));
    if (param.size > 0)
        amphi__json_put_str(writer, "param", param);
    else
        amphi__json_put_null(writer, "param");
    amphi__json_put_str(writer, "code", amphi_str_from(code));
}

void amphi__openai_error_put(
    amphi_json_writer *writer, const amphi_error *failure, const amphi_provider_error *provider)
{
    amphi__json_open(writer, NULL, '{');
    amphi__json_open(writer, "error", '{');
    put_words(writer, failure, provider);
    if (failure->retry_after_ms > 0)
        amphi__json_put_int(writer, "retry_after_ms", failure->retry_after_ms);
    amphi__json_open(writer, "amphi", '{');
    amphi__json_put_str(writer, "status", amphi_str_from(amphi_status_name(failure->status)));
    amphi__json_put_str(writer, "message", amphi_str_from(failure->message));
    if (provider != NULL && provider->request_id[0] != '\0')
        amphi__json_put_str(writer, "request_id", amphi_str_from(provider->request_id));
    amphi__json_close(writer, '}');
    amphi__json_close(writer, '}');
    amphi__json_close(writer, '}');
}

amphi_status amphi_error_json(char **out, uint32_t *http_status, bool *try_again,
    const amphi_error *failure, const amphi_provider_error *provider, amphi_error *error)
{
    amphi__error_clear(error);
    if (out == NULL || failure == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out or failure is NULL");
    amphi_buf json;
    amphi_json_writer writer;
    amphi__buf_init(&json, 0);
    amphi__json_writer_init(&writer, &json);
    amphi__openai_error_put(&writer, failure, provider);
    if (http_status != NULL)
        *http_status = amphi__openai_error_http_status(failure, provider);
    if (try_again != NULL)
        *try_again =
            words_of(failure->status).try_again && failure->retry_after_ms <= RETRY_AFTER_MAX_MS;
    *out = amphi__buf_take(&json);
    return *out != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
}
