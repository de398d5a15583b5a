/* SPDX-License-Identifier: Apache-2.0
 *
 * Gathering credentials. Everything is lines of text in one buffer, which is wiped as it grows and
 * when it goes.
 */
#include "remote/credentials.h"

#include "remote/api_key.h"
#include "remote/http_request.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINES_BYTES_MAX = 16 << 10, LINES_MAX = 32, SECRET_LONG = 16 };

/* A token is renewed so long before it expires, or a tenth of its life. */
static const int64_t margin_ms = 30000;

/* ---- Lines ----------------------------------------------------------------------------------- */

static bool is_value(amphi_str value)
{
    return value.size > 0 && amphi__http_header_text_is_valid(value);
}

/* Those of one connection (RFC 9110, 7.6.1), and those that say what the body is. */
static bool is_reserved(amphi_str name)
{
    static const char *const names[] = {"connection", "keep-alive", "proxy-connection",
        "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
        "upgrade", "host", "content-length", "content-type", "content-encoding", "accept-encoding",
        "expect", "http2-settings"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (amphi__str_equal_ignore_case(name, amphi_str_from(names[i])))
            return true;
    return false;
}

/* The next line that is not empty; false at the end. */
static bool next_line(amphi_str *lines, amphi_str *name, amphi_str *value)
{
    while (lines->size > 0) {
        amphi_str line = amphi__str_trim(amphi__str_cut(*lines, '\n', lines));
        if (line.size == 0)
            continue;
        *name = amphi__str_trim(amphi__str_cut(line, ':', value));
        *value = amphi__str_trim(*value);
        return true;
    }
    return false;
}

amphi_status amphi__credentials_check(amphi_str lines, const char *what, amphi_error *error)
{
    amphi_str name, value;
    size_t count = 0;
    if (lines.size > LINES_BYTES_MAX)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "%s: longer than 16 KiB", what);
    while (next_line(&lines, &name, &value)) {
        if (++count > LINES_MAX)
            return amphi__fail(error, AMPHI_E_LIMIT, 0, "%s: more than 32 headers", what);
        if (!amphi__http_header_name_is_valid(name) ||
            !is_value(value)) /* its text may be a secret */
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "%s: line %zu is not \"Name: value\" without control characters", what, count);
        if (is_reserved(name)) {
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "%s: %.*s belongs to the connection or the body; it can't be set", what,
                (int)name.size, name.data);
        }
    }
    return AMPHI_OK;
}

/* Does its name say that the value is one, or its length? */
static bool is_secret(amphi_str name, amphi_str value)
{
    static const char *const words[] = {"auth", "key", "token", "secret", "cookie", "appcheck",
        "attest", "signature", "password", "session"};
    char lower[64];
    size_t size = name.size < sizeof lower ? name.size : sizeof lower;
    for (size_t i = 0; i < size; i++)
        lower[i] =
            (char)(name.data[i] >= 'A' && name.data[i] <= 'Z' ? name.data[i] + 32 : name.data[i]);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (amphi__str_find(amphi_str_make(lower, size), amphi_str_from(words[i])) != SIZE_MAX)
            return true;
    return value.size >= SECRET_LONG;
}

static void put_line(amphi_credentials *out, amphi_str name, amphi_str value)
{
    amphi__buf_append_str(&out->lines, name);
    amphi__buf_append_c(&out->lines, ": ");
    amphi__buf_append_str(&out->lines, value);
    amphi__buf_append_char(&out->lines, '\n');
    if (!is_secret(name, value))
        return;
    if (amphi__str_starts_with(value, AMPHI_STR("Bearer ")))
        value = amphi__str_slice(value, sizeof "Bearer", value.size);
    amphi__buf_append_str(&out->secrets, value);
    amphi__buf_append_char(&out->secrets, '\n');
}

static void put_lines(amphi_credentials *out, amphi_str lines)
{
    amphi_str name, value;
    while (next_line(&lines, &name, &value))
        put_line(out, name, value);
}

static bool has_line(const amphi_credentials *credentials, const char *wanted)
{
    amphi_str lines = amphi__buf_str(&credentials->lines);
    amphi_str name, value;
    while (next_line(&lines, &name, &value))
        if (amphi__str_equal_ignore_case(name, amphi_str_from(wanted)))
            return true;
    return false;
}

