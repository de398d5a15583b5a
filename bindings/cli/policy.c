/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi policy: is this a policy document, what is in force with it, what does a field take? No
 * client is made and no store is opened.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* A document from a file, or the one of --policy, or none (then NULL and CLI_OK). free() it. */
static int read_document(const cli_options *options, const char *path, char **out)
{
    size_t size = 0;
    *out = NULL;
    if (path == NULL && options->policy_json == NULL)
        return CLI_OK;
    *out = path != NULL ? cli_read_file(path, &size) : strdup(options->policy_json);
    return *out != NULL ? CLI_OK : CLI_FAILED;
}

static const char *word(const cli_options *options, size_t i)
{
    return i < options->words_count ? options->words[i] : NULL;
}

/* False: there is no such field, or a line on standard error says why the document is none. */
static bool field_at(amphi_policy_field_info *out, size_t index, const char *document, int *rc)
{
    amphi_error error;
    amphi_policy_field_info_init(out);
    amphi_status status = amphi_policy_field_at(out, index, amphi_str_from(document), &error);
    if (status != AMPHI_OK && status != AMPHI_E_NOT_FOUND)
        *rc = cli_fail(&error);
    return status == AMPHI_OK;
}

/* ---- check ---- */

static void print_notes(cli_json *json, const char *path, const char *notes)
{
    if (json != NULL)
        cli_json_open(json, "notes", '[');
    while (*notes != '\0') {
        size_t size = strcspn(notes, "\n");
        if (json != NULL)
            cli_json_str(json, NULL, amphi_str_make(notes, size));
        else
            printf("%s: note: %.*s\n", path, (int)size, notes);
        notes += size + (notes[size] == '\n');
    }
    if (json != NULL)
        cli_json_close(json, ']');
}

static int check_file(const char *path, cli_json *json)
{
    amphi_error error;
    char *notes = NULL;
    size_t size = 0;
    char *document = cli_read_file(path, &size);
    if (document == NULL)
        return CLI_FAILED;
    amphi_status status = amphi_policy_check(amphi_str_make(document, size), &notes, &error);
    if (json != NULL) {
        cli_json_open(json, NULL, '{');
        cli_json_c(json, "file", path);
        cli_json_bool(json, "ok", status == AMPHI_OK);
        if (status != AMPHI_OK)
            cli_json_c(json, "error", error.message);
    } else if (status == AMPHI_OK) {
        printf("%s: a policy document\n", path);
    } else {
        fprintf(stderr, "amphi: %s: %s\n", path, error.message);
    }
    if (status == AMPHI_OK)
        print_notes(json, path, notes);
    if (json != NULL)
        cli_json_close(json, '}');
    amphi_string_free(notes);
    free(document);
    return status == AMPHI_OK ? CLI_OK : CLI_FAILED;
}

static int check(const cli_options *options)
{
    cli_json json = {stdout, false};
    int rc = CLI_OK;
    if (options->words_count < 2)
        return cli_usage("policy check takes files; - is standard input");
    if (options->json) {
        cli_json_open(&json, NULL, '{');
        cli_json_open(&json, "documents", '[');
    }
    for (size_t i = 1; i < options->words_count; i++)
        if (check_file(options->words[i], options->json ? &json : NULL) != CLI_OK)
            rc = CLI_FAILED;
    if (options->json) {
        cli_json_close(&json, ']');
        cli_json_end(&json);
    }
    return rc;
}

/* ---- show, diff, explain ---- */

static int show(const cli_options *options, const char *document)
{
    amphi_policy_field_info field;
    amphi_error error;
    char *json = NULL;
    int rc = CLI_OK;
    if (options->json) {
        if (amphi_policy_show(&json, amphi_str_from(document), &error) == AMPHI_OK)
            puts(json);
        else
            rc = cli_fail(&error);
        amphi_string_free(json);
        return rc;
    }
    for (size_t i = 0; field_at(&field, i, document, &rc); i++) {
        printf("%-32s %s", field.name, field.value);
        if (strcmp(field.value, field.default_value) != 0)
            printf(" (default %s)", field.default_value);
        puts(field.is_pinned ? ", pinned" : "");
    }
    return rc;
}

static void print_difference(
    cli_json *json, const amphi_policy_field_info *from, const amphi_policy_field_info *to)
{
    if (json == NULL) {
        printf("%-32s %s%s -> %s%s\n", from->name, from->value, from->is_pinned ? ", pinned" : "",
            to->value, to->is_pinned ? ", pinned" : "");
        return;
    }
    cli_json_open(json, NULL, '{');
    cli_json_c(json, "field", from->name);
    cli_json_raw(json, "from", amphi_str_from(from->value));
    cli_json_raw(json, "to", amphi_str_from(to->value));
    cli_json_bool(json, "from_pinned", from->is_pinned);
    cli_json_bool(json, "to_pinned", to->is_pinned);
    cli_json_close(json, '}');
}

static int diff(const cli_options *options, const char *before, const char *after)
{
    amphi_policy_field_info from;
    amphi_policy_field_info to;
    cli_json json = {stdout, false};
    int rc = CLI_OK;
    /* Both are read before anything is printed. */
    if (!field_at(&from, 0, before, &rc) || !field_at(&to, 0, after, &rc))
        return rc;
    if (options->json) {
        cli_json_open(&json, NULL, '{');
        cli_json_open(&json, "differences", '[');
    }
    for (size_t i = 0; field_at(&from, i, before, &rc) && field_at(&to, i, after, &rc); i++)
        if (strcmp(from.value, to.value) != 0 || from.is_pinned != to.is_pinned)
            print_difference(options->json ? &json : NULL, &from, &to);
    if (options->json) {
        cli_json_close(&json, ']');
        cli_json_end(&json);
    }
    return rc;
}

