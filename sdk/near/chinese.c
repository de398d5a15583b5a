/* SPDX-License-Identifier: Apache-2.0
 *
 * Chinese questions in other words. Han characters are tokens of their own, so nothing here needs
 * to know where words end. Left out on purpose: 吗 (it makes a question of a statement), 怎么 in
 * the middle (it may mean why), order of A and B, simplified against traditional characters.
 */
#include "sdk/near/gist.h"

#include "sdk/core/str.h"
#include "sdk/near/rewrite.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool has_question_word(const amphi_near_list *list, size_t at)
{
    static const char *const words[] = {"什么", "谁", "哪", "几", "多少", "怎么", "怎样", "如何",
        "为何", "何时", "多高", "多大", "多远", "多长", "多久", "多重"};
    for (size_t i = 0; i < COUNT(words); i++)
        if (amphi__near_find(list, at, words[i]) < list->count)
            return true;
    return false;
}

static bool begins_request(const amphi_near_list *list, size_t at)
{
    static const char *const verbs[] = {"写一", "写个", "写首", "写篇", "介绍", "解释", "说明",
        "列出", "列举", "推荐", "总结", "讲一", "讲个", "讲讲", "描述", "比较", "设计", "制定",
        "计算", "生成", "帮我", "给我", "告诉我"};
    for (size_t i = 0; i < COUNT(verbs); i++)
        if (amphi__near_match(list, at, verbs[i]) > 0)
            return true;
    return false;
}

static bool is_comma(const amphi_near_list *list, size_t at)
{
    return amphi__near_match(list, at, "，") || amphi__near_match(list, at, ",") ||
           amphi__near_match(list, at, "！") || amphi__near_match(list, at, "!") ||
           amphi__near_match(list, at, "。");
}

/* One spelling of a word. */
static void unify_words(amphi_near_list *list)
{
    static const char *const pairs[][2] = {
        {"您", "你"}, {"为啥", "为什么"}, {"为何", "为什么"}, {"啥", "什么"}, {"哪儿", "哪里"}};
    for (size_t at = 0; at < list->count; at++)
        for (size_t i = 0; i < COUNT(pairs); i++) {
            size_t size = amphi__near_match(list, at, pairs[i][0]);
            if (size > 0 && amphi__near_replace(list, at, size, pairs[i][1]))
                break;
        }
}

typedef struct frame {
    const char *words;
    bool takes_question; /* the rest asks in words */
    bool takes_request;  /* the rest asks for something to be written, explained, listed */
} frame;

static const frame frames[] = {{"请问一下", true, false}, {"请问", true, false},
    {"我想请问一下", true, false}, {"我想请问", true, false}, {"想请问", true, false},
    {"麻烦问一下", true, false}, {"我想问一下", true, false}, {"想问一下", true, false},
    {"我想问", true, false}, {"我想知道", true, false}, {"请告诉我", true, false},
    {"告诉我", true, false}, {"请你告诉我", true, false}, {"麻烦告诉我", true, false},
    {"请帮我", false, true}, {"帮我", false, true}, {"请给我", false, true}, {"给我", false, true},
    {"麻烦你", false, true}, {"麻烦", false, true}, {"请你", false, true}, {"请", false, true}};

/* "能告诉我...吗" and "你能帮我...吗": the frame stands at both ends. */
static const frame brackets[] = {{"你能不能告诉我", true, false}, {"能不能告诉我", true, false},
    {"你能告诉我", true, false}, {"能告诉我", true, false}, {"你可以告诉我", true, false},
    {"可以告诉我", true, false}, {"能否告诉我", true, false}, {"你能帮我", false, true},
    {"能帮我", false, true}, {"可以帮我", false, true}, {"你可以帮我", false, true},
    {"你能给我", false, true}, {"能给我", false, true}, {"可以给我", false, true}};

static bool drop_frame(amphi_near_list *list)
{
    static const char *const greetings[] = {"你好", "早上好", "下午好", "晚上好"};
    for (size_t i = 0; i < COUNT(greetings); i++) {
        size_t size = amphi__near_match(list, 0, greetings[i]);
        if (size > 0 && is_comma(list, size) && list->count > size + 3) {
            amphi__near_remove(list, 0, size + 1);
            return true;
        }
    }
    for (size_t i = 0; i < COUNT(frames); i++) {
        size_t size = amphi__near_match(list, 0, frames[i].words);
        if (size == 0)
            continue;
        size += is_comma(list, size) ? 1 : 0;
        if ((frames[i].takes_question && has_question_word(list, size) &&
                list->count >= size + 3) ||
            (frames[i].takes_request && begins_request(list, size))) {
            amphi__near_remove(list, 0, size);
            return true;
        }
    }
    return false;
}