size_t amphi__credentials_headers(
    const amphi_credentials *credentials, amphi_http_header out[AMPHI_CREDENTIAL_HEADERS_MAX])
{
    amphi_str lines = amphi__buf_str(&credentials->lines);
    size_t count = 0;
    while (count < AMPHI_CREDENTIAL_HEADERS_MAX &&
           next_line(&lines, &out[count].name, &out[count].value))
        count++;
    return count;
}

void amphi__credentials_init(amphi_credentials *credentials)
{
    memset(credentials, 0, sizeof *credentials);
    amphi__buf_init(&credentials->lines, 0);
    amphi__buf_init(&credentials->secrets, 0);
}

void amphi__credentials_wipe(amphi_credentials *credentials)
{
    amphi__buf_wipe(&credentials->lines);
    amphi__buf_wipe(&credentials->secrets);
}

/* ---- The token ------------------------------------------------------------------------------- */

amphi_status amphi__token_cache_init(amphi_token_cache *cache)
{
    memset(cache, 0, sizeof *cache);
    amphi__buf_init(&cache->line, 0);
    amphi_status status = amphi__mutex_init(&cache->mutex);
    return status == AMPHI_OK ? amphi__cond_init(&cache->changed) : status;
}

void amphi__token_cache_clear(amphi_token_cache *cache)
{
    amphi__buf_wipe(&cache->line);
    amphi__cond_clear(&cache->changed);
    amphi__mutex_clear(&cache->mutex);
}

/* Until when a token that was asked for just now is used. */
static int64_t use_until_ms(int64_t now_ms, int64_t expires_ms)
{
    int64_t life_ms = expires_ms - now_ms;
    int64_t margin = life_ms / 10 < margin_ms ? life_ms / 10 : margin_ms;
    return life_ms > 0 ? expires_ms - margin : 0;
}

static amphi_status check_token(
    const amphi_credential_source *source, const amphi_token *token, amphi_error *error)
{
    amphi_str name = amphi_str_from(token->header);
    bool has_ends = memchr(token->header, '\0', sizeof token->header) != NULL &&
                    memchr(token->value, '\0', sizeof token->value) != NULL;
    if (has_ends && is_value(amphi_str_from(token->value)) &&
        (name.size == 0 || (amphi__http_header_name_is_valid(name) && !is_reserved(name))))
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_FORMAT, 0,
        "endpoint %s: the app's token has an odd header name, or is not one line",
        source->endpoint);
}

/* Asks the app, under no lock. *line is empty where it has no token for this endpoint. */
static amphi_status ask_app(const amphi_credential_source *source, bool renew, amphi_buf *line,
    int64_t *until_ms, amphi_error *error)
{
    amphi_token token;
    amphi_token_request request = {.renew = renew};
    amphi_error why = {.status = AMPHI_OK};
    memset(&token, 0, sizeof token);
    request.endpoint = amphi_str_from(source->endpoint);
    request.url = amphi_str_from(source->url);
    int64_t now_ms = amphi__clock_wall_ms(source->clock);
    amphi_status status = source->keys.ops->api_token(source->keys.self, &request, &token, &why);
    if (status == AMPHI_E_NOT_FOUND) {
        amphi__wipe(&token, sizeof token);
        return AMPHI_OK;
    }
    if (status != AMPHI_OK) {
        why.message[sizeof why.message - 1] = '\0';
        amphi__fail(error, status, why.native_code, "endpoint %s: the app has no token: %s",
            source->endpoint, why.message[0] != '\0' ? why.message : amphi_status_name(status));
    } else {
        status = check_token(source, &token, error);
    }
    if (status == AMPHI_OK) {
        bool is_bearer = token.header[0] == '\0';
        amphi__buf_append_c(line, is_bearer ? "Authorization" : token.header);
        amphi__buf_append_c(line, is_bearer ? ": Bearer " : ": ");
        amphi__buf_append_c(line, token.value);
        *until_ms = token.expires_ms > 0 ? use_until_ms(now_ms, token.expires_ms) : 0;
        status = line->status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
    }
    amphi__wipe(&token, sizeof token);
    return status;
}

