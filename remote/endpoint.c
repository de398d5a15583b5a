/* SPDX-License-Identifier: Apache-2.0
 *
 * A cloud endpoint as an amphi_engine. This file has what is the same for all requests to it: the
 * options, checked once, and the description that the policy decides by, which includes what
 * earlier requests showed (is a connection warm, does the server continue a prefix). One request
 * is in endpoint_run.c, the API key in api_key.c.
 */
#include "remote/endpoint.h"

#include "remote/continuation_guess.h"
#include "remote/dialect_embeddings.h"
#include "remote/dialect_openai.h"
#include "remote/dialect_responses.h"
#include "remote/tls_pins_format.h"
#include "remote/url.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/continuation.h"
#include "sdk/core/error.h"
#include "sdk/core/model_list.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <errno.h>
#include <unistd.h>

/* The transport keeps idle connections for a minute; a little less is called warm. */
static const uint64_t warm_us = 50u * 1000000u;

/* ---- The table ------------------------------------------------------------------------------- */

void amphi__endpoint_http_request(const amphi_remote_endpoint *endpoint, amphi_http_request *out)
{
    amphi_http_request_init(out);
    out->method = AMPHI_STR("POST");
    out->url = amphi_str_from(endpoint->url);
    out->ca_file = amphi_str_from(endpoint->ca_file);
    out->pins = amphi_str_from(endpoint->pins);
    out->tls12 = endpoint->tls12;
    out->allow_http_loopback = endpoint->allow_http_loopback;
}

amphi_credential_source amphi__endpoint_credentials(amphi_remote_endpoint *endpoint)
{
    return (amphi_credential_source){.endpoint = endpoint->name,
        .url = endpoint->url,
        .headers = endpoint->headers,
        .headers_file = endpoint->headers_file,
        .key_file = endpoint->key_file,
        .keys = endpoint->keys,
        .clock = endpoint->clock,
        .cache = &endpoint->token};
}

static bool is_warm(const amphi_remote_endpoint *endpoint)
{
    uint64_t last_us = atomic_load(&endpoint->last_used_us);
    return last_us > 0 && amphi__clock_boot_us(endpoint->clock) - last_us < warm_us;
}

static void endpoint_describe(void *self, amphi_engine_info *out)
{
    const amphi_remote_endpoint *endpoint = self;
    bool has_provider = endpoint->keys.ops != NULL && endpoint->keys.ops->api_key != NULL;
    amphi_engine_info own;
    amphi_engine_info_init(&own);
    own.kind = AMPHI_ENGINE_CLOUD;
    amphi__str_copy_to(own.name, sizeof own.name, amphi_str_from(endpoint->name));
    amphi__str_copy_to(own.model, sizeof own.model,
        amphi__model_list_choose(amphi_str_from(endpoint->model), amphi_str_make(NULL, 0)));
    own.available = true;
    if (!has_provider && endpoint->key_file[0] != '\0' && access(endpoint->key_file, R_OK) != 0) {
        own.available = false;
        amphi__str_copy_to(own.why, sizeof own.why,
            errno == ENOENT ? AMPHI_STR("its key file does not exist")
                            : AMPHI_STR("its key file can't be read"));
    }
    const amphi_credential_source source = {
        .key_file = endpoint->key_file, .headers_file = endpoint->headers_file};
    amphi__credentials_mark(&source, own.fingerprint);
    own.ready = is_warm(endpoint);
    own.context_tokens_max = endpoint->context_tokens_max;
    own.prefix = endpoint->prefix;
    own.continuation = endpoint->continuation;
    own.continuation_guess = (amphi_continuation)atomic_load(&endpoint->continuation_guess);
    own.is_loopback = endpoint->is_loopback;
    own.tools = true;
    own.images = true;
    own.audio = true;
    own.embeddings = true;
    own.priority = endpoint->priority;
    own.weight = endpoint->weight;
    AMPHI__SIZED_WRITE(out, &own);
}

