/* SPDX-License-Identifier: Apache-2.0
 *
 * Over hiredis's synchronous calls, with a pool of connections: a call takes an idle one or makes
 * one, and puts it back unless it broke. What a call may cost is bounded, since a request waits for
 * it: 50 ms to connect, 50 ms for an answer, and nothing for two seconds after either failed.
 */
#include "redis_cache.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    IDLE_MAX = 16,   /* connections that are kept open */
    WAIT_MS = 50,    /* for a connection, and for an answer */
    OFFLINE_S = 2,   /* no try for so long after a failure */
    SCAN_COUNT = 512 /* keys per step of clear */
};

typedef struct redis_place {
    char host[256]; /* or the path of a socket */
    char user[64], password[256];
    char prefix[64]; /* of every key */
    int port;        /* 0: a socket */
    unsigned database;
} redis_place;

typedef struct redis_cache {
    redis_place place;
    uint8_t secret[AMPHI_CACHE_SECRET_BYTES];
    pthread_mutex_t lock; /* guards what follows */
    redisContext *idle[IDLE_MAX];
    size_t idle_count;
    time_t offline_until; /* monotonic seconds */
} redis_cache;

static amphi_status fail(amphi_error *error, amphi_status status, const char *why)
{
    if (error != NULL) {
        memset(error, 0, sizeof *error);
        error->status = status;
        snprintf(error->message, sizeof error->message, "shared cache: %s", why);
    }
    return status;
}

/* ---- connections ---- */

static time_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void drop(redis_cache *cache, redisContext *connection)
{
    if (connection != NULL)
        redisFree(connection);
    pthread_mutex_lock(&cache->lock);
    cache->offline_until = now_s() + OFFLINE_S;
    while (cache->idle_count > 0) /* made before the failure: as dead, mostly */
        redisFree(cache->idle[--cache->idle_count]);
    pthread_mutex_unlock(&cache->lock);
}

static void put_back(redis_cache *cache, redisContext *connection)
{
    pthread_mutex_lock(&cache->lock);
    bool kept = cache->idle_count < IDLE_MAX;
    if (kept)
        cache->idle[cache->idle_count++] = connection;
    pthread_mutex_unlock(&cache->lock);
    if (!kept)
        redisFree(connection);
}

/* One command of a new connection's greeting. */
static bool greet(redisReply *reply)
{
    bool ok = reply != NULL && reply->type != REDIS_REPLY_ERROR;
    if (reply != NULL)
        freeReplyObject(reply);
    return ok;
}

static bool log_in(redisContext *connection, const redis_place *place)
{
    if (place->user[0] != '\0' &&
        !greet(redisCommand(connection, "AUTH %s %s", place->user, place->password)))
        return false;
    if (place->user[0] == '\0' && place->password[0] != '\0' &&
        !greet(redisCommand(connection, "AUTH %s", place->password)))
        return false;
    return place->database == 0 || greet(redisCommand(connection, "SELECT %u", place->database));
}

static redisContext *connect_now(const redis_place *place)
{
    const struct timeval wait = {.tv_usec = WAIT_MS * 1000};
    redisContext *connection = place->port == 0
                                   ? redisConnectUnixWithTimeout(place->host, wait)
                                   : redisConnectWithTimeout(place->host, place->port, wait);
    if (connection == NULL)
        return NULL;
    if (connection->err == 0 && redisSetTimeout(connection, wait) == REDIS_OK &&
        log_in(connection, place))
        return connection;
    redisFree(connection);
    return NULL;
}

/* A server closes connections that were idle for long; then there is something to read. */
static bool is_alive(const redisContext *connection)
{
    struct pollfd readable = {.fd = connection->fd, .events = POLLIN};
    return poll(&readable, 1, 0) == 0;
}

/* NULL: out of reach, or, for a request, lately so. */
static redisContext *take(redis_cache *cache, bool for_request)
{
    redisContext *connection = NULL;
    pthread_mutex_lock(&cache->lock);
    bool offline = for_request && now_s() < cache->offline_until;
    while (!offline && connection == NULL && cache->idle_count > 0) {
        connection = cache->idle[--cache->idle_count];
        if (!is_alive(connection)) {
            redisFree(connection);
            connection = NULL;
        }
    }
    pthread_mutex_unlock(&cache->lock);
    if (offline || connection != NULL)
        return connection;
    connection = connect_now(&cache->place);
    if (connection == NULL)
        drop(cache, NULL);
    return connection;
}

static amphi_status out_of_reach(amphi_error *error)
{
    return fail(error, AMPHI_E_OFFLINE, "the Redis server does not answer");
}

