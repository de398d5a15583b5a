/* SPDX-License-Identifier: Apache-2.0
 *
 * --telemetry-set: what telemetry needs beside its URL.
 */
#include "cli.h"

static int add_pin(cli_telemetry_options *out, const char *pin)
{
    size_t used = strlen(out->pins);
    size_t size = sizeof out->pins - used;
    int added = snprintf(out->pins + used, size, "%s%s", used > 0 ? ";" : "", pin);
    out->settings.pins = amphi_str_from(out->pins);
    return added > 0 && (size_t)added < size ? CLI_OK : cli_usage("--telemetry-set pin: too many");
}

static int set_interval(cli_telemetry_options *out, const char *value)
{
    uint64_t seconds = 0;
    if (!cli_number("--telemetry-set interval", value, 86400, &seconds))
        return CLI_USAGE;
    out->settings.interval_s = (uint32_t)seconds;
    return CLI_OK;
}

int cli_telemetry_set(cli_telemetry_options *out, const char *text)
{
    amphi_telemetry_settings *settings = &out->settings;
    const char *equals = strchr(text, '=');
    amphi_str name = amphi_str_make(text, equals != NULL ? (size_t)(equals - text) : 0);
    const char *value = equals != NULL ? equals + 1 : "";
    const struct {
        const char *name;
        amphi_str *text;
    } texts[] = {{"service", &settings->service_name}, {"version", &settings->service_version},
        {"ca", &settings->ca_file}, {"key-file", &settings->key_file}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (name.size == strlen(texts[i].name) &&
            memcmp(name.data, texts[i].name, name.size) == 0) {
            *texts[i].text = amphi_str_from(value);
            return CLI_OK;
        }
    if (strcmp(text, "tls12=yes") == 0)
        settings->tls12 = true;
    else if (strcmp(text, "spans=no") == 0)
        settings->no_spans = true;
    else if (name.size == 3 && memcmp(name.data, "pin", 3) == 0)
        return add_pin(out, value);
    else if (name.size == 8 && memcmp(name.data, "interval", 8) == 0)
        return set_interval(out, value);
    else
        return cli_usage("--telemetry-set: service=NAME, version=TEXT, interval=SECONDS, spans=no, "
                         "ca=FILE, pin=sha256//..., key-file=FILE or tls12=yes");
    return CLI_OK;
}