static amphi_status endpoint_start(void *self, amphi_engine_run **out,
    const amphi_engine_request *request, const amphi_engine_sink *sink, amphi_error *error)
{
    amphi_engine_request own;
    *out = NULL;
    amphi_status status = AMPHI__SIZED_READ(amphi_engine_request, &own, request, "request", error);
    return status == AMPHI_OK ? amphi__endpoint_run_start(self, out, &own, sink, error) : status;
}

static void endpoint_cancel(void *self, amphi_engine_run *run)
{
    amphi__endpoint_run_cancel(run);
}

static void endpoint_release(void *self, amphi_engine_run *run)
{
    amphi__endpoint_run_release(run);
}

static amphi_status endpoint_list_models(void *self, uint32_t timeout_ms,
    amphi_engine_model_fn *model, void *user, amphi_provider_error *provider, amphi_error *error)
{
    return amphi__endpoint_list_models(self, timeout_ms, model, user, provider, error);
}

static void endpoint_prewarm(void *self)
{
    const amphi_remote_endpoint *endpoint = self;
    if (endpoint->http.ops->warm != NULL && !is_warm(endpoint)) {
        amphi_http_request request;
        amphi__endpoint_http_request(endpoint, &request);
        endpoint->http.ops->warm(endpoint->http.self, &request);
    }
}

static void endpoint_free(void *self)
{
    amphi_remote_endpoint *endpoint = self;
    if (endpoint == NULL)
        return;
    amphi__endpoint_run_stop_threads(endpoint);
    amphi__token_cache_clear(&endpoint->token);
    amphi__cond_clear(&endpoint->changed);
    amphi__mutex_clear(&endpoint->mutex);
    amphi__free(endpoint->name);
    amphi__free(endpoint->url);
    amphi__free(endpoint->embeddings_url);
    amphi__free(endpoint->model);
    amphi__free(endpoint->key_file);
    amphi__free(endpoint->headers); /* wiped, as all freed memory is */
    amphi__free(endpoint->headers_file);
    amphi__free(endpoint->ca_file);
    amphi__free(endpoint->pins);
    amphi__free(endpoint);
}

static const amphi_engine_ops endpoint_ops = {
    .struct_size = sizeof endpoint_ops,
    .name = "openai",
    .describe = endpoint_describe,
    .start = endpoint_start,
    .cancel = endpoint_cancel,
    .release = endpoint_release,
    .count_tokens = NULL, /* the client estimates */
    .prewarm = endpoint_prewarm,
    .unload = NULL,
    .free = endpoint_free,
    .list_models = endpoint_list_models,
};

/* ---- Creation -------------------------------------------------------------------------------- */

/* NULL: there is no dialect of that name. */
static const amphi_dialect *find_dialect(amphi_str name)
{
    if (amphi__str_equal_c(name, "responses"))
        return &amphi__dialect_responses;
    return name.size == 0 || amphi__str_equal_c(name, "chat") ? &amphi__dialect_openai : NULL;
}

static amphi_status check_options(const amphi_remote_options *options, amphi_error *error)
{
    const amphi_endpoint_options *source = &options->endpoint;
    amphi_url url;
    if (source->name.size == 0 || source->name.size >= AMPHI_NAME_MAX ||
        !amphi__str_is_visible_ascii(source->name) || amphi__str_equal_c(source->name, "local")) {
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "endpoint.name: 1 to %d visible ASCII characters, and not \"local\"",
            (int)AMPHI_NAME_MAX - 1);
    }
    if (find_dialect(source->dialect) == NULL) {
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "endpoint.dialect: chat or responses is expected");
    }
    amphi_continuation way;
    if (!amphi__continuation_parse(&way, source->continues)) {
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "endpoint.continues: native, vllm, prefix, instruct, no or auto is expected");
    }
    if (options->http.ops == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "http: there is no transport");
    amphi_status status = amphi__url_parse(&url, source->url, error);
    if (status == AMPHI_OK)
        status = amphi__url_check(&url, options->allow_http_loopback, error);
    if (status == AMPHI_OK)
        status = amphi__tls_pins_format_check(source->pins, error);
    if (status == AMPHI_OK)
        status = amphi__credentials_check(source->headers, "endpoint.headers", error);
    return status;
}