/* Ends a command: the connection goes back, or away. */
static amphi_status settle(
    redis_cache *cache, redisContext *connection, const redisReply *reply, amphi_error *error)
{
    if (reply == NULL) {
        drop(cache, connection);
        return out_of_reach(error);
    }
    put_back(cache, connection);
    if (reply->type == REDIS_REPLY_ERROR)
        return fail(error, AMPHI_E_PROVIDER, reply->str);
    return AMPHI_OK;
}

/* ---- the table's entries ---- */

#define NAME_MAX_BYTES (64 + 3 + 2 * AMPHI_CACHE_KEY_BYTES + 1)

static void name_of(
    const redis_cache *cache, const uint8_t key[AMPHI_CACHE_KEY_BYTES], char out[NAME_MAX_BYTES])
{
    int at = snprintf(out, NAME_MAX_BYTES, "%s:1:", cache->place.prefix);
    for (size_t i = 0; i < AMPHI_CACHE_KEY_BYTES; i++)
        at += snprintf(out + at, NAME_MAX_BYTES - (size_t)at, "%02x", key[i]);
}

static amphi_status secret(void *self, uint8_t out[AMPHI_CACHE_SECRET_BYTES], amphi_error *error)
{
    const redis_cache *cache = self;
    (void)error;
    memcpy(out, cache->secret, AMPHI_CACHE_SECRET_BYTES);
    return AMPHI_OK;
}

static amphi_status get(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    redis_cache *cache = self;
    char name[NAME_MAX_BYTES];
    redisContext *connection = take(cache, true);
    if (connection == NULL)
        return out_of_reach(error);
    name_of(cache, key, name);
    redisReply *reply = redisCommand(connection, "GET %s", name);
    amphi_status status = settle(cache, connection, reply, error);
    if (status == AMPHI_OK && reply->type == REDIS_REPLY_STRING)
        visit(user, amphi_str_make(reply->str, reply->len));
    else if (status == AMPHI_OK)
        status = fail(error, AMPHI_E_NOT_FOUND, "not there");
    if (reply != NULL)
        freeReplyObject(reply);
    return status;
}

static amphi_status put(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES], amphi_str value,
    uint64_t ttl_ms, amphi_error *error)
{
    redis_cache *cache = self;
    char name[NAME_MAX_BYTES];
    redisContext *connection = take(cache, true);
    if (connection == NULL)
        return out_of_reach(error);
    name_of(cache, key, name);
    redisReply *reply = redisCommand(connection, "SET %s %b PX %llu", name, value.data, value.size,
        (unsigned long long)(ttl_ms > 0 ? ttl_ms : 1));
    amphi_status status = settle(cache, connection, reply, error);
    if (reply != NULL)
        freeReplyObject(reply);
    return status;
}

static amphi_status remove_one(
    void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES], amphi_error *error)
{
    redis_cache *cache = self;
    char name[NAME_MAX_BYTES];
    redisContext *connection = take(cache, false);
    if (connection == NULL)
        return out_of_reach(error);
    name_of(cache, key, name);
    redisReply *reply = redisCommand(connection, "DEL %s", name);
    amphi_status status = settle(cache, connection, reply, error);
    if (status == AMPHI_OK && reply->type == REDIS_REPLY_INTEGER && reply->integer == 0)
        status = fail(error, AMPHI_E_NOT_FOUND, "not there");
    if (reply != NULL)
        freeReplyObject(reply);
    return status;
}

/* Deletes what one step of a scan found. false: the connection broke. */
static bool delete_found(redisContext *connection, const redisReply *found)
{
    for (size_t i = 0; i < found->elements; i++) {
        redisReply *reply = redisCommand(
            connection, "DEL %b", found->element[i]->str, (size_t)found->element[i]->len);
        if (reply == NULL)
            return false;
        freeReplyObject(reply);
    }
    return true;
}

static amphi_status clear(void *self, amphi_error *error)
{
    redis_cache *cache = self;
    char cursor[32] = "0";
    redisContext *connection = take(cache, false);
    if (connection == NULL)
        return out_of_reach(error);
    for (;;) {
        redisReply *reply = redisCommand(
            connection, "SCAN %s MATCH %s:1:* COUNT %d", cursor, cache->place.prefix, SCAN_COUNT);
        bool ok = reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                  reply->element[0]->type == REDIS_REPLY_STRING &&
                  delete_found(connection, reply->element[1]);
        if (ok)
            snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
        if (reply != NULL)
            freeReplyObject(reply);
        if (!ok) {
            drop(cache, connection);
            return fail(error, AMPHI_E_OFFLINE, "the Redis server left off: not all is forgotten");
        }
        if (strcmp(cursor, "0") == 0)
            break;
    }
    put_back(cache, connection);
    return AMPHI_OK;
}

static void wipe(void *bytes, size_t size)
{
    volatile uint8_t *at = bytes;
    while (size-- > 0)
        *at++ = 0;
}

