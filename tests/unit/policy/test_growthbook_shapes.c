/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules of odd shapes. What the reference does with each was asked of it: GrowthBook's JavaScript
 * SDK, 1.8.0, for eight installs. A misshapen rule must never let an install in that the reference
 * keeps out.
 */
#include "policy/growthbook.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>

static const char *const ids[] = {"a", "b", "u1", "user-7", "x9", "q0", "zz", "0"};
#define IDS (sizeof ids / sizeof ids[0])

/* `gives`: the value's letter for each install, or one letter for all: F forced, A to D variations
 * and the default, N null, X the reference throws. */
static const struct {
    const char *rule, *groups, *gives;
} shapes[] = {
    {"{\"force\":\"F\",\"condition\":\"ios\"}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":\"\"}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":5}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":0}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":true}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":null}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":[]}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":[1]}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":[{\"platform\":\"ios\"}]}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":[null]}", NULL, "F"},
    {"{\"force\":\"F\",\"range\":{}}", NULL, "D"},
    {"{\"force\":\"F\",\"range\":{\"0\":0,\"1\":1}}", NULL, "F"},
    {"{\"force\":\"F\",\"range\":{\"from\":0,\"to\":1}}", NULL, "D"},
    {"{\"force\":\"F\",\"range\":null}", NULL, "F"},
    {"{\"force\":\"F\",\"range\":[0,1]}", NULL, "F"},
    {"{\"force\":\"F\",\"range\":[\"0\",\"1\"]}", NULL, "F"},
    {"{\"force\":\"F\",\"range\":[null,1]}", NULL, "F"},
    {"{\"force\":\"F\",\"range\":[0]}", NULL, "D"},
    {"{\"force\":\"F\",\"range\":[]}", NULL, "D"},
    {"{\"force\":\"F\",\"range\":\"01\"}", NULL, "F"},
    {"{\"force\":\"F\",\"range\":\"\"}", NULL, "F"},
    {"{\"force\":\"F\",\"range\":5}", NULL, "D"},
    {"{\"force\":\"F\",\"range\":0}", NULL, "F"},
    {"{\"force\":\"F\",\"range\":true}", NULL, "D"},
    {"{\"force\":\"F\",\"range\":false}", NULL, "F"},
    {"{\"force\":\"F\",\"coverage\":null}", NULL, "D"},
    {"{\"force\":\"F\",\"coverage\":\"0.5\"}", NULL, "FFDDDDFF"},
    {"{\"force\":\"F\",\"coverage\":\"abc\"}", NULL, "D"},
    {"{\"force\":\"F\",\"coverage\":\"\"}", NULL, "D"},
    {"{\"force\":\"F\",\"coverage\":true}", NULL, "F"},
    {"{\"force\":\"F\",\"coverage\":false}", NULL, "D"},
    {"{\"force\":\"F\",\"coverage\":{}}", NULL, "D"},
    {"{\"force\":\"F\",\"coverage\":[]}", NULL, "D"},
    {"{\"force\":\"F\",\"coverage\":[1]}", NULL, "F"},
    {"{\"force\":\"F\",\"coverage\":[\"0.5\"]}", NULL, "FFDDDDFF"},
    {"{\"force\":\"F\",\"coverage\":[1,1]}", NULL, "D"},
    {"{\"force\":\"F\",\"coverage\":-1}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"$or\":\"ios\"}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"$or\":\"\"}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"$or\":{}}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"$or\":{\"length\":1}}}", NULL, "X"},
    {"{\"force\":\"F\",\"condition\":{\"$or\":5}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"$or\":null}}", NULL, "X"},
    {"{\"force\":\"F\",\"condition\":{\"$or\":[5]}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"$or\":[\"ios\"]}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"$or\":[null]}}", NULL, "X"},
    {"{\"force\":\"F\",\"condition\":{\"$nor\":\"ios\"}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"$nor\":{}}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"$nor\":null}}", NULL, "X"},
    {"{\"force\":\"F\",\"condition\":{\"$and\":\"ios\"}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"$and\":{}}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"$and\":5}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"$and\":null}}", NULL, "X"},
    {"{\"force\":\"F\",\"condition\":{\"$and\":[\"x\"]}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"$and\":[]}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"$not\":\"ios\"}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"$not\":\"\"}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"$not\":5}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"$not\":null}}", NULL, "X"},
    {"{\"force\":\"F\",\"condition\":{\"$not\":[1]}}", NULL, "F"},
    {"{\"force\":\"F\",\"parentConditions\":{\"id\":\"p\",\"condition\":{\"value\":1}}}", NULL,
        "X"},
    {"{\"force\":\"F\",\"parentConditions\":{}}", NULL, "X"},
    {"{\"force\":\"F\",\"parentConditions\":\"p\"}", NULL, "F"},
    {"{\"force\":\"F\",\"parentConditions\":\"\"}", NULL, "F"},
    {"{\"force\":\"F\",\"parentConditions\":5}", NULL, "X"},
    {"{\"force\":\"F\",\"parentConditions\":0}", NULL, "F"},
    {"{\"force\":\"F\",\"parentConditions\":null}", NULL, "F"},
    {"{\"force\":\"F\",\"parentConditions\":[null]}", NULL, "X"},
    {"{\"force\":\"F\",\"parentConditions\":[\"p\"]}", NULL, "F"},
    {"{\"force\":\"F\",\"parentConditions\":[{\"id\":\"p\"}]}", NULL, "F"},
    {"{\"force\":\"F\",\"parentConditions\":[{\"id\":\"p\",\"condition\":null}]}", NULL, "F"},
    {"{\"force\":\"F\",\"parentConditions\":[{\"id\":\"p\",\"condition\":\"value\"}]}", NULL, "D"},
    {"{\"force\":\"F\",\"parentConditions\":[{\"id\":\"p\",\"condition\":7}]}", NULL, "F"},
    {"{\"force\":\"F\",\"parentConditions\":[{\"id\":5,\"condition\":{\"value\":1}}]}", NULL, "D"},
    {"{\"force\":\"F\",\"parentConditions\":[{\"condition\":{\"value\":1}}]}", NULL, "D"},
    {"{\"force\":\"F\",\"parentConditions\":[{\"id\":\"p\",\"condition\":{\"value\":2},\"gate\":"
     "\"yes\"}]}",
        NULL, "N"},
    {"{\"force\":\"F\",\"parentConditions\":[{\"id\":\"p\",\"condition\":{\"value\":2},\"gate\":0}]"
     "}",
        NULL, "D"},
    {"{\"force\":\"F\",\"filters\":\"abc\"}", NULL, "X"},
    {"{\"force\":\"F\",\"filters\":\"\"}", NULL, "F"},
    {"{\"force\":\"F\",\"filters\":{}}", NULL, "X"},
    {"{\"force\":\"F\",\"filters\":5}", NULL, "X"},
    {"{\"force\":\"F\",\"filters\":null}", NULL, "F"},
    {"{\"force\":\"F\",\"filters\":[]}", NULL, "F"},
    {"{\"force\":\"F\",\"filters\":[null]}", NULL, "X"},
    {"{\"force\":\"F\",\"filters\":[{}]}", NULL, "X"},
    {"{\"force\":\"F\",\"filters\":[\"x\"]}", NULL, "X"},
    {"{\"force\":\"F\",\"filters\":[{\"seed\":\"s\"}]}", NULL, "X"},
    {"{\"force\":\"F\",\"filters\":[{\"seed\":\"s\",\"ranges\":\"01\"}]}", NULL, "X"},
    {"{\"force\":\"F\",\"filters\":[{\"seed\":\"s\",\"ranges\":[]}]}", NULL, "D"},
    {"{\"force\":\"F\",\"filters\":[{\"seed\":\"s\",\"ranges\":[null]}]}", NULL, "X"},
    {"{\"force\":\"F\",\"filters\":[{\"seed\":\"s\",\"ranges\":[[0,1]]}]}", NULL, "F"},
    {"{\"force\":\"F\",\"filters\":[{\"seed\":\"s\",\"ranges\":[[0,0.5]],\"hashVersion\":\"2\"}]}",
        NULL, "D"},
    {"{\"force\":\"F\",\"filters\":[{\"seed\":7,\"ranges\":[[0,0.5]]}]}", NULL, "FDFDDFFF"},
    {"{\"force\":\"F\",\"filters\":[{\"ranges\":[[0,0.5]]}]}", NULL, "FDFFDFDD"},
    {"{\"force\":\"F\",\"coverage\":0.5,\"hashVersion\":\"1\"}", NULL, "D"},
    {"{\"force\":\"F\",\"coverage\":0.5,\"hashVersion\":null}", NULL, "FFDDDDFF"},
    {"{\"force\":\"F\",\"coverage\":0.5,\"hashVersion\":0}", NULL, "FFDDDDFF"},
    {"{\"force\":\"F\",\"coverage\":0.5,\"hashVersion\":3}", NULL, "D"},
    {"{\"force\":\"F\",\"coverage\":0.5,\"seed\":7}", NULL, "FDFDFDFF"},
    {"{\"force\":\"F\",\"coverage\":0.5,\"hashAttribute\":7}", NULL, "D"},
    {"{\"force\":\"F\",\"coverage\":0.5,\"hashAttribute\":\"nope\",\"fallbackAttribute\":\"id\"}",
        NULL, "D"},
    {"{\"force\":\"F\",\"coverage\":1,\"hashAttribute\":\"tags\"}", NULL, "F"},
    {"{\"force\":\"F\",\"coverage\":1,\"hashAttribute\":null}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$inGroup\":\"g\"}}}",
        "{\"g\":{\"type\":\"list\",\"values\":[\"ios\"]}}", "F"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$notInGroup\":\"g\"}}}",
        "{\"g\":{\"type\":\"list\",\"values\":[\"ios\"]}}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$not\":{\"$inGroup\":\"g\"}}}}",
        "{\"g\":{\"type\":\"list\",\"values\":[\"ios\"]}}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"$not\":{\"platform\":{\"$inGroup\":\"g\"}}}}",
        "{\"g\":{\"type\":\"list\",\"values\":[\"ios\"]}}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$inGroup\":\"g\"}}}", "{\"g\":\"ios\"}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$notInGroup\":\"g\"}}}",
        "{\"g\":\"android\"}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$notInGroup\":\"g\"}}}", "{\"g\":5}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$notInGroup\":\"g\"}}}", "{\"g\":null}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$notInGroup\":\"g\"}}}", "{\"g\":\"\"}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"num\":{\"$notInGroup\":\"g\"}}}", "{\"g\":\"abc3\"}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"tags\":{\"$inGroup\":\"g\"}}}", "{\"g\":\"axb\"}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"tags\":{\"$inGroup\":\"g\"}}}", "{\"g\":{\"x\":1}}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$notInGroup\":5}}}", "{\"5\":[\"ios\"]}",
        "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$notInGroup\":[\"g\"]}}}",
        "{\"g\":[\"ios\"]}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$notInGroup\":\"g\"}}}", "[\"ios\"]", "F"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$notInGroup\":\"g\"}}}", "\"x\"", "F"},
    {"{\"force\":\"F\",\"condition\":{\"tags\":{\"$elemMatch\":\"x\"}}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"tags\":{\"$elemMatch\":5}}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"tags\":{\"$elemMatch\":null}}}", NULL, "X"},
    {"{\"force\":\"F\",\"condition\":{\"tags\":{\"$elemMatch\":{\"$eq\":\"x\"}}}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"tags\":{\"$elemMatch\":{}}}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$regex\":5}}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$regex\":\"[\"}}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$regex\":null}}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$not\":{\"$regex\":\"[\"}}}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$not\":{\"$regex\":5}}}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"num\":{\"$gt\":\"x\"}}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"num\":{\"$gt\":[2]}}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"num\":{\"$lt\":{\"a\":1}}}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"num\":{\"$not\":{\"$gt\":\"x\"}}}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"tags\":{\"$gt\":\"a\"}}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"tags\":\"x\"}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"nope\":\"null\"}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"nope\":\"undefined\"}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{}}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"nope\":{}}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"nope\":[]}}", NULL, "D"},
    {"{\"variations\":[\"A\",\"B\"]}", NULL, "AABBBBAA"},
    {"{\"variations\":[\"A\",\"B\"],\"coverage\":null}", NULL, "D"},
    {"{\"variations\":[\"A\",\"B\"],\"coverage\":\"0.5\"}", NULL, "DADBDBDD"},
    {"{\"variations\":[\"A\",\"B\"],\"coverage\":\"x\"}", NULL, "D"},
    {"{\"variations\":[\"A\",\"B\"],\"coverage\":{}}", NULL, "D"},
    {"{\"variations\":[\"A\",\"B\"],\"weights\":\"x\"}", NULL, "AABBBBAA"},
    {"{\"variations\":[\"A\",\"B\"],\"weights\":{}}", NULL, "AABBBBAA"},
    {"{\"variations\":[\"A\",\"B\"],\"weights\":[\"0.5\",\"0.5\"]}", NULL, "AADDDDAA"},
    {"{\"variations\":[\"A\",\"B\"],\"weights\":[null,1]}", NULL, "B"},
    {"{\"variations\":[\"A\",\"B\"],\"ranges\":{}}", NULL, "D"},
    {"{\"variations\":[\"A\",\"B\"],\"ranges\":\"x\"}", NULL, "D"},
    {"{\"variations\":[\"A\",\"B\"],\"ranges\":[null]}", NULL, "X"},
    {"{\"variations\":[\"A\",\"B\"],\"ranges\":[[0,1]]}", NULL, "A"},
    {"{\"variations\":[\"A\",\"B\"],\"ranges\":[{\"0\":0,\"1\":1}]}", NULL, "A"},
    {"{\"variations\":[\"A\",\"B\"],\"ranges\":[\"01\"]}", NULL, "A"},
    {"{\"variations\":[\"A\",\"B\"],\"ranges\":null}", NULL, "AABBBBAA"},
    {"{\"variations\":[\"A\",\"B\"],\"filters\":\"x\"}", NULL, "X"},
    {"{\"variations\":[\"A\",\"B\"],\"filters\":{}}", NULL, "X"},
    {"{\"variations\":[\"A\",\"B\"],\"namespace\":\"abc\"}", NULL, "D"},
    {"{\"variations\":[\"A\",\"B\"],\"namespace\":{}}", NULL, "D"},
    {"{\"variations\":[\"A\",\"B\"],\"namespace\":[\"n\"]}", NULL, "D"},
    {"{\"variations\":[\"A\",\"B\"],\"namespace\":[\"n\",\"0\",\"1\"]}", NULL, "AABBBBAA"},
    {"{\"variations\":[\"A\",\"B\"],\"namespace\":[5,0,0.5]}", NULL, "AADDBDAD"},
    {"{\"variations\":[\"A\",\"B\"],\"namespace\":5}", NULL, "D"},
    {"{\"variations\":[\"A\",\"B\"],\"namespace\":null}", NULL, "AABBBBAA"},
    {"{\"variations\":[\"A\",\"B\"],\"condition\":\"ios\"}", NULL, "D"},
    {"{\"variations\":[\"A\",\"B\"],\"condition\":5}", NULL, "AABBBBAA"},
    {"{\"variations\":[\"A\",\"B\"],\"meta\":\"x\"}", NULL, "AAXXXXAA"},
    {"{\"variations\":[\"A\",\"B\"],\"meta\":{}}", NULL, "X"},
    {"{\"variations\":[\"A\",\"B\"],\"meta\":[null,null]}", NULL, "X"},
    {"{\"variations\":[\"A\",\"B\"],\"meta\":[]}", NULL, "X"},
    {"{\"variations\":[\"A\",\"B\"],\"meta\":[{\"passthrough\":\"no\"},{\"passthrough\":0}]}", NULL,
        "DDBBBBDD"},
    {"{\"variations\":\"AB\"}", NULL, "AABBBBAA"},
    {"{\"variations\":{\"0\":\"A\",\"1\":\"B\"}}", NULL, "D"},
    {"{\"variations\":{\"length\":2}}", NULL, "N"},
    {"{\"variations\":5}", NULL, "D"},
    {"{\"variations\":[\"A\"]}", NULL, "D"},
    {"{\"variations\":[\"A\",\"B\"],\"hashVersion\":\"2\"}", NULL, "D"},
    {"{\"variations\":[\"A\",\"B\"],\"hashVersion\":9}", NULL, "D"},
    {"{\"variations\":[\"A\",\"B\"],\"key\":7}", NULL, "ABABABAA"},
    {"{\"variations\":[\"A\",\"B\"],\"seed\":7}", NULL, "ABABABAA"},
    {"{\"variations\":[\"A\",\"B\"],\"hashAttribute\":\"nope\",\"fallbackAttribute\":\"id\"}", NULL,
        "D"},
    {"{\"variations\":[\"A\",\"B\"],\"parentConditions\":{}}", NULL, "X"},
    {"{\"variations\":[\"A\",\"B\"],\"active\":false}", NULL, "AABBBBAA"},
    {"{\"variations\":[\"A\",\"B\"],\"status\":\"draft\"}", NULL, "AABBBBAA"},
    {"{\"variations\":[\"A\",\"B\"],\"contextualVariations\":[\"C\",\"D\"]}", NULL, "CCDDDDCC"},
    {"{\"variations\":[\"A\",\"B\"],\"contextualVariations\":null}", NULL, "AABBBBAA"},
    {"{\"variations\":[\"A\",\"B\"],\"contextualVariations\":\"x\"}", NULL, "D"},
    {"null", NULL, "X"},
    {"\"x\"", NULL, "X"},
    {"5", NULL, "X"},
    {"[]", NULL, "D"},
    {"{}", NULL, "D"},
    {"{\"force\":null}", NULL, "N"},
    {"{\"force\":\"F\",\"condition\":{\"$not\":{\"$savedGroup\":{\"id\":\"g\"}}}}",
        "{\"g\":{\"type\":\"list\",\"attributeKey\":\"platform\",\"values\":[\"ios\"]}}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"$savedGroup\":{\"id\":\"g\"}}}",
        "{\"g\":{\"type\":\"list\",\"attributeKey\":\"platform\",\"values\":[\"ios\"]}}", "F"},
    {"{\"force\":\"F\",\"condition\":{\"$savedGroup\":{\"id\":\"g\",\"attributeKey\":\"tags\"}}}",
        "{\"g\":{\"type\":\"list\",\"attributeKey\":\"platform\",\"values\":[\"x\"]}}", "F"},
    {"{\"force\":\"F\",\"condition\":{\"$savedGroup\":{\"id\":\"g\",\"attributeKey\":5}}}",
        "{\"g\":{\"type\":\"list\",\"attributeKey\":\"platform\",\"values\":[\"ios\"]}}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"$savedGroup\":{\"id\":\"g\"}}}",
        "{\"g\":{\"type\":\"condition\",\"condition\":{\"platform\":\"ios\"}}}", "F"},
    {"{\"force\":\"F\",\"condition\":{\"$not\":{\"$savedGroup\":{\"id\":\"g\"}}}}",
        "{\"g\":{\"type\":\"condition\",\"condition\":{\"platform\":\"ios\"}}}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"$savedGroup\":{\"id\":\"g\"}}}",
        "{\"g\":{\"type\":\"condition\",\"condition\":{\"$savedGroup\":{\"id\":\"g\"}}}}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"$savedGroup\":{\"id\":\"g\"}}}", "{\"g\":[\"ios\"]}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"$savedGroup\":\"g\"}}",
        "{\"g\":{\"type\":\"list\",\"attributeKey\":\"platform\",\"values\":[\"ios\"]}}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"$savedGroup\":{\"id\":\"nope\"}}}", "{}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$notInGroup\":\"g\"}}}",
        "{\"g\":{\"type\":\"list\"}}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$notInGroup\":\"g\"}}}",
        "{\"g\":{\"type\":\"condition\",\"condition\":{}}}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$not\":{\"$notInGroup\":\"g\"}}}}",
        "{\"g\":{\"type\":\"list\",\"values\":[\"ios\"]}}", "F"},
    {"{\"force\":\"F\",\"parentConditions\":[{\"id\":\"p\",\"condition\":{\"value\":{\"$inGroup\":"
     "\"g\"}}}]}",
        "{\"g\":[1]}", "F"},
    {"{\"force\":\"F\",\"parentConditions\":[{\"id\":\"p\",\"condition\":{\"value\":{\"$"
     "notInGroup\":\"g\"}}}]}",
        "{\"g\":[1]}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"tags\":{\"$not\":\"x\"}}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"tags\":{\"$elemMatch\":{\"$ne\":\"x\"}}}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"num\":[3]}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"tags\":[\"x\"]}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"$nor\":[{\"tags\":{\"$regex\":\"[a-z]+\"}}]}}", NULL, "D"},
    {"{\"force\":\"F\",\"condition\":{\"tags\":{\"$regex\":\"^x$\"}}}", NULL, "F"},
    {"{\"force\":\"F\",\"coverage\":1,\"seed\":7,\"hashAttribute\":\"num\"}", NULL, "F"},
    {"{\"variations\":[\"A\",\"B\"],\"key\":7,\"hashAttribute\":\"num\"}", NULL, "A"},
    {"{\"force\":\"F\",\"condition\":{\"tags\":{\"$gte\":\"1.2.3\"}}}", NULL, "F"},
    {"{\"force\":\"F\",\"condition\":{\"tags\":{\"$lt\":\"b\"}}}", NULL, "D"},
};