/* "continue" decides; "prefix" is its older spelling. */
static void set_continuation(amphi_remote_endpoint *endpoint, const amphi_endpoint_options *source)
{
    bool is_open = source->continues.size == 0 && source->prefix == AMPHI_UNKNOWN;
    (void)amphi__continuation_parse(&endpoint->continuation, source->continues);
    endpoint->prefix = source->continues.size == 0 ? source->prefix : AMPHI_UNKNOWN;
    if (endpoint->continuation == AMPHI_CONTINUE_NO || (is_open && !endpoint->dialect->continues))
        endpoint->prefix = AMPHI_NO;
    atomic_init(
        &endpoint->continuation_guess, (int)amphi__continuation_guess_from_url(source->url));
}

static char *join_url(amphi_str base, const char *path)
{
    amphi_buf url;
    amphi__buf_init(&url, 0);
    amphi__url_join(&url, base, amphi_str_from(path));
    char *joined = amphi__buf_take(&url);
    amphi__buf_clear(&url);
    return joined;
}

static bool copy_strings(amphi_remote_endpoint *endpoint, const amphi_endpoint_options *source)
{
    endpoint->url = join_url(source->url, endpoint->dialect->path);
    endpoint->embeddings_url = join_url(source->url, amphi__dialect_embeddings.path);
    endpoint->name = amphi__str_copy(source->name);
    endpoint->model = amphi__str_copy(source->model);
    endpoint->key_file = amphi__str_copy(source->key_file);
    endpoint->headers = amphi__str_copy(source->headers);
    endpoint->headers_file = amphi__str_copy(source->headers_file);
    endpoint->ca_file = amphi__str_copy(source->ca_file);
    endpoint->pins = amphi__str_copy(source->pins);
    return endpoint->url != NULL && endpoint->embeddings_url != NULL && endpoint->name != NULL &&
           endpoint->model != NULL && endpoint->key_file != NULL && endpoint->headers != NULL &&
           endpoint->headers_file != NULL && endpoint->ca_file != NULL && endpoint->pins != NULL;
}

amphi_status amphi__remote_engine_new(
    amphi_engine *out, const amphi_remote_options *options, amphi_error *error)
{
    amphi_status status = check_options(options, error);
    if (status != AMPHI_OK)
        return status;
    amphi_remote_endpoint *endpoint = amphi__calloc(1, sizeof *endpoint);
    if (endpoint == NULL)
        return amphi__fail_no_memory(error);
    endpoint->dialect = find_dialect(options->endpoint.dialect);
    endpoint->context_tokens_max = options->endpoint.context_tokens_max;
    endpoint->priority = options->endpoint.priority;
    endpoint->weight = options->endpoint.weight > 0 ? options->endpoint.weight : 1;
    endpoint->tls12 = options->endpoint.tls12;
    endpoint->allow_http_loopback = options->allow_http_loopback;
    amphi_url url;
    endpoint->is_loopback =
        amphi__url_parse(&url, options->endpoint.url, NULL) == AMPHI_OK && url.is_loopback;
    endpoint->http = options->http;
    endpoint->keys = options->keys;
    endpoint->clock = options->clock;
    endpoint->log = options->log;
    set_continuation(endpoint, &options->endpoint);
    if (amphi__mutex_init(&endpoint->mutex) != AMPHI_OK ||
        amphi__cond_init(&endpoint->changed) != AMPHI_OK ||
        amphi__token_cache_init(&endpoint->token) != AMPHI_OK ||
        !copy_strings(endpoint, &options->endpoint)) {
        status = amphi__fail_no_memory(error);
        goto cleanup;
    }
    out->ops = &endpoint_ops;
    out->self = endpoint;
    endpoint = NULL; /* the caller owns it now */
cleanup:
    endpoint_free(endpoint);
    return status;
}
