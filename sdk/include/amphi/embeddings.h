/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts as vectors, by the client's endpoints: OpenAI's POST /v1/embeddings. Vectors of two models
 * can't be compared, so only endpoints that serve the model that the request names are asked; when
 * one of them fails another may answer, never another model. There is no local engine for it:
 * a request that has to stay on the device is refused.
 *
 *     char *json;
 *     amphi_embeddings_request request;
 *     amphi_embeddings_request_init(&request);
 *     request.json = AMPHI_STR("{\"model\":\"text-embedding-3-small\",\"input\":\"Hello\"}");
 *     if (amphi_embeddings_create(&json, client, &request, NULL, &error) == AMPHI_OK)
 *         puts(json);
 *     amphi_string_free(json);
 */
#ifndef AMPHI_EMBEDDINGS_H
#define AMPHI_EMBEDDINGS_H

#include <amphi/chat.h>

AMPHI_BEGIN_DECLS

/* Asked every quarter of a second while an answer is awaited, on the caller's thread; false: it is
 * not wanted any more. */
typedef bool amphi_embeddings_wanted_fn(void *user);

/* SIZED, read. */
typedef struct amphi_embeddings_request {
    size_t struct_size; /* in bytes; see amphi/types.h */
    /* OpenAI's request: "model" and "input", and whatever else the endpoint takes, which is passed
     * on as it is. 16 MiB at most. An "amphi" member says what it says of a chat request, as far as
     * it means something here: "mode", "private", "budgets". */
    amphi_str json;
    amphi_str settings_json;               /* as in amphi_chat_start_json_with; empty: none */
    amphi_embeddings_wanted_fn *is_wanted; /* NULL: to its end */
    void *user;                            /* its first argument */
} amphi_embeddings_request;

static inline void amphi_embeddings_request_init(amphi_embeddings_request *request)
{
    memset(request, 0, sizeof *request);
    request->struct_size = sizeof *request;
}

#define AMPHI_EMBEDDINGS_TAKEOVERS_MAX 8

/* SIZED, filled in, also where the call fails. */
typedef struct amphi_embeddings_result {
    size_t struct_size;         /* in bytes; see amphi/types.h */
    char route[AMPHI_NAME_MAX]; /* the endpoint that was asked last; empty: none was */
    char model[AMPHI_NAME_MAX]; /* as it names the model */
    amphi_usage usage;
    uint32_t total_ms;
    /* Endpoints that failed before `route`, in their order; the first ones. */
    amphi_takeover takeovers[AMPHI_EMBEDDINGS_TAKEOVERS_MAX];
    size_t takeovers_count; /* of `takeovers` */
    bool has_provider;      /* the failure in the provider's own words is in `provider` */
    amphi_provider_error provider;
} amphi_embeddings_result;

static inline void amphi_embeddings_result_init(amphi_embeddings_result *result)
{
    memset(result, 0, sizeof *result);
    result->struct_size = sizeof *result;
}

/* Asks, and waits for the answer: OpenAI's, as the endpoint wrote it; free with amphi_string_free.
 * result: what became of the request, also where it failed; NULL is fine. AMPHI_E_NOT_FOUND: no
 * endpoint serves the model; AMPHI_E_REFUSED: the request may not leave the device, or policy
 * leaves no route. */
AMPHI_API AMPHI_NODISCARD amphi_status amphi_embeddings_create(char **out, amphi_client *client,
    const amphi_embeddings_request *request, amphi_embeddings_result *result, amphi_error *error);

AMPHI_END_DECLS

#endif
