/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts that speak of themselves, in more than one word (for single words see the list FORM): "does
 * my question end in a question mark" is another one without its mark, "你好，我打招呼了吗" another
 * one without its greeting.
 */
#include "sdk/near/reading.h"

#include "sdk/near/rewrite.h"

static const char *const phrases[] = {"question mark", "question - mark", "quotation mark",
    "final mark", "end mark", "a mark", "any mark", "no mark", "full stop", "full stops",
    "full - stop", "line break", "line breaks", "a capital", "in capital", "with capital",
    "any capital", "no capital", "upper case", "upper - case", "lower case", "lower - case",
    "title case", "title - case", "case sensitive", "case - sensitive", "what case", "which case",
    "a space", "any space", "no space", "one space", "extra space", "double space",
    "trailing space", "leading space", "the space between", "a question", "my question",
    "this question", "the question", "that question", "question itself", "did i write",
    "did i type", "did i ask", "i wrote", "i typed", "i have written", "have i written",
    "am i asking", "how many tokens", "how many bytes", "how many signs", "good manners",
    "bad manners", "say please", "said please", "say hello", "said hello", "say thanks",
    "said thanks", "saying please", "saying hello", "saying thanks", "exactly as"};

static const char *const chinese[] = {"问号", "感叹号", "叹号", "标点", "句号", "逗号", "符号",
    "空格", "空白", "换行", "大写", "小写", "字母", "字符", "拼写", "错别字", "语气", "情感",
    "情绪", "口吻", "长度", "几个字", "多少字", "多少个字", "字数", "文本", "消息", "输入",
    "提示词", "这句", "这段", "我的话", "我的问题", "这个问题", "打招呼", "打了招呼", "问候",
    "问好", "礼貌", "有礼", "无礼", "粗鲁", "客气", "問號", "感嘆號", "標點", "句號", "大寫",
    "小寫", "語氣", "情緒", "禮貌", "客氣", "問候", "我的問題"};

static bool has_one_of(const amphi_near_list *list, const char *const *signs, size_t count)
{
    for (size_t at = 0; at < list->count; at++)
        for (size_t i = 0; i < count; i++)
            if (list->tokens[at].lower.data[0] == signs[i][0] &&
                amphi__near_match(list, at, signs[i]) > 0)
                return true;
    return false;
}

bool amphi__near_is_about_itself(const amphi_near_list *list)
{
    return has_one_of(list, phrases, sizeof phrases / sizeof phrases[0]) ||
           has_one_of(list, chinese, sizeof chinese / sizeof chinese[0]);
}