/* Adds the token's line: the one that is kept, or a new one. `refused`: its generation; 0: none. */
static amphi_status put_token(amphi_credentials *out, const amphi_credential_source *source,
    uint64_t refused, amphi_error *error)
{
    amphi_token_cache *cache = source->cache;
    amphi_status status = AMPHI_OK;
    amphi_buf line;
    int64_t until_ms = 0;
    amphi__buf_init(&line, 0);
    amphi__mutex_lock(&cache->mutex);
    while (cache->is_asking)
        amphi__cond_wait(&cache->changed, &cache->mutex);
    bool is_good = cache->line.size > 0 && cache->generation != refused &&
                   amphi__clock_wall_ms(source->clock) < cache->until_ms;
    if (!is_good) {
        cache->is_asking = true;
        amphi__mutex_unlock(&cache->mutex);
        status = ask_app(source, refused != 0, &line, &until_ms, error);
        amphi__mutex_lock(&cache->mutex);
        amphi__buf_wipe(&cache->line);
        cache->line = line;
        cache->until_ms = status == AMPHI_OK ? until_ms : 0;
        cache->generation++;
        cache->is_asking = false;
        amphi__cond_broadcast(&cache->changed);
    }
    if (status == AMPHI_OK && cache->line.size > 0) {
        put_lines(out, amphi__buf_str(&cache->line));
        out->token_generation = cache->generation;
    }
    amphi__mutex_unlock(&cache->mutex);
    return status;
}

/* ---- Gathering ------------------------------------------------------------------------------- */

static amphi_status put_headers_file(
    amphi_credentials *out, const amphi_credential_source *source, amphi_error *error)
{
    char text[LINES_BYTES_MAX + 1];
    size_t size = 0;
    if (source->headers_file[0] == '\0')
        return AMPHI_OK;
    int fd = open(source->headers_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return amphi__fail(error, errno == ENOENT ? AMPHI_E_NOT_FOUND : AMPHI_E_IO, errno,
            "endpoint %s: the headers file can't be read", source->endpoint);
    ssize_t got = 1;
    while (got > 0 && size < sizeof text) {
        got = read(fd, text + size, sizeof text - size);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            size += (size_t)got;
    }
    close(fd);
    amphi_status status = AMPHI_OK;
    if (got < 0)
        status = amphi__fail(error, AMPHI_E_IO, errno,
            "endpoint %s: the headers file can't be read", source->endpoint);
    else
        status = amphi__credentials_check(amphi_str_make(text, size), "headers file", error);
    if (status == AMPHI_OK)
        put_lines(out, amphi_str_make(text, size));
    amphi__wipe(text, sizeof text);
    return status;
}

static amphi_status put_key(
    amphi_credentials *out, const amphi_credential_source *source, amphi_error *error)
{
    amphi_buf authorization;
    amphi__buf_init(&authorization, 0);
    const amphi_api_key_source key = {source->endpoint, source->key_file, source->keys};
    amphi_status status = amphi__api_key_authorization(&authorization, &key, error);
    if (status == AMPHI_OK && authorization.size > 0)
        put_line(out, AMPHI_STR("Authorization"), amphi__buf_str(&authorization));
    amphi__buf_wipe(&authorization);
    return status;
}

amphi_status amphi__credentials_gather(amphi_credentials *out,
    const amphi_credential_source *source, const amphi_credentials *refused, amphi_error *error)
{
    const amphi_keys *keys = &source->keys;
    amphi_status status = AMPHI_OK;
    put_lines(out, amphi_str_from(source->headers));
    status = put_headers_file(out, source, error);
    if (status == AMPHI_OK && keys->ops != NULL && keys->ops->api_token != NULL)
        status = put_token(out, source, refused != NULL ? refused->token_generation : 0, error);
    if (status == AMPHI_OK && out->token_generation == 0 && !has_line(out, "Authorization"))
        status = put_key(out, source, error);
    if (status == AMPHI_OK && (out->lines.status != AMPHI_OK || out->secrets.status != AMPHI_OK))
        status = amphi__fail_no_memory(error);
    return status;
}

bool amphi__credentials_are_the_same(
    const amphi_credentials *credentials, const amphi_credentials *refused)
{
    return amphi__str_starts_with(
        amphi__buf_str(&refused->lines), amphi__buf_str(&credentials->lines));
}

/* FNV-1a over numbers. */
static uint64_t mix(uint64_t mark, uint64_t number)
{
    for (int i = 0; i < 8; i++)
        mark = (mark ^ (number >> (8 * i) & 0xFF)) * 0x100000001b3u;
    return mark;
}

void amphi__credentials_mark(const amphi_credential_source *source, char out[AMPHI_MARK_SIZE])
{
    const char *const files[] = {source->key_file, source->headers_file};
    uint64_t mark = 0xcbf29ce484222325u;
    bool has_any = false;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct stat info;
        if (files[i][0] == '\0')
            continue;
        has_any = true;
        if (stat(files[i], &info) != 0) /* there is none now: another mark than with one */
            memset(&info, 0, sizeof info);
        mark = mix(mark, (uint64_t)info.st_ino);
        mark = mix(mark, (uint64_t)info.st_size);
        mark = mix(mark, (uint64_t)info.st_mtim.tv_sec);
        mark = mix(mark, (uint64_t)info.st_mtim.tv_nsec);
        mark = mix(mark, (uint64_t)info.st_ctim.tv_sec);
        mark = mix(mark, (uint64_t)info.st_ctim.tv_nsec);
    }
    if (has_any)
        snprintf(out, AMPHI_MARK_SIZE, "%016" PRIx64, mark);
}

