/* SPDX-License-Identifier: Apache-2.0
 *
 * The command's JSON, in one way: a writer that puts commas and escapes by itself, as sdk/core's
 * does for the library, straight to a stream.
 */
#include "cli.h"

#include <inttypes.h>

static void put_string(FILE *out, amphi_str text)
{
    fputc('"', out);
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void begin_value(cli_json *json, const char *key)
{
    if (json->follows)
        fputc(',', json->out);
    if (key != NULL) {
        put_string(json->out, amphi_str_from(key));
        fputc(':', json->out);
    }
    json->follows = true;
}

void cli_json_open(cli_json *json, const char *key, char bracket)
{
    begin_value(json, key);
    fputc(bracket, json->out);
    json->follows = false;
}

void cli_json_close(cli_json *json, char bracket)
{
    fputc(bracket, json->out);
    json->follows = true;
}

void cli_json_end(cli_json *json)
{
    cli_json_close(json, '}');
    fputc('\n', json->out);
}

void cli_json_str(cli_json *json, const char *key, amphi_str text)
{
    begin_value(json, key);
    put_string(json->out, text);
}

void cli_json_c(cli_json *json, const char *key, const char *text)
{
    cli_json_str(json, key, amphi_str_from(text));
}

void cli_json_uint(cli_json *json, const char *key, uint64_t value)
{
    begin_value(json, key);
    fprintf(json->out, "%" PRIu64, value);
}

void cli_json_int(cli_json *json, const char *key, int64_t value)
{
    begin_value(json, key);
    fprintf(json->out, "%" PRId64, value);
}

void cli_json_bool(cli_json *json, const char *key, bool value)
{
    begin_value(json, key);
    fputs(value ? "true" : "false", json->out);
}

void cli_json_raw(cli_json *json, const char *key, amphi_str value)
{
    begin_value(json, key);
    fwrite(value.data, 1, value.size, json->out);
}

void cli_print_json_string(FILE *out, amphi_str text)
{
    put_string(out, text);
}