/* Where the reference gives a meaning by accident (letters of a text, members named "0"), nothing
 * is given here, which keeps what was in force; and hashing by a list lets no install in. */
static const struct {
    const char *rule, *gives;
} stricter[] = {
    {"{\"force\":\"F\",\"parentConditions\":\"p\"}", "X"},
    {"{\"force\":\"F\",\"coverage\":1,\"seed\":7,\"hashAttribute\":\"num\"}", "X"},
    {"{\"variations\":[\"A\",\"B\"],\"key\":7,\"hashAttribute\":\"num\"}", "X"},
    {"{\"force\":\"F\",\"parentConditions\":[\"p\"]}", "X"},
    {"{\"force\":\"F\",\"parentConditions\":[{\"id\":5,\"condition\":{\"value\":1}}]}", "X"},
    {"{\"force\":\"F\",\"coverage\":1,\"hashAttribute\":\"tags\"}", "D"},
    {"{\"force\":\"F\",\"condition\":{\"platform\":{\"$notInGroup\":[\"g\"]}}}", "X"},
    {"{\"variations\":[\"A\",\"B\"],\"weights\":[\"0.5\",\"0.5\"]}", "X"},
    {"{\"variations\":[\"A\",\"B\"],\"meta\":\"x\"}", "X"},
    {"{\"variations\":\"AB\"}", "D"},
    {"{\"variations\":{\"length\":2}}", "D"},
};

