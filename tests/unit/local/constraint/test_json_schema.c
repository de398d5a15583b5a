/* SPDX-License-Identifier: Apache-2.0
 *
 * Schemas as grammars: which texts satisfy them, what is refused with its place, and schemas that
 * nothing satisfies. Many more schemas are in tests/integration/test_schema.py.
 */
#include "local/constraint/json_schema.h"
#include "tests/support/grammar_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void json_schema__what_cant_be_kept_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *schema;
        amphi_status status;
        const char *place;
    } rows[] = {{"{\"not\":{}}", AMPHI_E_UNSUPPORTED, "#/not"},
        {"{\"properties\":{\"a\":{\"type\":\"array\",\"uniqueItems\":true}}}", AMPHI_E_UNSUPPORTED,
            "#/properties/a/uniqueItems"},
        {"{\"properties\":{\"n\":{\"multipleOf\":0.1}}}", AMPHI_E_UNSUPPORTED,
            "#/properties/n/multipleOf"},
        {"{\"type\":\"strange\"}", AMPHI_E_REQUEST, "#/type"},
        {"{\"$ref\":\"#/$defs/none\"}", AMPHI_E_REQUEST, "#/$ref"},
        {"{\"$ref\":\"http://x/y\"}", AMPHI_E_UNSUPPORTED, "#/$ref"},
        {"{\"type\":\"string\",\"pattern\":\"(?=a)\"}", AMPHI_E_UNSUPPORTED, "look-around"},
        {"{\"type\":\"string\",\"pattern\":\"(?i)a\"}", AMPHI_E_UNSUPPORTED, "groups"},
        {"{\"type\":\"integer\",\"minimum\":9007199254740993}", AMPHI_E_UNSUPPORTED, "9e15"},
        {"{\"type\":\"number\",\"exclusiveMaximum\":-1e300}", AMPHI_E_UNSUPPORTED, "9e15"},
        {"{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"number\"}]}", AMPHI_E_UNSUPPORTED,
            "#/oneOf/1"},
        {"{\"patternProperties\":{\"a\":{}}}", AMPHI_E_UNSUPPORTED, "#/patternProperties"},
        {"{\"$ref\":\"#\"}", AMPHI_E_REQUEST, "itself"},
        {"{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/a\"}},\"items\":{"
         "\"$ref\":\"#/$defs/a\"}}",
            AMPHI_E_REQUEST, "itself"},
        {"{\"type\":\"object\",\"required\":\"a\"}", AMPHI_E_REQUEST, "#/required"},
        {"{\"required\":[\"a\",1]}", AMPHI_E_REQUEST, "#/required/1"},
        {"{\"properties\":[]}", AMPHI_E_REQUEST, "#/properties"},
        {"{\"type\":\"integer\",\"minimum\":\"1\"}", AMPHI_E_REQUEST, "#/minimum"},
        {"{\"type\":\"string\",\"maxLength\":-1}", AMPHI_E_REQUEST, "#/maxLength"},
        {"{\"type\":\"string\",\"pattern\":5}", AMPHI_E_REQUEST, "#/pattern"},
        {"{\"type\":\"string\",\"minLength\":100000}", AMPHI_E_LIMIT, "large"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        amphi_json *schema = json_of(rows[i].schema);
        amphi_grammar grammar;
        amphi_error error;
        assert_int_equal(amphi__json_schema_compile(&grammar, schema, &error), rows[i].status);
        if (strstr(error.message, rows[i].place) == NULL)
            fail_msg("%s: %s", rows[i].schema, error.message);
        amphi__grammar_clear(&grammar);
        amphi__json_free(schema);
    }
}

static void json_schema__nothing_finite_is_an_error_and_no_hang(void **state)
{
    static const char *const rows[] = {"false", "{\"enum\":[]}",
        "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}",
        "{\"type\":\"integer\",\"minimum\":5,\"maximum\":4}",
        "{\"type\":\"array\",\"minItems\":3,\"maxItems\":2}",
        "{\"allOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        amphi_json *schema = json_of(rows[i]);
        amphi_grammar grammar;
        amphi_error error;
        amphi_status status = amphi__json_schema_compile(&grammar, schema, &error);
        if (status == AMPHI_OK)
            status = amphi__grammar_seal(&grammar, 8, &error);
        if (status == AMPHI_OK)
            fail_msg("%s was taken", rows[i]);
        amphi__grammar_clear(&grammar);
        amphi__json_free(schema);
    }
}

