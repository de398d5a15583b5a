/* SPDX-License-Identifier: Apache-2.0
 *
 * --rollout-key and --rollout-set: what a remote config needs beside its source.
 */
#include "cli.h"

#include <stdlib.h>
#include <unistd.h>

static int append(char *list, size_t size, const char *flag, const char *text)
{
    size_t used = strlen(list);
    int added = snprintf(list + used, size - used, "%s%s", used > 0 ? ";" : "", text);
    return added > 0 && (size_t)added < size - used ? CLI_OK : cli_usage("%s: too many", flag);
}

int cli_rollout_key(cli_rollout_options *out, const char *key)
{
    int rc = append(out->keys, sizeof out->keys, "--rollout-key", key);
    out->settings.keys = amphi_str_from(out->keys);
    return rc;
}

static int read_text(char **out, amphi_str *text, const char *path)
{
    size_t size = 0;
    free(*out);
    *out = cli_read_file(path, &size);
    *text = amphi_str_make(*out, size);
    return *out != NULL ? CLI_OK : CLI_USAGE;
}

/* The signature file beside it is read too, if there is one. */
static int set_bootstrap(cli_rollout_options *out, const char *path)
{
    char beside[4096];
    int rc = read_text(&out->bootstrap, &out->settings.bootstrap, path);
    snprintf(beside, sizeof beside, "%s.jws", path);
    if (rc == CLI_OK && access(beside, R_OK) == 0)
        rc = read_text(&out->signature, &out->settings.bootstrap_signature, beside);
    return rc;
}

static int set_model(cli_rollout_options *out, const char *value)
{
    const char *equals = strchr(value, '=');
    if (equals == NULL || equals == value || equals[1] == '\0')
        return cli_usage("--rollout-set model=NAME=FILE: a name and a file are expected");
    if (out->settings.models_count == CLI_ROLLOUT_MODELS_MAX)
        return cli_usage("--rollout-set model: at most %d", CLI_ROLLOUT_MODELS_MAX);
    amphi_rollout_model *model = &out->models[out->settings.models_count++];
    model->name = amphi_str_make(value, (size_t)(equals - value));
    model->path = amphi_str_from(equals + 1);
    out->settings.models = out->models;
    return CLI_OK;
}

static int set_poll(cli_rollout_options *out, const char *value)
{
    uint64_t seconds = 0;
    if (!cli_number("--rollout-set poll", value, 604800, &seconds))
        return CLI_USAGE;
    out->settings.poll_s = (uint32_t)seconds;
    return CLI_OK;
}

int cli_rollout_set(cli_rollout_options *out, const char *text)
{
    amphi_rollout_settings *settings = &out->settings;
    const char *equals = strchr(text, '=');
    size_t size = equals != NULL ? (size_t)(equals - text) : 0;
    const char *value = equals != NULL ? equals + 1 : "";
    int rc = CLI_OK;
    if (size == 10 && strncmp(text, "attributes", size) == 0)
        rc = read_text(&out->attributes, &settings->attributes_json, value);
    else if (size == 9 && strncmp(text, "bootstrap", size) == 0)
        rc = set_bootstrap(out, value);
    else if (size == 5 && strncmp(text, "model", size) == 0)
        rc = set_model(out, value);
    else if (size == 4 && strncmp(text, "poll", size) == 0)
        rc = set_poll(out, value);
    else if (size == 2 && strncmp(text, "ca", size) == 0)
        settings->ca_file = amphi_str_from(value);
    else if (size == 8 && strncmp(text, "key-file", size) == 0)
        settings->key_file = amphi_str_from(value);
    else if (size == 3 && strncmp(text, "pin", size) == 0) {
        rc = append(out->pins, sizeof out->pins, "--rollout-set pin", value);
        settings->pins = amphi_str_from(out->pins);
    } else if (strcmp(text, "tls12=yes") == 0)
        settings->tls12 = true;
    else
        rc = cli_usage("--rollout-set: attributes=FILE, bootstrap=FILE, model=NAME=FILE, "
                       "poll=SECONDS, ca=FILE, pin=sha256//..., key-file=FILE or tls12=yes");
    return rc;
}

void cli_rollout_options_clear(cli_rollout_options *options)
{
    free(options->attributes);
    free(options->bootstrap);
    free(options->signature);
    options->attributes = options->bootstrap = options->signature = NULL;
}
