/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking an endpoint for its models: GET {base}/models, with the credentials, trust and signature
 * that every request there has. It costs nothing, and shows what the key may do. The calling thread
 * waits; the transport's thread gathers the answer. After a 401 newer credentials are tried once.
 */
#include "remote/endpoint.h"

#include "remote/provider_error.h"
#include "remote/provider_words.h"
#include "remote/url.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <amphi/version.h>

enum { BODY_BYTES_MAX = 4 << 20, OWN_HEADERS = 2 };

typedef struct listing {
    amphi_mutex mutex;
    amphi_cond changed;
    int http_status;
    char request_id[AMPHI_NAME_MAX];
    amphi_buf body;
    amphi_error error; /* of the exchange */
    bool ended;
} listing;

static void on_headers(void *self, int http_status, const amphi_http_header *headers, size_t count)
{
    listing *l = self;
    l->http_status = http_status;
    for (size_t i = 0; i < count; i++)
        if (amphi__str_equal_ignore_case(headers[i].name, AMPHI_STR("x-request-id")))
            amphi__str_copy_to(l->request_id, sizeof l->request_id, headers[i].value);
}

static void on_body(void *self, amphi_str piece)
{
    listing *l = self;
    amphi__buf_append_str(&l->body, piece);
}

static void on_end(void *self, const amphi_error *error)
{
    listing *l = self;
    amphi__mutex_lock(&l->mutex);
    if (error != NULL)
        l->error = *error;
    l->ended = true;
    amphi__cond_broadcast(&l->changed);
    amphi__mutex_unlock(&l->mutex);
}

/* "https://host/v1/chat/completions?v=1" -> "https://host/v1/models?v=1" */
static amphi_status write_url(amphi_buf *out, const amphi_remote_endpoint *endpoint)
{
    amphi_url url;
    amphi_str text = amphi_str_from(endpoint->url);
    amphi_str own = amphi_str_from(endpoint->dialect->path);
    amphi_status status = amphi__url_parse(&url, text, NULL);
    if (status != AMPHI_OK)
        return status;
    size_t path_end = (size_t)(url.path.data - text.data) + url.path.size;
    size_t base_end = amphi__str_ends_with(url.path, own) ? path_end - own.size : path_end;
    amphi__buf_append_str(out, amphi__str_slice(text, 0, base_end));
    amphi__buf_append_c(out, "/models");
    return amphi__buf_append_str(out, url.query);
}

static size_t write_headers(const amphi_credentials *credentials,
    amphi_http_header out[OWN_HEADERS + AMPHI_CREDENTIAL_HEADERS_MAX])
{
    size_t count = amphi__credentials_headers(credentials, out);
    out[count++] = (amphi_http_header){AMPHI_STR("Accept"), AMPHI_STR("application/json")};
    out[count++] = (amphi_http_header){AMPHI_STR("User-Agent"), AMPHI_STR("amphi/" AMPHI_VERSION)};
    return count;
}

/* One exchange, to its end. */
static amphi_status exchange(amphi_remote_endpoint *endpoint, const amphi_credential_source *source,
    amphi_credentials *credentials, uint32_t timeout_ms, listing *l, amphi_error *error)
{
    const amphi_http_sink sink = {l, on_headers, on_body, on_end};
    amphi_http_header headers[OWN_HEADERS + AMPHI_CREDENTIAL_HEADERS_MAX];
    amphi_http_exchange *running = NULL;
    amphi_http_request request;
    amphi__endpoint_http_request(endpoint, &request);
    request.method = AMPHI_STR("GET");
    request.url = amphi_str_from(source->url);
    request.headers = headers;
    request.headers_count = write_headers(credentials, headers);
    request.total_timeout_ms = timeout_ms;
    request.body_limit_bytes = BODY_BYTES_MAX;
    amphi_status status = amphi__credentials_sign(credentials, source, &request, error);
    request.headers_count = write_headers(credentials, headers); /* it may have moved them */
    if (status == AMPHI_OK)
        status = endpoint->http.ops->start(endpoint->http.self, &running, &request, &sink, error);
    if (status == AMPHI_OK) {
        amphi__mutex_lock(&l->mutex);
        while (!l->ended)
            amphi__cond_wait(&l->changed, &l->mutex);
        amphi__mutex_unlock(&l->mutex);
        endpoint->http.ops->release(endpoint->http.self, running);
    }
    return status;
}