/* ---- Signing --------------------------------------------------------------------------------- */

static amphi_status add_header(void *user, amphi_str name, amphi_str value)
{
    amphi_credentials *credentials = user;
    amphi_http_header known[AMPHI_CREDENTIAL_HEADERS_MAX];
    if (!amphi__http_header_name_is_valid(name) || !is_value(value) || is_reserved(name))
        return AMPHI_E_ARGUMENT;
    if (amphi__credentials_headers(credentials, known) == AMPHI_CREDENTIAL_HEADERS_MAX ||
        credentials->lines.size + value.size > 2 * (size_t)LINES_BYTES_MAX)
        return AMPHI_E_LIMIT;
    put_line(credentials, name, value);
    return credentials->lines.status != AMPHI_OK ? credentials->lines.status
                                                 : credentials->secrets.status;
}

amphi_status amphi__credentials_sign(amphi_credentials *credentials,
    const amphi_credential_source *source, const amphi_http_request *request, amphi_error *error)
{
    const amphi_keys *keys = &source->keys;
    amphi_sign_request sign = {.headers_count = request->headers_count};
    amphi_error why = {.status = AMPHI_OK};
    uint8_t digest[32];
    if (keys->ops == NULL || keys->ops->sign == NULL)
        return AMPHI_OK;
    sign.endpoint = amphi_str_from(source->endpoint);
    sign.method = request->method;
    sign.url = request->url;
    sign.headers = request->headers;
    sign.body = request->body;
    if (amphi__sha256(request->body, digest) != AMPHI_OK)
        return amphi__fail_no_memory(error);
    amphi__hex(sign.body_sha256, digest, sizeof digest);
    amphi_credentials added;
    amphi__credentials_init(&added);
    amphi_status status = keys->ops->sign(keys->self, &sign, add_header, &added, &why);
    if (status == AMPHI_OK && (added.lines.status != AMPHI_OK || added.secrets.status != AMPHI_OK))
        status = AMPHI_E_NO_MEMORY;
    if (status == AMPHI_OK) {
        put_lines(credentials, amphi__buf_str(&added.lines));
        if (credentials->lines.status != AMPHI_OK || credentials->secrets.status != AMPHI_OK)
            status = amphi__fail_no_memory(error);
    } else {
        why.message[sizeof why.message - 1] = '\0';
        amphi__fail(error, status, why.native_code,
            "endpoint %s: the app did not sign the request: %s", source->endpoint,
            why.message[0] != '\0' ? why.message : amphi_status_name(status));
    }
    amphi__credentials_wipe(&added);
    return status;
}
