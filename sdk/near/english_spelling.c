/* SPDX-License-Identifier: Apache-2.0
 *
 * One word, several spellings. Pairs of which one is a word of its own are left out on purpose:
 * its/it's, check/cheque, meter/metre, tire/tyre, license/licence, well/we'll, and "'d".
 * So is 's where it may be "has".
 */
#include "sdk/near/english.h"

#include "sdk/core/str.h"
#include "sdk/near/rewrite.h"

typedef struct spelling {
    const char *from;
    const char *to;
} spelling;

static const spelling spellings[] = {{"what's", "what is"}, {"who's", "who is"},
    {"where's", "where is"}, {"when's", "when is"}, {"how's", "how is"}, {"why's", "why is"},
    {"that's", "that is"}, {"there's", "there is"}, {"it's", "it is"}, {"he's", "he is"},
    {"she's", "she is"}, {"i'm", "i am"}, {"you're", "you are"}, {"we're", "we are"},
    {"they're", "they are"}, {"i've", "i have"}, {"you've", "you have"}, {"we've", "we have"},
    {"they've", "they have"}, {"i'll", "i will"}, {"you'll", "you will"}, {"they'll", "they will"},
    {"don't", "do not"}, {"doesn't", "does not"}, {"didn't", "did not"}, {"isn't", "is not"},
    {"aren't", "are not"}, {"wasn't", "was not"}, {"weren't", "were not"},
    {"couldn't", "could not"}, {"shouldn't", "should not"}, {"wouldn't", "would not"},
    {"haven't", "have not"}, {"hasn't", "has not"}, {"hadn't", "had not"}, {"won't", "will not"},
    {"can't", "can not"}, {"cannot", "can not"}, {"i'd like", "i would like"},
    {"i'd love", "i would love"}, {"whats", "what is"}, {"dont", "do not"}, {"doesnt", "does not"},
    {"didnt", "did not"}, {"isnt", "is not"}, {"colour", "color"}, {"colours", "colors"},
    {"favourite", "favorite"}, {"favourites", "favorites"}, {"neighbour", "neighbor"},
    {"neighbours", "neighbors"}, {"behaviour", "behavior"}, {"flavour", "flavor"},
    {"flavours", "flavors"}, {"humour", "humor"}, {"rumour", "rumor"}, {"honour", "honor"},
    {"harbour", "harbor"}, {"odour", "odor"}, {"tumour", "tumor"}, {"vapour", "vapor"},
    {"centre", "center"}, {"centres", "centers"}, {"theatre", "theater"}, {"theatres", "theaters"},
    {"fibre", "fiber"}, {"litre", "liter"}, {"litres", "liters"}, {"kilometre", "kilometer"},
    {"kilometres", "kilometers"}, {"centimetre", "centimeter"}, {"centimetres", "centimeters"},
    {"millimetre", "millimeter"}, {"millimetres", "millimeters"}, {"organise", "organize"},
    {"organised", "organized"}, {"organising", "organizing"}, {"organisation", "organization"},
    {"organisations", "organizations"}, {"realise", "realize"}, {"recognise", "recognize"},
    {"summarise", "summarize"}, {"analyse", "analyze"}, {"analysing", "analyzing"},
    {"apologise", "apologize"}, {"minimise", "minimize"}, {"maximise", "maximize"},
    {"optimise", "optimize"}, {"optimising", "optimizing"}, {"memorise", "memorize"},
    {"visualise", "visualize"}, {"specialise", "specialize"}, {"criticise", "criticize"},
    {"emphasise", "emphasize"}, {"travelling", "traveling"}, {"traveller", "traveler"},
    {"travellers", "travelers"}, {"cancelled", "canceled"}, {"cancelling", "canceling"},
    {"modelling", "modeling"}, {"labelled", "labeled"}, {"jewellery", "jewelry"}, {"grey", "gray"},
    {"aluminium", "aluminum"}, {"aeroplane", "airplane"}, {"aeroplanes", "airplanes"},
    {"moustache", "mustache"}, {"pyjamas", "pajamas"}, {"doughnut", "donut"},
    {"doughnuts", "donuts"}, {"defence", "defense"}, {"offence", "offense"},
    {"catalogue", "catalog"}, {"e - mail", "email"}, {"okay", "ok"}, {"maths", "math"},
    {"mum", "mom"}, {"per cent", "percent"}, {"anaemia", "anemia"}, {"oestrogen", "estrogen"},
    {"diarrhoea", "diarrhea"}, {"paediatric", "pediatric"}, {"orthopaedic", "orthopedic"},
    {"leukaemia", "leukemia"}, {"foetus", "fetus"}, {"sulphur", "sulfur"}, {"plough", "plow"},
    {"mould", "mold"}, {"yoghurt", "yogurt"}, {"ageing", "aging"}, {"sceptical", "skeptical"},
    {"enrol", "enroll"}, {"fulfil", "fulfill"}, {"instalment", "installment"},
    {"skilful", "skillful"}, {"woollen", "woolen"}, {"programmes", "programs"}};

