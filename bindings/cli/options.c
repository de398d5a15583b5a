/* SPDX-License-Identifier: Apache-2.0
 *
 * The flags, and a client made from them.
 */
#include "cli.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int cli_fail(const amphi_error *error)
{
    fputs("amphi: ", stderr);
    cli_print_text(stderr, amphi_str_from(error->message));
    fputc('\n', stderr);
    return CLI_FAILED;
}

int cli_fail_of_request(const amphi_error *error, const amphi_provider_error *provider)
{
    int rc = cli_fail(error);
    if (provider == NULL || provider->message[0] == '\0')
        return rc;
    fputs("amphi: the provider said: ", stderr);
    cli_print_text(stderr, amphi_str_from(provider->message));
    if (provider->param[0] != '\0') {
        fputs(" (field: ", stderr);
        cli_print_text(stderr, amphi_str_from(provider->param));
        fputc(')', stderr);
    }
    if (provider->request_id[0] != '\0') {
        fputs(" [request id ", stderr);
        cli_print_text(stderr, amphi_str_from(provider->request_id));
        fputc(']', stderr);
    }
    fputc('\n', stderr);
    return rc;
}

int cli_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("amphi: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return CLI_USAGE;
}

bool cli_number(const char *what, const char *text, uint64_t most, uint64_t *out)
{
    char *end = NULL;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && value <= most) {
        *out = value;
        return true;
    }
    cli_usage("%s takes a whole number up to %llu", what, (unsigned long long)most);
    return false;
}

char *cli_read_file(const char *path, size_t *size_out)
{
    enum { FILE_MAX = 64 << 20 };
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rb");
    char *data = NULL;
    size_t size = 0;
    size_t capacity = 0;
    if (file == NULL) {
        cli_usage("%s: can't be read (no such file, or no permission)", path);
        return NULL;
    }
    for (;;) {
        if (size + 4096 + 1 > capacity) {
            capacity = capacity > 0 ? capacity * 2 : 16384;
            char *larger = capacity <= FILE_MAX ? realloc(data, capacity) : NULL;
            if (larger == NULL) {
                cli_usage("%s: larger than %d MiB", path, FILE_MAX >> 20);
                free(data);
                data = NULL;
                break;
            }
            data = larger;
        }
        size_t got = fread(data + size, 1, 4096, file);
        size += got;
        if (got == 0)
            break;
    }
    if (!standard)
        fclose(file);
    if (data != NULL)
        data[size] = '\0';
    if (size_out != NULL)
        *size_out = size;
    return data;
}

char *cli_words(const cli_options *options)
{
    if (options->words_count == 0 ||
        (options->words_count == 1 && strcmp(options->words[0], "-") == 0))
        return cli_read_file("-", NULL);
    size_t size = 1;
    for (size_t i = 0; i < options->words_count; i++)
        size += strlen(options->words[i]) + 1;
    char *text = malloc(size);
    if (text == NULL) {
        fputs("amphi: out of memory\n", stderr);
        return NULL;
    }
    text[0] = '\0';
    for (size_t i = 0; i < options->words_count; i++) {
        if (i > 0)
            strcat(text, " ");
        strcat(text, options->words[i]);
    }
    return text;
}

/* ---- flags ---- */

static int add_endpoint(cli_options *out, const char *text)
{
    amphi_error error;
    if (out->endpoints_count == CLI_ENDPOINTS_MAX)
        return cli_usage("--endpoint: at most %d", CLI_ENDPOINTS_MAX);
    size_t i = out->endpoints_count;
    amphi_endpoint_options_init(&out->endpoints[i]);
    if (amphi_endpoint_parse(&out->endpoints[i], amphi_str_from(text), out->pins[i],
            sizeof out->pins[i], &error) != AMPHI_OK)
        return cli_usage("--endpoint: %s", error.message);
    out->endpoints_count++;
    return CLI_OK;
}

static int read_into(char **out, const char *path)
{
    size_t size = 0;
    free(*out);
    *out = cli_read_file(path, &size);
    if (*out == NULL)
        return CLI_USAGE;
    if ((*out)[strspn(*out, " \t\r\n")] == '\0' || strlen(*out) != size)
        return cli_usage("%s: a JSON document is expected", path);
    return CLI_OK;
}

static int number_flag(const char *flag, const char *value, uint64_t most, uint64_t *out)
{
    return cli_number(flag, value, most, out) ? CLI_OK : CLI_USAGE;
}