static const char *given(const char *expected, size_t id)
{
    return expected[1] == '\0' ? expected : expected + id;
}

static amphi_json *parse(const char *text)
{
    amphi_json *json = NULL;
    if (amphi__json_parse(&json, amphi_str_from(text), "test", NULL) != AMPHI_OK)
        fail_msg("%s", text);
    return json;
}

static char give(const char *rule, const char *groups, const char *id)
{
    char text[1000];
    amphi_gb gb;
    amphi_gb_result got;
    snprintf(text, sizeof text,
        "{\"f\":{\"defaultValue\":\"D\",\"rules\":[%s]},"
        "\"p\":{\"defaultValue\":1}}",
        rule);
    amphi_json *features = parse(text);
    snprintf(
        text, sizeof text, "{\"id\":\"%s\",\"platform\":\"ios\",\"tags\":[\"x\"],\"num\":3}", id);
    amphi_json *attributes = parse(text);
    amphi_json *saved = groups != NULL ? parse(groups) : NULL;
    amphi__gb_init(&gb, features, attributes);
    gb.saved_groups = saved;
    amphi__gb_feature(&gb, AMPHI_STR("f"), &got);
    amphi_str value = amphi__json_string(got.value);
    char letter = got.source == AMPHI_GB_MISSHAPEN ? 'X' : value.size > 0 ? value.data[0] : 'N';
    amphi__json_free(features);
    amphi__json_free(attributes);
    amphi__json_free(saved);
    return letter;
}