static bool drop_brackets(amphi_near_list *list)
{
    bool asks_at_end = amphi__near_ends_with(list, "吗") > 0;
    for (size_t i = 0; i < COUNT(brackets); i++) {
        size_t size = amphi__near_match(list, 0, brackets[i].words);
        bool has_end = asks_at_end || amphi__near_match(list, 0, "能不能") ||
                       amphi__near_match(list, 0, "你能不能") || amphi__near_match(list, 0, "能否");
        bool fits = (brackets[i].takes_question && has_question_word(list, size)) ||
                    (brackets[i].takes_request && begins_request(list, size));
        if (size == 0 || !has_end || !fits || list->count < size + 4)
            continue;
        list->count -= asks_at_end ? 1 : 0;
        amphi__near_remove(list, 0, size);
        return true;
    }
    return false;
}

/* Particles at the end of a text that asks in words anyway. */
static bool drop_particle(amphi_near_list *list)
{
    static const char *const particles[] = {"呢", "啊", "呀", "呐"};
    static const char *const thanks[] = {"，谢谢你", "，谢谢", "。谢谢", "？谢谢", ",谢谢"};
    amphi__near_drop_final_marks(list, AMPHI_NEAR_CHINESE);
    for (size_t i = 0; i < COUNT(thanks); i++) {
        size_t size = amphi__near_ends_with(list, thanks[i]);
        if (size > 0 && list->count > size + 3) {
            list->count -= size;
            return true;
        }
    }
    for (size_t i = 0; i < COUNT(particles); i++)
        if (has_question_word(list, 0) && list->count > 4 &&
            amphi__near_ends_with(list, particles[i]) > 0) {
            list->count--;
            return true;
        }
    return false;
}

/* "什么是X" -> "X是什么", where X is a plain noun: nothing in it that makes a clause. */
static void unify_definition(amphi_near_list *list)
{
    static const char *const clause[] = {"是", "的", "了", "不", "吗", "在", "有", "最", "这", "那",
        "你", "我", "他", "她", "它", "和", "与", "或", "对", "比", "什么", "谁", "哪", "为"};
    if (amphi__near_match(list, 0, "什么是") == 0 || list->count < 4)
        return;
    for (size_t i = 0; i < COUNT(clause); i++)
        if (amphi__near_find(list, 3, clause[i]) < list->count)
            return;
    for (size_t i = 3; i < list->count; i++)
        if (list->tokens[i].kind == AMPHI_NEAR_KIND_MARK)
            return;
    if (list->count + 3 <= AMPHI_NEAR_TOKENS_MAX &&
        amphi__near_replace(list, list->count, 0, "是什么"))
        amphi__near_remove(list, 0, 3);
}

static void unify_forms(amphi_near_list *list)
{
    static const char *const degrees[] = {"高", "长", "大", "重", "远", "深", "宽", "快", "久"};
    static const char *const explains[] = {"介绍一下", "解释一下", "说明一下", "总结一下"};
    static const char *const where[] = {
        "首都是哪里", "首都是什么", "首都是哪个城市", "首都是哪座城市", "首都是什么城市"};
    for (size_t i = 0; i < COUNT(explains); i++)
        if (amphi__near_match(list, 0, explains[i]) > 0)
            amphi__near_remove(list, 2, 2);
    size_t at = amphi__near_find(list, 0, "有多");
    if (at + 3 == list->count)
        for (size_t i = 0; i < COUNT(degrees); i++)
            if (amphi__near_match(list, at + 2, degrees[i]) > 0) {
                amphi__near_remove(list, at, 1);
                break;
            }
    for (size_t i = 0; i < COUNT(where); i++) {
        size_t size = amphi__near_ends_with(list, where[i]);
        if (size > 0 && amphi__near_replace(list, list->count - size, size, "首都是哪")) {
            size_t of = list->count - 5;
            if (list->count > 6 && amphi__near_match(list, of, "的") > 0)
                amphi__near_remove(list, of, 1);
            break;
        }
    }
    size_t size = amphi__near_ends_with(list, "的区别是什么");
    if (size > 0)
        (void)amphi__near_replace(list, list->count - size, size, "有什么区别");
}

void amphi__near_gist_chinese(amphi_near_list *list)
{
    unify_words(list);
    while (drop_particle(list))
        ;
    while (drop_frame(list) || drop_brackets(list))
        ;
    while (drop_particle(list))
        ;
    unify_definition(list);
    unify_forms(list);
}