static void print_field(const amphi_policy_field_info *field)
{
    printf("%s: %s\n", field->name, field->help);
    printf("  takes    %s%s%s\n", field->limits, field->unit[0] != '\0' ? " " : "", field->unit);
    printf("  default  %s\n", field->default_value);
    printf("  here     %s%s%s\n", field->value,
        field->is_named                                   ? ", from the document"
        : strcmp(field->value, field->default_value) != 0 ? ", following a field of the document"
                                                          : ", the default",
        field->is_pinned ? ", pinned" : "");
    printf("  payload  %s\n", field->is_pinned ? "nothing: it is pinned" : field->payload);
}

static void print_field_json(cli_json *json, const amphi_policy_field_info *field)
{
    cli_json_open(json, NULL, '{');
    cli_json_c(json, "field", field->name);
    cli_json_c(json, "help", field->help);
    cli_json_c(json, "limits", field->limits);
    cli_json_c(json, "unit", field->unit);
    cli_json_raw(json, "default", amphi_str_from(field->default_value));
    cli_json_raw(json, "value", amphi_str_from(field->value));
    cli_json_bool(json, "named", field->is_named);
    cli_json_bool(json, "pinned", field->is_pinned);
    cli_json_c(json, "payload", field->payload);
    cli_json_close(json, '}');
}

static int explain(const cli_options *options, const char *name, const char *document)
{
    amphi_policy_field_info field;
    amphi_error error;
    cli_json json = {stdout, false};
    size_t index = 0;
    size_t count = 0;
    int rc = CLI_OK;
    if (strcmp(name, "pinned") == 0) {
        puts("pinned: a list of fields, or groups of them, that no payload of the rollout changes: "
             "[\"cloud.enabled\", \"battery\"]; not in a payload itself ([])");
        return CLI_OK;
    }
    if (amphi_policy_find(&index, &count, amphi_str_from(name), &error) != AMPHI_OK)
        return cli_fail(&error);
    if (!field_at(&field, index, document, &rc))
        return rc;
    if (options->json) {
        cli_json_open(&json, NULL, '{');
        cli_json_open(&json, "fields", '[');
    }
    for (size_t i = index; i < index + count && field_at(&field, i, document, &rc); i++)
        if (options->json)
            print_field_json(&json, &field);
        else
            print_field(&field);
    if (options->json) {
        cli_json_close(&json, ']');
        cli_json_end(&json);
    }
    return rc;
}

static int print_schema(void)
{
    char *schema = NULL;
    amphi_error error;
    if (amphi_policy_schema(&schema, &error) != AMPHI_OK)
        return cli_fail(&error);
    fputs(schema, stdout);
    amphi_string_free(schema);
    return CLI_OK;
}

static int run(cli_options *options)
{
    const char *what = word(options, 0);
    bool is_diff = what != NULL && strcmp(what, "diff") == 0;
    bool is_explain = what != NULL && strcmp(what, "explain") == 0;
    size_t words = options->words_count;
    char *first = NULL;
    char *second = NULL;
    if (what != NULL && strcmp(what, "check") == 0)
        return check(options);
    if (what != NULL && strcmp(what, "schema") == 0 && words == 1)
        return print_schema();
    if (is_diff && (words < 2 || words > 3))
        return cli_usage("policy diff takes one file, against the defaults, or two");
    if (is_explain && (words < 2 || words > 3))
        return cli_usage("policy explain takes a field or a group, and a file");
    if (!is_diff && !is_explain && (what == NULL || strcmp(what, "show") != 0 || words > 2))
        return cli_usage("policy: check, show, diff, explain or schema; --help shows them");
    int rc = CLI_OK;
    if (is_diff) {
        rc = read_document(options, word(options, words - 1), &second);
        if (rc == CLI_OK && words == 3)
            rc = read_document(options, word(options, 1), &first);
        rc = rc == CLI_OK ? diff(options, first, second) : rc;
    } else {
        rc = read_document(options, word(options, is_explain ? 2 : 1), &first);
        if (rc == CLI_OK)
            rc = is_explain ? explain(options, word(options, 1), first) : show(options, first);
    }
    free(first);
    free(second);
    return rc;
}

const cli_command cli_policy = {
    .name = "policy",
    .summary = "the policy document: check, show, diff, explain, schema",
    .help =
        "usage: amphi policy check FILE...\n"
        "       amphi policy show [FILE]\n"
        "       amphi policy diff [FILE] FILE\n"
        "       amphi policy explain FIELD [FILE]\n"
        "       amphi policy schema\n"
        "\n"
        "check says whether a file is a policy document, by name what is wrong, and what it\n"
        "says in vain. show prints every field as it is in force with the document (--json: as\n"
        "one document), diff what changes from one document, or from the defaults, to another.\n"
        "explain says what a field, or a group of them, does, takes and has, and what a payload\n"
        "of the gray release may set. schema prints the JSON Schema (draft 2020-12). Without\n"
        "FILE the document is that of --policy, or none. What is in force with a payload, on\n"
        "this install, shows `amphi rollout show`.\n"
        "\n"
        "Example: amphi policy explain battery.min_percent\n",
    .run = run,
};
