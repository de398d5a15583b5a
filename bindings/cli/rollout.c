/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi rollout: what the remote config gives this install, or any other; and signing payloads.
 */
#include "cli.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY_S    (24 * 3600)
#define DAYS     30
#define DAYS_MAX 180

/* ---- show ---- */

static int show(cli_options *options)
{
    char *json = NULL;
    amphi_error error;
    amphi_client *client = cli_client_new(options);
    if (client == NULL)
        return CLI_FAILED;
    int rc = CLI_OK;
    if (options->rollout != NULL && !options->is_private)
        (void)amphi_rollout_refresh(client, &error); /* what is shown says what it came to */
    if (amphi_rollout_show(client, &json, &error) == AMPHI_OK)
        puts(json);
    else
        rc = cli_fail(&error);
    amphi_string_free(json);
    amphi_client_free(client);
    return rc;
}

/* ---- eval ---- */

/* To standard error: a client would not take these as they are meant. */
static void warn_of_values(amphi_str payload)
{
    char *lines = NULL;
    char *rest = NULL;
    if (amphi_rollout_check(&lines, payload, NULL) == AMPHI_OK)
        for (char *line = strtok_r(lines, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest))
            fprintf(stderr, "amphi: warning: not understood by any client: %s\n", line);
    amphi_string_free(lines);
}

static int eval(cli_options *options)
{
    const char *payload_path = cli_own(options, "--payload");
    const char *attributes_path = cli_own(options, "--attributes");
    const char *feature = cli_own(options, "--feature");
    char *json = NULL;
    amphi_error error;
    size_t payload_size = 0;
    size_t attributes_size = 0;
    if (payload_path == NULL)
        return cli_usage("rollout eval: --payload FILE is needed");
    char *payload = cli_read_file(payload_path, &payload_size);
    char *attributes = attributes_path != NULL && payload != NULL
                           ? cli_read_file(attributes_path, &attributes_size)
                           : NULL;
    int rc = CLI_USAGE;
    if (payload != NULL && (attributes != NULL || attributes_path == NULL)) {
        rc = CLI_OK;
        if (amphi_rollout_eval(&json, amphi_str_make(payload, payload_size),
                amphi_str_make(attributes, attributes_size),
                amphi_str_from(feature != NULL ? feature : "amphi.policy"), &error) == AMPHI_OK)
            puts(json);
        else
            rc = cli_fail(&error);
        if (rc == CLI_OK)
            warn_of_values(amphi_str_make(payload, payload_size));
    }
    amphi_string_free(json);
    free(payload);
    free(attributes);
    return rc;
}

/* ---- keygen ---- */

/* A new file for the user alone; one that is there stays. */
static bool write_secret(const char *path, const char *text)
{
    size_t size = strlen(text);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = file >= 0 && write(file, text, size) == (ssize_t)size;
    ok = ok && fsync(file) == 0;
    if (file >= 0)
        ok = close(file) == 0 && ok;
    return ok;
}

static int keygen(cli_options *options)
{
    const char *path = cli_own(options, "--out");
    char *secret = NULL;
    char *public_key = NULL;
    amphi_error error;
    if (path == NULL)
        return cli_usage("rollout keygen: --out FILE is needed, for the private key");
    if (amphi_rollout_keygen(&secret, &public_key, &error) != AMPHI_OK)
        return cli_fail(&error);
    int rc = CLI_OK;
    if (!write_secret(path, secret))
        rc = cli_usage("%s: can't be written, or is there already", path);
    else if (options->json) {
        cli_json json = {.out = stdout};
        cli_json_open(&json, NULL, '{');
        cli_json_c(&json, "public_key", public_key);
        cli_json_c(&json, "private_key_file", path);
        cli_json_end(&json);
    } else
        puts(public_key);
    explicit_bzero(secret, strlen(secret));
    amphi_string_free(secret);
    amphi_string_free(public_key);
    return rc;
}

/* ---- sign ---- */

/* What is signed has to be a payload: a client would refuse it, and the version would be spent. */
static int check_payload(amphi_str payload)
{
    char *json = NULL;
    amphi_error error;
    int rc = CLI_OK;
    if (amphi_rollout_eval(&json, payload, AMPHI_STR("{}"), AMPHI_STR("amphi.policy"), &error) !=
        AMPHI_OK)
        rc = cli_fail(&error);
    else if (strstr(json, "\"source\":\"misshapen\"") != NULL ||
             strstr(json, "\"source\":\"tooComplex\"") != NULL ||
             strstr(json, "\"source\":\"cyclicPrerequisite\"") != NULL)
        rc = cli_usage("amphi.policy can't be evaluated: see amphi rollout eval");
    amphi_string_free(json);
    return rc;
}

/* Signature files are all of one length, and file servers make tags of length and whole seconds: a
 * second one within a second would have the first one's tag, and no client would notice it. */
static void make_later(const char *scratch, const char *path)
{
    struct stat old;
    struct stat fresh;
    if (stat(path, &old) != 0 || stat(scratch, &fresh) != 0 || fresh.st_mtime > old.st_mtime)
        return;
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = old.st_mtime + 1}};
    (void)utimensat(AT_FDCWD, scratch, times, 0);
}