/* OpenAI's {"data":[{"id":"..."}]}; some servers have the array alone. */
static amphi_status report_models(
    const listing *l, amphi_engine_model_fn *model, void *user, amphi_error *error)
{
    amphi_json *root = NULL;
    amphi_status status = amphi__json_parse(&root, amphi__buf_str(&l->body), "models", NULL);
    const amphi_json *list = amphi__json_get(root, "data");
    if (list == NULL)
        list = root;
    if (status == AMPHI_E_NO_MEMORY) {
        amphi__fail_no_memory(error);
    } else if (status != AMPHI_OK || amphi__json_kind(list) != AMPHI_JSON_ARRAY) {
        status =
            amphi__fail(error, AMPHI_E_PROTOCOL, l->http_status, "its answer is no list of models");
    } else {
        for (const amphi_json *m = amphi__json_first(list); m != NULL; m = amphi__json_next(m))
            if (amphi__json_string(amphi__json_get(m, "id")).size > 0)
                model(user, amphi__json_string(amphi__json_get(m, "id")));
    }
    amphi__json_free(root);
    return status;
}

/* What an exchange that has ended has to say. */
static amphi_status judge(const listing *l, const amphi_credentials *credentials,
    amphi_engine_model_fn *model, void *user, amphi_provider_error *provider, amphi_error *error)
{
    if (l->error.status != AMPHI_OK) {
        if (error != NULL)
            *error = l->error;
        return l->error.status;
    }
    if (l->body.status != AMPHI_OK)
        return amphi__fail_grown(error, l->body.status, "its list of models is too long");
    if (l->http_status >= 200 && l->http_status <= 299)
        return report_models(l, model, user, error);
    amphi_provider_verdict verdict;
    amphi_str body = amphi__buf_str(&l->body);
    amphi__provider_error_explain(&verdict, l->http_status, body, 0, false);
    if (provider != NULL) {
        const amphi_provider_answer answer = {l->http_status, body, amphi_str_from(l->request_id),
            amphi__buf_str(&credentials->secrets)};
        (void)amphi__provider_words_read(provider, &answer);
    }
    if (error != NULL)
        *error = verdict.error;
    return verdict.error.status;
}

static amphi_status listing_init(listing *l)
{
    memset(l, 0, sizeof *l);
    amphi__buf_init(&l->body, BODY_BYTES_MAX);
    amphi_status status = amphi__mutex_init(&l->mutex);
    return status == AMPHI_OK ? amphi__cond_init(&l->changed) : status;
}

static void listing_clear(listing *l)
{
    amphi__buf_wipe(&l->body);
    amphi__cond_clear(&l->changed);
    amphi__mutex_clear(&l->mutex);
}

/* After a 401, others than those that were refused take their place; *is_new false: there are none.
 * Fails only without memory. */
static amphi_status renew(bool *is_new, const amphi_credential_source *source,
    amphi_credentials *credentials, amphi_error *error)
{
    amphi_credentials newer;
    amphi__credentials_init(&newer);
    amphi_status status = amphi__credentials_gather(&newer, source, credentials, NULL);
    *is_new = status == AMPHI_OK && !amphi__credentials_are_the_same(&newer, credentials);
    amphi__credentials_wipe(*is_new ? credentials : &newer);
    if (*is_new)
        *credentials = newer;
    return status == AMPHI_E_NO_MEMORY ? amphi__fail_no_memory(error) : AMPHI_OK;
}

amphi_status amphi__endpoint_list_models(amphi_remote_endpoint *endpoint, uint32_t timeout_ms,
    amphi_engine_model_fn *model, void *user, amphi_provider_error *provider, amphi_error *error)
{
    amphi_credential_source source = amphi__endpoint_credentials(endpoint);
    amphi_credentials credentials;
    amphi_buf url;
    amphi__buf_init(&url, 0);
    amphi__credentials_init(&credentials);
    amphi_status status = write_url(&url, endpoint);
    if (status != AMPHI_OK)
        amphi__fail_no_memory(error);
    source.url = url.data;
    if (status == AMPHI_OK)
        status = amphi__credentials_gather(&credentials, &source, NULL, error);
    bool renewed = false;
    uint64_t until_ms = amphi__clock_ms(NULL) + timeout_ms;
    for (bool more = status == AMPHI_OK; more; renewed = true) {
        listing l;
        uint64_t now_ms = amphi__clock_ms(NULL);
        uint32_t left_ms = now_ms < until_ms ? (uint32_t)(until_ms - now_ms) : 1;
        more = false;
        status = listing_init(&l);
        if (status != AMPHI_OK)
            amphi__fail_no_memory(error);
        else
            status = exchange(endpoint, &source, &credentials, left_ms, &l, error);
        if (status == AMPHI_OK && l.http_status == 401 && !renewed)
            status = renew(&more, &source, &credentials, error);
        if (status == AMPHI_OK && !more)
            status = judge(&l, &credentials, model, user, provider, error);
        listing_clear(&l);
    }
    amphi__credentials_wipe(&credentials);
    amphi__buf_clear(&url);
    return status;
}