static void json_schema__a_text_satisfies_it_or_not(void **state)
{
    static const struct {
        const char *schema, *text;
        bool fits;
    } rows[] = {{"{\"type\":\"integer\",\"minimum\":-20,\"maximum\":130}", "130", true},
        {"{\"type\":\"integer\",\"minimum\":-20,\"maximum\":130}", "131", false},
        {"{\"type\":\"integer\",\"minimum\":-20,\"maximum\":130}", "-20", true},
        {"{\"type\":\"integer\",\"minimum\":-20,\"maximum\":130}", "-21", false},
        {"{\"type\":\"integer\",\"minimum\":-20,\"maximum\":130}", "007", false},
        {"{\"type\":\"number\",\"minimum\":0.25,\"maximum\":1.5}", "0.25", true},
        {"{\"type\":\"number\",\"minimum\":0.25,\"maximum\":1.5}", "0.2499", false},
        {"{\"type\":\"number\",\"minimum\":0.25,\"maximum\":1.5}", "1.50", true},
        {"{\"type\":\"number\",\"minimum\":0.25,\"maximum\":1.5}", "1.51", false},
        {"{\"type\":\"number\",\"exclusiveMaximum\":1,\"minimum\":0}", "1", false},
        {"{\"type\":\"number\",\"exclusiveMaximum\":1,\"minimum\":0}", "0.999", true},
        {"{\"type\":\"string\",\"pattern\":\"^a[^b]c$\"}",
            "\"a\xE4\xB8\xAD"
            "c\"",
            true},
        {"{\"type\":\"string\",\"pattern\":\"^a[^b]c$\"}", "\"abc\"", false},
        {"{\"type\":\"string\",\"pattern\":\"b\"}", "\"abc\"", true},
        {"{\"type\":\"string\",\"maxLength\":2}", "\"\\ud83d\\ude00x\"", true},
        {"{\"type\":\"string\",\"maxLength\":2}", "\"abc\"", false},
        {"{\"type\":\"string\"}", "\"\\ud83d\"", false},
        {"{\"type\":\"string\"}", "\"\xC0\x80\"", false},
        {"{\"type\":\"string\"}", "\"a\nb\"", false},
        {"{\"additionalProperties\":{\"type\":\"null\"},\"properties\":{\"ab\":{\"type\":"
         "\"integer\"}}}",
            "{\"ab\": null}", false},
        {"{\"additionalProperties\":{\"type\":\"null\"},\"properties\":{\"ab\":{\"type\":"
         "\"integer\"}}}",
            "{\"ab\": 1, \"a\": null, \"abc\": null}", true},
        {"{\"type\":\"string\",\"format\":\"date\"}", "\"2023-02-29\"", false},
        {"{\"type\":\"string\",\"format\":\"uri\"}", "\"https://a.example/b/c.d\"", true},
        {"{\"type\":\"string\",\"format\":\"uri\"}", "\"a b\"", false},
        {"{\"type\":\"string\",\"format\":\"ipv6\"}", "\"fe80:0:0:0:1:2:3:4\"", true},
        {"{\"type\":\"string\",\"format\":\"hostname\"}", "\"-a.example\"", false},
        {"{\"type\":\"string\",\"format\":\"duration\"}", "\"PT15M\"", true},
        {"{\"type\":\"string\",\"format\":\"unheard of\"}", "\"x\"", true},
        {"{\"type\":\"string\",\"format\":\"date\"}", "\"2024-12-31\"", true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (schema_grammar_accepts(rows[i].schema, rows[i].text) != rows[i].fits)
            fail_msg("%s: %s", rows[i].schema, rows[i].text);
}

static void json_schema__ordinary_values_of_a_format_can_be_written(void **state)
{
    static const struct {
        const char *format, *text;
        bool fits;
    } rows[] = {
        {"date", "2024-02-29", true},
        {"date", "1900-02-29", false},
        {"uri", "https://localhost:8080/a_(b)/c/d/e/f/g?q=1&r=%20#top", true},
        {"uri",
            "https://www.shop.example.co.uk/"
            "longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglong",
            true},
        {"uri", "mailto:a@b.example", true},
        {"uri", "urn:isbn:0451450523", true},
        {"uri", "/a/b", false},
        {"uri", "https://a/%2", false},
        {"uri-reference", "../a/b?c#d", true},
        {"uri-reference", "#top", true},
        {"uri-reference", "a b", false},
        {"iri",
            "https://b\xC3\xBC"
            "cher.example/\xE4\xB8\xAD",
            true},
        {"iri-reference", "\xC3\xA4", true},
        {"uri-template", "/users/{id}{?page,size}", true},
        {"hostname", "localhost", true},
        {"hostname", "a.b.c.d.Example.com", true},
        {"hostname", "a..b", false},
        {"idn-hostname",
            "b\xC3\xBC"
            "cher.example",
            true},
        {"email", "First.Last+tag@mail.example.co.uk", true},
        {"email", "a..b@c", false},
        {"idn-email",
            "j\xC3\xB6rg@b\xC3\xBC"
            "cher.example",
            true},
        {"uuid", "123E4567-e89b-12d3-a456-426614174000", true},
        {"ipv6", "::1", true},
        {"ipv6", "2001:db8::ff00:42:8329", true},
        {"ipv6", "1::2::3", false},
        {"duration", "P1Y2M3DT4H5M6S", true},
        {"duration", "PT", false},
        {"duration", "P1YT", false},
        {"json-pointer", "/Foo bar/0/~1x", true},
        {"json-pointer", "/~2", false},
        {"relative-json-pointer", "1#", true},
        {"regex", "^a+$", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char schema[64];
        (void)snprintf(schema, sizeof schema, "{\"format\":\"%s\"}", rows[i].format);
        char text[160];
        (void)snprintf(text, sizeof text, "\"%s\"", rows[i].text);
        if (schema_grammar_accepts(schema, text) != rows[i].fits)
            fail_msg("%s: %s", schema, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_schema__what_cant_be_kept_is_refused_with_its_place),
        cmocka_unit_test(json_schema__nothing_finite_is_an_error_and_no_hang),
        cmocka_unit_test(json_schema__a_text_satisfies_it_or_not),
        cmocka_unit_test(json_schema__ordinary_values_of_a_format_can_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