static int parse_cache_use(amphi_cache_use *out, const char *value)
{
    static const char *const names[] = {
        [AMPHI_CACHE_OFF] = "off", [AMPHI_CACHE_EXACT] = "exact", [AMPHI_CACHE_NEAR] = "near"};
    for (unsigned i = AMPHI_CACHE_OFF; i <= AMPHI_CACHE_NEAR; i++)
        if (strcmp(value, names[i]) == 0) {
            *out = (amphi_cache_use)i;
            return CLI_OK;
        }
    return cli_usage("--cache: off, exact or near");
}

/* A flag with a value that every command knows; -1: none of them. */
static int shared_value_flag(cli_options *out, const char *flag, const char *value)
{
    uint64_t number = 0;
    int rc = CLI_OK;
    if (strcmp(flag, "--data") == 0)
        out->data_dir = value;
    else if (strcmp(flag, "--keys") == 0)
        out->keys_place = value;
    else if (strcmp(flag, "--model") == 0)
        out->model = value;
    else if (strcmp(flag, "--rollout") == 0)
        out->rollout = value;
    else if (strcmp(flag, "--rollout-key") == 0)
        rc = cli_rollout_key(&out->rollout_options, value);
    else if (strcmp(flag, "--rollout-set") == 0)
        rc = cli_rollout_set(&out->rollout_options, value);
    else if (strcmp(flag, "--telemetry") == 0)
        out->telemetry.settings.url = amphi_str_from(value);
    else if (strcmp(flag, "--telemetry-set") == 0)
        rc = cli_telemetry_set(&out->telemetry, value);
    else if (strcmp(flag, "--conversation") == 0)
        out->conversation = value;
    else if (strcmp(flag, "--endpoint") == 0)
        rc = add_endpoint(out, value);
    else if (strcmp(flag, "--policy") == 0)
        rc = read_into(&out->policy_json, value);
    else if (strcmp(flag, "--device") == 0)
        rc = read_into(&out->device_json, value);
    else if (strcmp(flag, "--mode") == 0)
        rc = amphi_mode_parse(&out->mode, amphi_str_from(value)) == AMPHI_OK
                 ? CLI_OK
                 : cli_usage("--mode: auto, prefer_local, prefer_cloud, only_local or only_cloud");
    else if (strcmp(flag, "--cache") == 0)
        rc = parse_cache_use(&out->cache, value);
    else if (strcmp(flag, "--threads") == 0) {
        rc = number_flag(flag, value, 256, &number);
        out->threads = (uint32_t)number;
    } else if (strcmp(flag, "--max-tokens") == 0) {
        rc = number_flag(flag, value, 1u << 20, &number);
        out->tokens_max = (uint32_t)number;
    } else if (strcmp(flag, "--seed") == 0) {
        rc = number_flag(flag, value, INT64_MAX / 1024, &number);
        out->seed = (int64_t)number;
    } else if (strcmp(flag, "--temperature") == 0) {
        char *end = NULL;
        out->temperature = strtof(value, &end);
        if (end == value || *end != '\0' || !(out->temperature >= 0 && out->temperature <= 10))
            rc = cli_usage("--temperature takes a number from 0 to 10");
    } else
        return -1;
    return rc;
}

static bool shared_plain_flag(cli_options *out, const char *flag)
{
    const struct {
        const char *name;
        bool *value;
    } flags[] = {{"--private", &out->is_private}, {"--no-cache", &out->no_cache},
        {"--no-store", &out->no_store}, {"--no-queue", &out->no_queue},
        {"--allow-http-loopback", &out->allow_http_loopback}, {"--json", &out->json},
        {"--verbose", &out->verbose}, {"--help", &out->help}, {"-h", &out->help}};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strcmp(flags[i].name, flag) == 0) {
            *flags[i].value = true;
            return true;
        }
    return false;
}

static bool takes_value(const char *flag)
{
    static const char *const flags[] = {"--data", "--keys", "--model", "--rollout", "--rollout-key",
        "--rollout-set", "--telemetry", "--telemetry-set", "--conversation", "--endpoint",
        "--policy", "--device", "--mode", "--cache", "--threads", "--max-tokens", "--seed",
        "--temperature"};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strcmp(flags[i], flag) == 0)
            return true;
    return false;
}

/* Position among the command's own flags, or -1. */
static int find_own(const char *const *own_flags, const char *flag, bool *with_value)
{
    size_t size = strlen(flag);
    for (int i = 0; own_flags != NULL && own_flags[i] != NULL; i++)
        if (strncmp(own_flags[i], flag, size) == 0 &&
            (own_flags[i][size] == '\0' || strcmp(own_flags[i] + size, "=") == 0)) {
            *with_value = own_flags[i][size] == '=';
            return i;
        }
    return -1;
}

const char *cli_own(const cli_options *options, const char *flag)
{
    bool with_value = false;
    int i = find_own(options->own_flags, flag, &with_value);
    return i >= 0 ? options->own_values[i] : NULL;
}

