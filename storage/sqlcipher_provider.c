/* SPDX-License-Identifier: Apache-2.0
 *
 * The table and its registration. The file format is SQLCipher 3's: AES-256-CBC, HMAC and PBKDF2
 * over SHA-1. SQLCipher ignores what most entries return, hence the count of failures.
 */
#include "storage/sqlcipher_provider.h"

#include "sdk/core/alloc.h"
#include "sdk/core/crypto_page.h"
#include "storage/page_scrub.h"

#include <pthread.h>
#include <stdatomic.h>
#include <strings.h>

#define CIPHER_NAME    "aes-256-cbc"
#define PAGE_BYTES_MAX 4096

static _Atomic uint32_t failures;

uint32_t amphi__sqlcipher_provider_failures(void)
{
    return atomic_load(&failures);
}

static int result(bool ok)
{
    if (!ok)
        atomic_fetch_add(&failures, 1);
    return ok ? SQLITE_OK : SQLITE_ERROR;
}

static amphi_bytes bytes(const unsigned char *data, int size)
{
    return (amphi_bytes){data, data != NULL && size > 0 ? (size_t)size : 0};
}

static int nothing(void *context)
{
    (void)context;
    return SQLITE_OK;
}

static const char *provider_name(void *context)
{
    (void)context;
    return "amphi";
}

/* The kernel's source needs no seed. */
static int add_random(void *context, void *buffer, int length)
{
    (void)context;
    (void)buffer;
    (void)length;
    return SQLITE_OK;
}

static int random_bytes(void *context, void *buffer, int length)
{
    (void)context;
    return result(length >= 0 && amphi__page_random(buffer, (size_t)length));
}

static int hmac(void *context, unsigned char *key, int key_size, unsigned char *a, int a_size,
    unsigned char *b, int b_size, unsigned char *out)
{
    (void)context;
    return result(amphi__page_hmac(
        AMPHI_HASH_SHA1, bytes(key, key_size), bytes(a, a_size), bytes(b, b_size), out));
}

static int kdf(void *context, const unsigned char *password, int password_size, unsigned char *salt,
    int salt_size, int rounds, int key_size, unsigned char *key)
{
    (void)context;
    return result(rounds > 0 && key_size > 0 &&
                  amphi__page_kdf(AMPHI_HASH_SHA1, bytes(password, password_size),
                      bytes(salt, salt_size), (uint32_t)rounds, key, (size_t)key_size));
}

/* On its way to the file a page loses what no cell uses (page_scrub.h). SQLCipher's input is the
 * pager's own page, so a copy is scrubbed. */
static bool encrypt_page(
    const unsigned char *key, const unsigned char *iv, amphi_bytes in, unsigned char *out)
{
    uint8_t page[PAGE_BYTES_MAX];
    if (in.size > sizeof page)
        return amphi__page_cipher(key, iv, AMPHI_PAGE_ENCRYPT, in, out);
    memcpy(page, in.data, in.size);
    amphi__page_scrub(page, in.size);
    bool ok = amphi__page_cipher(key, iv, AMPHI_PAGE_ENCRYPT, (amphi_bytes){page, in.size}, out);
    amphi__wipe(page, in.size);
    return ok;
}

static int cipher(void *context, int encrypt, unsigned char *key, int key_size, unsigned char *iv,
    unsigned char *in, int in_size, unsigned char *out)
{
    (void)context;
    amphi_bytes page = bytes(in, in_size);
    return result(key_size == AMPHI_PAGE_KEY_BYTES &&
                  (encrypt ? encrypt_page(key, iv, page, out)
                           : amphi__page_cipher(key, iv, AMPHI_PAGE_DECRYPT, page, out)));
}

/* The one that a file of ours has; asking for another is no failure of the cryptography. */
static int set_cipher(void *context, const char *name)
{
    (void)context;
    return strcasecmp(name, CIPHER_NAME) == 0 ? SQLITE_OK : SQLITE_ERROR;
}

static const char *get_cipher(void *context)
{
    (void)context;
    return CIPHER_NAME;
}

static int key_size(void *context)
{
    (void)context;
    return AMPHI_PAGE_KEY_BYTES;
}

static int block_size(void *context)
{
    (void)context;
    return AMPHI_PAGE_IV_BYTES;
}

