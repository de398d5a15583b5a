/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunks that are read without a tree: the plain ones are, everything else is left to the tree.
 */
#include "tests/support/plain_chunk_property.h"

#include "sdk/core/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct example {
    const char *chunk;
    const char *content; /* as written; NULL: for the tree */
    const char *model;
} example;

#define MODEL          "\"model\":\"m-1\","
#define HEAD           "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":17," MODEL
#define CHOICE(inside) HEAD "\"choices\":[{" inside "}]}"
#define DELTA(inside)  CHOICE("\"index\":0,\"delta\":{" inside "},\"finish_reason\":null")

static const example examples[] = {
    /* OpenAI, vLLM, llama.cpp, DeepSeek, as their documentation shows them. */
    {DELTA("\"role\":\"assistant\",\"content\":\"\",\"refusal\":null"), "", "m-1"},
    {DELTA("\"content\":\"Hello\""), "Hello", "m-1"},
    {DELTA("\"content\":\"a \\\"b\\\"\\n\\u4e2d\""), "a \\\"b\\\"\\n\\u4e2d", "m-1"},
    {CHOICE("\"index\":0,\"delta\":{\"content\":\" x\"},\"logprobs\":null,\"finish_reason\":null,"
            "\"stop_reason\":null"),
        " x", "m-1"},
    {"{\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"content\":\"It\"}}],"
     "\"created\":1,\"id\":\"c\",\"model\":\"q\",\"system_fingerprint\":\"b1\","
     "\"object\":\"chat.completion.chunk\"}",
        "It", "q"},
    {HEAD "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\",\"reasoning_content\":null}}],"
          "\"usage\":null}",
        "Hi", "m-1"},
    {" { \"choices\" : [ { \"delta\" : { \"content\" : \"spaced\" } } ] } ", "spaced", ""},
    {"{\"error\":null,\"model\":null,\"choices\":[{\"delta\":{\"content\":\"x\"}}]}", "x", ""},
    /* There is more to these. */
    {DELTA("\"content\":\"x\",\"reasoning_content\":\"y\""), NULL, NULL},
    {DELTA("\"content\":\"x\",\"reasoning\":\"y\""), NULL, NULL},
    {DELTA("\"content\":\"x\",\"refusal\":\"y\""), NULL, NULL},
    {DELTA("\"content\":\"x\",\"tool_calls\":[]"), NULL, NULL},
    {DELTA("\"content\":\"x\",\"function_call\":{}"), NULL, NULL},
    {CHOICE("\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\""), NULL, NULL},
    {CHOICE("\"index\":1,\"delta\":{\"content\":\"x\"}"), NULL, NULL},
    {CHOICE("\"delta\":{\"content\":\"x\"},\"logprobs\":{\"content\":[]}"), NULL, NULL},
    {HEAD "\"usage\":{},\"choices\":[{\"delta\":{\"content\":\"x\"}}]}", NULL, NULL},
    {HEAD "\"x_groq\":{},\"choices\":[{\"delta\":{\"content\":\"x\"}}]}", NULL, NULL},
    {HEAD "\"error\":{},\"choices\":[{\"delta\":{\"content\":\"x\"}}]}", NULL, NULL},
    {"{\"object\":\"error\",\"choices\":[{\"delta\":{\"content\":\"x\"}}]}", NULL, NULL},
    {HEAD "\"choices\":[{\"delta\":{\"content\":\"x\"}},{\"delta\":{\"content\":\"y\"}}]}", NULL,
        NULL},
    /* Or less. */
    {DELTA(""), NULL, NULL},
    {DELTA("\"content\":null"), NULL, NULL},
    {DELTA("\"content\":[{\"type\":\"text\",\"text\":\"x\"}]"), NULL, NULL},
    {CHOICE("\"index\":0,\"message\":{\"content\":\"x\"}"), NULL, NULL},
    {CHOICE("\"delta\":null"), NULL, NULL},
    {HEAD "\"choices\":[]}", NULL, NULL},
    {HEAD "\"choices\":null}", NULL, NULL},
    {HEAD "\"choices\":{\"a\":{\"delta\":{\"content\":\"x\"}}}}", NULL, NULL},
    {"{}", NULL, NULL},
    {"[]", NULL, NULL},
    {"\"choices\"", NULL, NULL},
    /* Of two members the last one counts; an escaped key is not unescaped here. */
    {DELTA("\"content\":\"x\",\"content\":null"), NULL, NULL},
    {HEAD "\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"choices\":null}", NULL, NULL},
    {CHOICE("\"delta\":{\"content\":\"x\"},\"delta\":null"), NULL, NULL},
    {DELTA("\"content\":\"x\",\"re\\u0066usal\":\"y\""), NULL, NULL},
    {"{\"err\\u006fr\":{},\"choices\":[{\"delta\":{\"content\":\"x\"}}]}", NULL, NULL},
    {"{\"model\":\"m\\n\",\"choices\":[{\"delta\":{\"content\":\"x\"}}]}", NULL, NULL},
};

static void plain_chunk__is_recognized_and_nothing_else_is(void **state)
{
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const example *e = &examples[i];
        size_t size = strlen(e->chunk);
        char *copy = amphi__alloc(size); /* of exact size: ASan sees a read behind it */
        amphi_plain_chunk plain;
        assert_non_null(copy);
        memcpy(copy, e->chunk, size);
        amphi_str chunk = amphi_str_make(copy, size);
        assert_int_equal(amphi__json_check(chunk, "example", NULL), AMPHI_OK);
        if (amphi__plain_chunk_read(chunk, &plain) != (e->content != NULL))
            fail_msg("%s", e->chunk);
        if (e->content != NULL) {
            amphi_json *tree = NULL;
            assert_true(amphi__str_equal_c(plain.content, e->content));
            assert_true(amphi__str_equal_c(plain.model, e->model));
            assert_int_equal(plain.has_escapes, strchr(e->content, '\\') != NULL);
            assert_int_equal(amphi__json_parse(&tree, chunk, "example", NULL), AMPHI_OK);
            assert_true(chunk_says_only(tree, &plain));
            amphi__json_free(tree);
        }
        amphi__free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_chunk__is_recognized_and_nothing_else_is),
    };
    return cmocka_run_group_tests_name("unit.remote.plain_chunk", tests, NULL, NULL);
}