static void free_cache(void *self)
{
    redis_cache *cache = self;
    while (cache->idle_count > 0)
        redisFree(cache->idle[--cache->idle_count]);
    pthread_mutex_destroy(&cache->lock);
    wipe(cache, sizeof *cache);
    free(cache);
}

static const amphi_shared_cache_ops redis_ops = {
    .struct_size = sizeof(amphi_shared_cache_ops),
    .name = "redis",
    .secret = secret,
    .get = get,
    .put = put,
    .remove = remove_one,
    .clear = clear,
    .free = free_cache,
};

/* ---- the URL ---- */

/* Copies text up to the first of `ends`. false: too long for out. */
static bool take_until(const char **text, const char *ends, char *out, size_t capacity)
{
    size_t size = strcspn(*text, ends);
    if (size >= capacity)
        return false;
    memcpy(out, *text, size);
    out[size] = '\0';
    *text += size;
    return true;
}

static bool take_number(const char **text, unsigned max, unsigned *out)
{
    char *end;
    unsigned long value = strtoul(*text, &end, 10);
    if (end == *text || value > max || (*text)[0] < '0' || (*text)[0] > '9')
        return false;
    *out = (unsigned)value;
    *text = end;
    return true;
}

/* [USER]:PASSWORD@, if there is one. */
static bool take_login(const char **text, redis_place *out)
{
    const char *at = strchr(*text, '@');
    const char *colon = strchr(*text, ':');
    if (at == NULL)
        return true;
    if (colon == NULL || colon > at || !take_until(text, ":", out->user, sizeof out->user))
        return false;
    ++*text;
    size_t size = (size_t)(at - *text);
    if (size == 0 || size >= sizeof out->password)
        return false;
    memcpy(out->password, *text, size);
    *text = at + 1;
    return true;
}

/* HOST or [IPV6]. */
static bool take_host(const char **text, redis_place *out)
{
    bool is_bracketed = **text == '[';
    *text += is_bracketed;
    if (!take_until(text, is_bracketed ? "]" : ":/?", out->host, sizeof out->host) ||
        out->host[0] == '\0' || (is_bracketed && **text != ']'))
        return false;
    *text += is_bracketed;
    return true;
}

/* HOST[:PORT][/DATABASE]. */
static bool take_server(const char **text, redis_place *out)
{
    unsigned number = 6379;
    if (!take_host(text, out))
        return false;
    if (**text == ':') {
        ++*text;
        if (!take_number(text, 65535, &number) || number == 0)
            return false;
    }
    out->port = (int)number;
    if (**text != '/')
        return true;
    ++*text;
    return **text == '\0' || **text == '?' || take_number(text, 65535, &out->database);
}

static bool take_prefix(const char *text, redis_place *out)
{
    static const char option[] = "?prefix=";
    snprintf(out->prefix, sizeof out->prefix, "amphi");
    if (*text == '\0')
        return true;
    if (strncmp(text, option, sizeof option - 1) != 0)
        return false;
    text += sizeof option - 1;
    size_t size = strlen(text);
    /* Nothing that a scan's pattern would read in another way. */
    if (size == 0 || size >= sizeof out->prefix ||
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") != size)
        return false;
    memcpy(out->prefix, text, size + 1);
    return true;
}

static bool parse(const char *url, redis_place *out)
{
    static const char tcp[] = "redis://";
    static const char local[] = "redis+unix://";
    memset(out, 0, sizeof *out);
    if (strncmp(url, tcp, sizeof tcp - 1) == 0) {
        url += sizeof tcp - 1;
        return take_login(&url, out) && take_server(&url, out) && take_prefix(url, out);
    }
    if (strncmp(url, local, sizeof local - 1) != 0)
        return false;
    url += sizeof local - 1;
    return url[0] == '/' && take_until(&url, "?", out->host, sizeof out->host) &&
           take_prefix(url, out);
}

amphi_status redis_cache_new(amphi_shared_cache *out, const char *url,
    const uint8_t team_secret[AMPHI_CACHE_SECRET_BYTES], amphi_error *error)
{
    redis_place place;
    if (!parse(url, &place))
        return fail(error, AMPHI_E_ARGUMENT,
            "the URL must be redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?prefix=NAME] or "
            "redis+unix:///PATH[?prefix=NAME] (no rediss://: values are sealed anyway)");
    redis_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL || pthread_mutex_init(&cache->lock, NULL) != 0) {
        free(cache);
        return fail(error, AMPHI_E_NO_MEMORY, "out of memory");
    }
    cache->place = place;
    memcpy(cache->secret, team_secret, sizeof cache->secret);
    wipe(&place, sizeof place);
    *out = (amphi_shared_cache){.ops = &redis_ops, .self = cache};
    return AMPHI_OK;
}