const char *cli_own_nth(const cli_options *options, const char *flag, size_t n)
{
    bool with_value = false;
    int own = find_own(options->own_flags, flag, &with_value);
    for (size_t i = 0; i < options->own_given_count; i++)
        if (options->own_given[i].flag == own && n-- == 0)
            return options->own_given[i].value;
    return NULL;
}

/* One flag; *consumed is how many of the arguments it was. `attached` is what followed '='. */
static int parse_flag(
    cli_options *out, const char *flag, const char *attached, const char *next, int *consumed)
{
    bool with_value = false;
    int own = find_own(out->own_flags, flag, &with_value);
    *consumed = 1;
    if (own < 0)
        with_value = takes_value(flag);
    if (with_value && attached == NULL) {
        if (next == NULL)
            return cli_usage("%s takes a value", flag);
        attached = next;
        *consumed = 2;
    }
    if (own >= 0) {
        out->own_values[own] = with_value ? attached : "";
        if (out->own_given_count == CLI_OWN_GIVEN_MAX)
            return cli_usage("%s: more than %d flags", flag, CLI_OWN_GIVEN_MAX);
        out->own_given[out->own_given_count].flag = own;
        out->own_given[out->own_given_count++].value = out->own_values[own];
        return CLI_OK;
    }
    if (with_value)
        return shared_value_flag(out, flag, attached);
    if (shared_plain_flag(out, flag))
        return CLI_OK;
    if (strcmp(flag, "--help-model") == 0) {
        out->model = "amphi-help";
        return CLI_OK;
    }
    return cli_usage("unknown flag %s; --help lists them", flag);
}

int cli_options_parse(cli_options *out, int argc, char **argv, const char *const *own_flags)
{
    memset(out, 0, sizeof *out);
    amphi_rollout_settings_init(&out->rollout_options.settings);
    amphi_telemetry_settings_init(&out->telemetry.settings);
    out->own_flags = own_flags;
    out->seed = -1;
    out->temperature = NAN;
    bool only_words = false;
    for (int i = 0; i < argc;) {
        char *word = argv[i];
        if (only_words || word[0] != '-' || word[1] == '\0') {
            if (out->words_count == sizeof out->words / sizeof out->words[0])
                return cli_usage("too many words; put the question into quotes");
            out->words[out->words_count++] = word;
            i++;
            continue;
        }
        if (strcmp(word, "--") == 0) {
            only_words = true;
            i++;
            continue;
        }
        char flag[64];
        const char *equals = strchr(word, '=');
        size_t size = equals != NULL ? (size_t)(equals - word) : strlen(word);
        if (size >= sizeof flag)
            return cli_usage("unknown flag %.40s...; --help lists them", word);
        memcpy(flag, word, size);
        flag[size] = '\0';
        int consumed = 1;
        int rc = parse_flag(out, flag, equals != NULL ? equals + 1 : NULL,
            i + 1 < argc ? argv[i + 1] : NULL, &consumed);
        if (rc != CLI_OK)
            return rc;
        i += consumed;
    }
    return CLI_OK;
}

void cli_options_clear(cli_options *options)
{
    free(options->policy_json);
    free(options->device_json);
    options->policy_json = NULL;
    options->device_json = NULL;
    cli_rollout_options_clear(&options->rollout_options);
}

/* ---- client ---- */

static void log_line(void *user, int level, amphi_str line)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    bool verbose = *(const bool *)user;
    if (verbose)
        fprintf(stderr, "%samphi %s: %.*s%s\n", cli_dim(stderr), levels[level & 3], (int)line.size,
            line.data, cli_plain(stderr));
}

void cli_client_options(const cli_options *options, amphi_client_options *out)
{
    amphi_client_options_init(out);
    out->data_dir = amphi_str_from(options->data_dir);
    out->keys_place = amphi_str_from(options->keys_place);
    out->model_path = amphi_str_from(options->model);
    out->endpoints = options->endpoints;
    out->endpoints_count = options->endpoints_count;
    out->policy_json = amphi_str_from(options->policy_json);
    out->rollout_source = amphi_str_from(options->rollout);
    out->rollout = &options->rollout_options.settings;
    out->telemetry = &options->telemetry.settings;
    out->threads = options->threads;
    out->allow_http_loopback = options->allow_http_loopback;
    out->mode = options->mode;
    out->is_private = options->is_private;
    out->no_cache = options->no_cache;
    out->no_queue = options->no_queue;
    out->parts = options->parts;
    out->log = log_line;
    out->log_user = (void *)&options->verbose;
}

