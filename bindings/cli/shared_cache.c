/* SPDX-License-Identifier: Apache-2.0
 *
 * The team's secret lies in a file: 64 hex digits, not to be read by others.
 */
#include "shared_cache.h"

#include "../gateway/redis_cache.h"

#include <stdlib.h>
#include <sys/stat.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_hex(const char *text, uint8_t out[AMPHI_CACHE_SECRET_BYTES])
{
    for (size_t i = 0; i < AMPHI_CACHE_SECRET_BYTES; i++) {
        int high = digit(text[2 * i]);
        int low = high < 0 ? -1 : digit(text[2 * i + 1]);
        if (low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    text += (size_t)2 * AMPHI_CACHE_SECRET_BYTES;
    return text[strspn(text, " \t\r\n")] == '\0';
}

static int read_secret(const char *path, uint8_t out[AMPHI_CACHE_SECRET_BYTES])
{
    struct stat info;
    char *text = cli_read_file(path, NULL);
    if (text == NULL)
        return CLI_FAILED;
    bool ok = read_hex(text, out);
    explicit_bzero(text, strlen(text));
    free(text);
    if (!ok)
        return cli_usage("%s: 64 hex digits are expected; `openssl rand -hex 32` makes them", path);
    if (stat(path, &info) == 0 && (info.st_mode & 077) != 0)
        return cli_usage("%s: others may read it: chmod 600 it", path);
    return CLI_OK;
}

int cli_shared_cache_open(cli_shared_cache *shared, cli_options *options)
{
    uint8_t secret[AMPHI_CACHE_SECRET_BYTES];
    amphi_error error;
    const char *url = cli_own(options, "--shared-cache");
    const char *key = cli_own(options, "--shared-cache-key");
    amphi_parts_init(&shared->parts);
    if (url == NULL && key == NULL)
        return CLI_OK;
    if (url == NULL || key == NULL)
        return cli_usage("--shared-cache and --shared-cache-key go together");
    int rc = read_secret(key, secret);
    if (rc == CLI_OK &&
        redis_cache_new(&shared->parts.shared_cache, url, secret, &error) != AMPHI_OK)
        rc = cli_fail(&error);
    explicit_bzero(secret, sizeof secret);
    if (rc == CLI_OK)
        options->parts = &shared->parts;
    return rc;
}

void cli_shared_cache_close(cli_shared_cache *shared)
{
    amphi_shared_cache cache = shared->parts.shared_cache;
    if (cache.ops != NULL)
        cache.ops->free(cache.self);
}