static char expected_of(size_t shape, size_t id)
{
    for (size_t i = 0; i < sizeof stricter / sizeof stricter[0]; i++)
        if (strcmp(shapes[shape].rule, stricter[i].rule) == 0)
            return *given(stricter[i].gives, id);
    return *given(shapes[shape].gives, id);
}

static void shapes__are_evaluated_as_the_reference_does(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        char got[IDS + 1] = "";
        char expected[IDS + 1] = "";
        for (size_t i = 0; i < IDS; i++) {
            got[i] = give(shapes[s].rule, shapes[s].groups, ids[i]);
            expected[i] = expected_of(s, i);
        }
        if (strcmp(got, expected) != 0) {
            printf("%s %s: %s, not %s\n", shapes[s].rule,
                shapes[s].groups != NULL ? shapes[s].groups : "", got, expected);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void shapes__of_a_feature(void **state)
{
    (void)state;
    static const struct {
        const char *features;
        amphi_gb_source source;
    } table[] = {
        {"{\"f\":null}", AMPHI_GB_UNKNOWN_FEATURE},
        {"{\"f\":0}", AMPHI_GB_UNKNOWN_FEATURE},
        {"{\"f\":\"\"}", AMPHI_GB_UNKNOWN_FEATURE},
        {"{\"f\":\"x\"}", AMPHI_GB_DEFAULT_VALUE},
        {"{\"f\":[]}", AMPHI_GB_DEFAULT_VALUE},
        {"{\"f\":{\"rules\":null}}", AMPHI_GB_DEFAULT_VALUE},
        {"{\"f\":{\"rules\":{}}}", AMPHI_GB_MISSHAPEN},
        {"{\"f\":{\"rules\":7}}", AMPHI_GB_MISSHAPEN},
        {"{\"f\":{\"rules\":\"x\"}}", AMPHI_GB_MISSHAPEN},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        amphi_json *features = parse(table[i].features);
        amphi_gb gb;
        amphi_gb_result got;
        amphi__gb_init(&gb, features, NULL);
        amphi__gb_feature(&gb, AMPHI_STR("f"), &got);
        if (got.source != table[i].source)
            fail_msg("%s: %s", table[i].features, amphi__gb_source_name(got.source));
        assert_null(got.value);
        amphi__json_free(features);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes__are_evaluated_as_the_reference_does),
        cmocka_unit_test(shapes__of_a_feature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