static int hmac_size(void *context)
{
    (void)context;
    return 20;
}

/* There is no state: any address that is not NULL will do for a context. */
static int context_init(void **context)
{
    *context = &failures;
    return SQLITE_OK;
}

static int context_free(void **context)
{
    (void)context;
    return SQLITE_OK;
}

static int context_copy(void *target, void *source)
{
    (void)target;
    (void)source;
    return SQLITE_OK;
}

static int context_equal(void *a, void *b)
{
    (void)a;
    (void)b;
    return 1;
}

static int fips_status(void *context)
{
    (void)context;
    return 0;
}

static const amphi_sqlcipher_provider our_provider = {
    .activate = nothing,
    .deactivate = nothing,
    .name = provider_name,
    .add_random = add_random,
    .random = random_bytes,
    .hmac = hmac,
    .kdf = kdf,
    .cipher = cipher,
    .set_cipher = set_cipher,
    .get_cipher = get_cipher,
    .key_size = key_size,
    .iv_size = block_size,
    .block_size = block_size,
    .hmac_size = hmac_size,
    .context_copy = context_copy,
    .context_equal = context_equal,
    .context_init = context_init,
    .context_free = context_free,
    .fips_status = fips_status,
    .version = provider_name,
};

/* SQLCipher frees the registered table with sqlite3_free. */
static amphi_sqlcipher_provider *provider_copy(
    const amphi_sqlite *lib, const amphi_sqlcipher_provider *source)
{
    amphi_sqlcipher_provider *copy = lib->malloc(sizeof *copy);
    if (copy != NULL)
        *copy = *source;
    return copy;
}

static void provider_register(const amphi_sqlite *lib, amphi_sqlcipher_provider *provider)
{
    /* The mutex under which SQLCipher itself registers its stock provider, and frees one. */
    sqlite3_mutex *guard = lib->mutex_alloc(SQLITE_MUTEX_STATIC_MASTER);
    lib->mutex_enter(guard);
    lib->register_provider(provider);
    lib->mutex_leave(guard);
}

/* What stands there now or, when nothing was keyed yet, what SQLCipher would have put there: false
 * when neither is known. */
static bool provider_now(const amphi_sqlite *lib, amphi_sqlcipher_provider *out)
{
    sqlite3_mutex *guard = lib->mutex_alloc(SQLITE_MUTEX_STATIC_MASTER);
    lib->mutex_enter(guard);
    const amphi_sqlcipher_provider *now = lib->get_provider();
    bool known = now != NULL;
    if (known)
        *out = *now;
    lib->mutex_leave(guard);
    return known || (lib->stock_provider_setup != NULL && lib->stock_provider_setup(out) == 0);
}

/* An app that closed its last keyed connection meanwhile has freed what we had registered. */
static int check_provider(sqlite3 *handle)
{
    char name[16];
    int rc = amphi__sqlite_ask(handle, "PRAGMA cipher_provider", name, sizeof name, NULL);
    if (rc == SQLITE_OK && strcmp(name, provider_name(NULL)) != 0)
        rc = SQLITE_LOCKED;
    return rc;
}

int amphi__sqlcipher_key(sqlite3 *handle, const char *literal, size_t size)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const amphi_sqlite *lib = amphi__sqlite();
    if (lib->register_provider == NULL || lib->get_provider == NULL)
        return lib->key(handle, literal, (int)size);
    pthread_mutex_lock(&lock);
    amphi_sqlcipher_provider before = {.name = NULL};
    bool is_known = provider_now(lib, &before);
    amphi_sqlcipher_provider *ours = provider_copy(lib, &our_provider);
    amphi_sqlcipher_provider *restored = is_known ? provider_copy(lib, &before) : NULL;
    int rc = ours != NULL && (restored != NULL || !is_known) ? SQLITE_OK : SQLITE_NOMEM;
    if (rc == SQLITE_OK) {
        provider_register(lib, ours);
        ours = NULL; /* the library owns it now */
        rc = lib->key(handle, literal, (int)size);
        if (restored != NULL)
            provider_register(lib, restored);
        restored = NULL;
    }
    lib->free(ours);
    lib->free(restored);
    pthread_mutex_unlock(&lock);
    return rc == SQLITE_OK ? check_provider(handle) : rc;
}