/* One line for each --key, into a file that appears whole. */
static int write_lines(cli_options *options, const char *path, amphi_str payload, uint64_t version,
    int64_t issued_s, int64_t expires_s)
{
    char scratch[4096 + 8];
    snprintf(scratch, sizeof scratch, "%s.new", path);
    FILE *file = fopen(scratch, "wb");
    if (file == NULL)
        return cli_usage("%s: can't be written", scratch);
    int rc = CLI_OK;
    const char *key_path;
    for (size_t i = 0; rc == CLI_OK && (key_path = cli_own_nth(options, "--key", i)) != NULL; i++) {
        size_t size = 0;
        char *line = NULL;
        amphi_error error;
        char *key = cli_read_file(key_path, &size);
        if (key == NULL)
            rc = CLI_USAGE;
        else if (amphi_rollout_sign(&line, amphi_str_make(key, size), payload, version, issued_s,
                     expires_s, &error) != AMPHI_OK)
            rc = cli_fail(&error);
        else
            fputs(line, file);
        if (key != NULL)
            explicit_bzero(key, size);
        free(key);
        amphi_string_free(line);
    }
    bool written = ferror(file) == 0;
    written = fclose(file) == 0 && written;
    make_later(scratch, path);
    if (rc == CLI_OK && (!written || rename(scratch, path) != 0))
        rc = cli_usage("%s: can't be written", path);
    if (rc != CLI_OK)
        remove(scratch);
    return rc;
}

static int sign(cli_options *options)
{
    const char *version_text = cli_own(options, "--version");
    const char *days_text = cli_own(options, "--days");
    uint64_t version = 0;
    uint64_t days = DAYS;
    char path[4096];
    if (options->words_count != 2 || version_text == NULL || cli_own(options, "--key") == NULL)
        return cli_usage("rollout sign: --key FILE --version N PAYLOAD is what it takes");
    if (!cli_number("--version", version_text, (1ull << 53) - 1, &version) ||
        (days_text != NULL && !cli_number("--days", days_text, DAYS_MAX, &days)))
        return CLI_USAGE;
    if (version == 0 || days == 0)
        return cli_usage("--version and --days begin at 1");
    int size = snprintf(path, sizeof path, "%s.jws", options->words[1]);
    if (size < 0 || (size_t)size >= sizeof path)
        return cli_usage("%.40s...: too long a path", options->words[1]);
    size_t payload_size = 0;
    char *payload = cli_read_file(options->words[1], &payload_size);
    if (payload == NULL)
        return CLI_USAGE;
    int64_t now_s = (int64_t)time(NULL);
    int64_t expires_s = now_s + (int64_t)days * DAY_S;
    amphi_str text = amphi_str_make(payload, payload_size);
    int rc = check_payload(text);
    if (rc == CLI_OK)
        warn_of_values(text);
    if (rc == CLI_OK)
        rc = write_lines(options, path, text, version, now_s, expires_s);
    free(payload);
    if (rc == CLI_OK && options->json) {
        cli_json json = {.out = stdout};
        cli_json_open(&json, NULL, '{');
        cli_json_c(&json, "signature_file", path);
        cli_json_uint(&json, "version", version);
        cli_json_int(&json, "issued", now_s);
        cli_json_int(&json, "expires", expires_s);
        cli_json_end(&json);
    } else if (rc == CLI_OK)
        printf("%s: version %llu, for %llu days\n", path, (unsigned long long)version,
            (unsigned long long)days);
    return rc;
}

static int run(cli_options *options)
{
    const struct {
        const char *name;
        size_t words;
        int (*run)(cli_options *options);
    } verbs[] = {{"show", 1, show}, {"eval", 1, eval}, {"keygen", 1, keygen}, {"sign", 2, sign}};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0] && options->words_count > 0; i++)
        if (strcmp(options->words[0], verbs[i].name) == 0 &&
            (options->words_count == verbs[i].words || verbs[i].run == sign))
            return verbs[i].run(options);
    return cli_usage("rollout: show, eval, keygen or sign is what it takes");
}

static const char *const own_flags[] = {
    "--payload=", "--attributes=", "--feature=", "--out=", "--key=", "--version=", "--days=", NULL};

const cli_command cli_rollout = {
    .name = "rollout",
    .summary = "remote config: what this install gets, and why; signing: show, eval, keygen, sign",
    .help =
        "usage: amphi rollout show --rollout FILE|URL [flags]\n"
        "       amphi rollout eval --payload FILE [--attributes FILE] [--feature KEY]\n"
        "       amphi rollout keygen --out FILE\n"
        "       amphi rollout sign --key FILE --version N [--days N] PAYLOAD\n"
        "\n"
        "show prints JSON: the install's id, its bucket, the rule and coverage that chose, the\n"
        "value of the feature amphi.policy, which of its fields the app's document holds (held),\n"
        "the values of amphi.model, amphi.endpoints and amphi.cache, and the whole policy\n"
        "document in force. A kill switch for the local engine is\n"
        "{\"features\":{\"amphi.policy\":{\"defaultValue\":{\"local\":{\"enabled\":false}}}}}\n"
        "eval tries a payload for any install, as GrowthBook's SDK would evaluate it.\n"
        "keygen makes a key pair and prints the public key, for --rollout-key and for the app.\n"
        "sign writes PAYLOAD.jws. Publish both files, the payload first.\n"
        "\n"
        "  --payload FILE        of eval: the payload\n"
        "  --attributes FILE     of eval: a JSON object, {\"id\":\"u1\",\"country\":\"CH\"} "
        "(none)\n"
        "  --feature KEY         of eval: which one (amphi.policy)\n"
        "  --out FILE            of keygen: the private key; a new file\n"
        "  --key FILE            of sign: a private key; may be repeated while keys are changed\n"
        "  --version N           of sign: higher than that of any other payload before\n"
        "  --days N              of sign: how long it may be taken, 180 at most (30)\n"
        "\n"
        "Example: amphi rollout show --rollout payload.json\n",
    .own_flags = own_flags,
    .run = run,
};