/* Or what never stands without its noun. */
static bool is_article(const amphi_near_list *list, size_t at)
{
    static const char *const words[] = {"the", "a", "an", "my", "your", "our", "their"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (amphi__near_match(list, at, words[i]) > 0)
            return true;
    return false;
}

static bool is_determiner(const amphi_near_list *list, size_t at)
{
    static const char *const pronouns[] = {"his", "her", "its", "this", "that", "these", "those"};
    for (size_t i = 0; i < sizeof pronouns / sizeof pronouns[0]; i++)
        if (amphi__near_match(list, at, pronouns[i]) > 0)
            return true;
    return is_article(list, at);
}

/* Too many rather than too few. */
static bool may_be_participle(amphi_str word)
{
    static const char *const endings[] = {
        "ed", "en", "wn", "ne", "ught", "pt", "ung", "unk", "orn", "old", "aid", "ost"};
    static const char *const words[] = {"had", "got", "made", "found", "built", "left", "hit",
        "cut", "put", "let", "set", "read", "become", "come", "run", "met", "shot", "beat", "hurt",
        "sent", "spent", "lent", "bent", "meant", "felt", "dealt", "led", "held", "heard", "won",
        "begun", "swum", "quit", "shut", "bet", "bit", "hid", "sat", "stood", "understood", "spun",
        "struck", "stuck", "dug", "lit", "bound", "wound", "ground", "burnt", "learnt", "dreamt",
        "spoilt", "spelt", "spread", "split", "burst", "cast", "broadcast", "rid", "fit",
        "overcome", "spat", "slid", "overrun", "rebuilt"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (amphi__str_ends_with(word, amphi_str_from(endings[i])))
            return true;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (amphi__str_equal_c(word, words[i]))
            return true;
    return false;
}

/* "who's helped" may be "who has": 's is "is" only before a determiner, and there too "what's the
 * war done to him" is not; a participle right behind an article is an adjective ("the United
 * States"). */
static bool is_surely_is(const amphi_near_list *list, size_t at)
{
    if (!is_determiner(list, at + 1))
        return false;
    for (size_t i = at + 2; i < list->count; i++)
        if (!is_article(list, i - 1) && may_be_participle(list->tokens[i].lower))
            return false;
    return true;
}

static bool is_short_for_is_or_has(amphi_str word)
{
    return amphi__str_ends_with(word, AMPHI_STR("'s")) || amphi__str_equal_c(word, "whats");
}

/* A question about both spellings keeps them: "is it grey or gray". */
static bool has_both(const amphi_near_list *list, const char *to)
{
    return strchr(to, ' ') == NULL && amphi__near_find(list, 0, to) < list->count;
}

void amphi__near_english_spelling(amphi_near_list *list)
{
    for (size_t at = 0; at < list->count; at++) {
        if (list->tokens[at].kind != AMPHI_NEAR_KIND_WORD || !list->tokens[at].folds)
            continue;
        if (is_short_for_is_or_has(list->tokens[at].lower) && !is_surely_is(list, at))
            continue;
        for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
            size_t size = amphi__near_match(list, at, spellings[i].from);
            if (size > 0 && !has_both(list, spellings[i].to) &&
                amphi__near_replace(list, at, size, spellings[i].to))
                break;
        }
    }
}