/* With --verbose the log says so. */
static void warn_of_exposed_keys(const cli_options *options)
{
    for (size_t i = 0; i < options->endpoints_count && !options->verbose; i++) {
        const amphi_endpoint_options *endpoint = &options->endpoints[i];
        char path[4096];
        struct stat info;
        if (endpoint->key_file.size == 0 || endpoint->key_file.size >= sizeof path)
            continue;
        snprintf(path, sizeof path, "%.*s", (int)endpoint->key_file.size, endpoint->key_file.data);
        if (stat(path, &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
            fprintf(stderr,
                "amphi: endpoint %.*s: other users of this machine may read its key file: "
                "chmod 600 it\n",
                (int)endpoint->name.size, endpoint->name.data);
    }
}

bool cli_is_lost(const cli_options *options, const char *before)
{
    amphi_client_options client;
    char words[160] = "";
    cli_client_options(options, &client);
    if (amphi_history_lost(&client, words, sizeof words, NULL) != AMPHI_OK || words[0] == '\0')
        return false;
    fprintf(stderr, "amphi: %sthe store is lost: %s\n", before, words);
    return true;
}

bool cli_is_damaged(amphi_client *client)
{
    amphi_error error;
    if (amphi_history_health(client, &error) != AMPHI_E_CORRUPT)
        return false;
    fprintf(
        stderr, "amphi: the history is damaged, this may not be all of it: %s\n", error.message);
    return true;
}

amphi_client *cli_client_new(const cli_options *options)
{
    amphi_client_options client_options;
    amphi_client *client = NULL;
    amphi_error error;
    cli_client_options(options, &client_options);
    warn_of_exposed_keys(options);
    (void)cli_is_lost(options, "");
    if (amphi_client_new(&client, &client_options, &error) != AMPHI_OK) {
        cli_fail(&error);
        return NULL;
    }
    if (options->device_json != NULL &&
        amphi_device_push_json(client, amphi_str_from(options->device_json), &error) != AMPHI_OK) {
        cli_fail(&error);
        amphi_client_free(client);
        return NULL;
    }
    /* A first start waits for its payload; later the last one is in force, and the client looks
     * for another one by itself. */
    if (options->rollout != NULL && !options->is_private && !amphi_rollout_is_there(client) &&
        amphi_rollout_refresh(client, &error) != AMPHI_OK && options->verbose)
        cli_fail(&error);
    return client;
}

void cli_request_init(
    const cli_options *options, amphi_chat_request *request, amphi_message *message)
{
    amphi_chat_request_init(request);
    request->messages = message;
    request->messages_count = 1;
    request->conversation_id = amphi_str_from(options->conversation);
    request->mode = options->mode;
    request->is_private = options->is_private;
    request->no_cache = options->no_cache;
    request->no_queue = options->no_queue;
    request->cache = options->cache;
    request->no_store = options->no_store;
    request->sampling.tokens_max = options->tokens_max;
    request->sampling.seed = options->seed;
    request->sampling.temperature = options->temperature;
}

/* ---- output ---- */

/* Bytes of a control character at `at`: C0 but tab and line feed, DEL, and C1 in UTF-8; or 0. */
static size_t control_size(amphi_str text, size_t at)
{
    unsigned char c = (unsigned char)text.data[at];
    unsigned char next = at + 1 < text.size ? (unsigned char)text.data[at + 1] : 0;
    if (c == 0xC2 && next >= 0x80 && next <= 0x9F)
        return 2;
    return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F ? 1 : 0;
}

void cli_print_text(FILE *out, amphi_str text)
{
    if (isatty(fileno(out)) == 0) {
        fwrite(text.data, 1, text.size, out);
        return;
    }
    for (size_t i = 0; i < text.size;) {
        size_t skip = control_size(text, i);
        if (skip == 0)
            fputc(text.data[i++], out);
        i += skip;
    }
}

void cli_print_name(FILE *out, amphi_str text)
{
    for (size_t i = 0; i < text.size;) {
        unsigned char c = (unsigned char)text.data[i];
        size_t size = c == '\n' || c == '\t' ? 1 : control_size(text, i);
        if (size == 0)
            fputc(c, out);
        for (size_t k = 0; k < size; k++)
            fprintf(out, "\\x%02x", (unsigned)(unsigned char)text.data[i + k]);
        i += size > 0 ? size : 1;
    }
}

static bool understands_escapes(FILE *out)
{
    const char *term = getenv("TERM");
    return isatty(fileno(out)) && getenv("NO_COLOR") == NULL && term != NULL &&
           strcmp(term, "dumb") != 0;
}

const char *cli_dim(FILE *out)
{
    return understands_escapes(out) ? "\033[2m" : "";
}

const char *cli_plain(FILE *out)
{
    return understands_escapes(out) ? "\033[0m" : "";
}
