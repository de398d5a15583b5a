#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pairs of questions for `amphi cache probe`, as JSON Lines on standard output: several thousand
that are close in letters and not the same, and several hundred that are the same in other words.
They are made from templates and by mutation; those beside this file (attack.jsonl,
rephrased.jsonl) are written by hand.

Pairs that are the same use few wordings of each kind, so that the hit rate says something: also
wordings that the gate is known to refuse (synonyms, articles, another order)."""
import itertools
import json

COUNTRIES = ["France", "Japan", "Kenya", "Brazil", "Norway", "Egypt"]
PEOPLE = ["Einstein", "Mozart", "Ada Lovelace", "Marie Curie", "Alan Turing"]
PLACES = ["Rome", "Oslo", "Lima", "Cairo", "Boston", "Geneva"]
LANGUAGES = ["French", "German", "Chinese", "Welsh"]
ANIMALS = ["dogs", "cats", "penguins", "bats"]

# One slot, filled with two different values: never the same question.
ONE_SLOT = [
    ("What is the capital of {}?", COUNTRIES), ("How many people live in {}?", COUNTRIES),
    ("Who is the prime minister of {}?", COUNTRIES), ("When was {} born?", PEOPLE),
    ("What did {} discover?", PEOPLE), ("Write a short biography of {}", PEOPLE),
    ("How do I get to {} by train?", PLACES), ("Is {} a good place to live?", PLACES),
    ("Write a thank-you note in {}", LANGUAGES), ("How hard is it to learn {}?", LANGUAGES),
    ("Translate good night to {}", LANGUAGES), ("Can {} see in the dark?", ANIMALS),
    ("How long do {} live?", ANIMALS),
    ("How many days are in {} years?", ["2", "3", "20", "two", "2.5", "02"]),
    ("What is {} squared?", ["4", "14", "44", "-4", "0.4", "four"]),
    ("Convert 10 {} to meters", ["feet", "yards", "inches", "miles", "km"]),
    ("How heavy is 3 {} of water?", ["liters", "gallons", "cups", "ml", "kg"]),
    ("How much is 20 {} worth?", ["dollars", "euros", "pounds", "yen", "rupees"]),
    ("Is {} a public holiday?", ["Monday", "Friday", "today", "tomorrow", "January"]),
    ("What happened in {}?", ["1914", "1941", "1814", "2014", "July 1914"]),
    ("Do {} birds fly?", ["all", "some", "most", "no", "many", "few", "only"]),
    ("Which city is the {}?", ["largest", "smallest", "second largest", "oldest", "newest"]),
    ("How do I {} my account?", ["delete", "create", "restore", "verify", "block", "unblock"]),
    ("{} wrote this book?", ["Who", "Why", "When", "Where"]),
    ("{} I pay taxes here?", ["Must", "May", "Should", "Can", "Could", "Do", "Did", "Will"]),
    ("I pay my rent {} the first of May, right?", ["before", "after", "until", "since", "on"]),
    ("How do I write this in {}?", ["Python", "C", "C++", "C#", "Rust", "Go", "R"]),
    ("What does {} do?", ["ls -a", "ls -A", "rm -r", "rm -R", "a++", "++a", "a+b", "a-b"]),
    ("Is he {}?", ["happy", "unhappy", "careful", "careless", "kind", "unkind", "the kind"]),
    ("{}的首都是哪里？", ["法国", "德国", "日本", "巴西", "中国"]),
    ("{}有多高？", ["小明", "小红", "埃菲尔铁塔", "珠穆朗玛峰"]),
    ("我{}吃这个药吗？", ["能", "不能", "应该", "不应该", "必须", "可以"]),
    ("{}公里等于多少米？", ["三", "五", "十", "3", "5", "35"]),
    ("5{}等于多少？", ["公里", "英里", "公斤", "斤", "克", "美元", "欧元"]),
    ("{}的天气怎么样？", ["今天", "明天", "昨天", "下周", "上周"]),
    ("饭{}可以喝茶吗？", ["前", "后", "中"]),
    ("谁是世界上最{}的人？", ["高", "矮", "富有", "老", "年轻"]),
    ("把这句话译成{}", ["英文", "法文", "日文", "德文"]),
    ("{}写了这本书？", ["谁", "为什么", "什么时候", "在哪里"]),
    ("怎么{}蓝牙？", ["打开", "关闭", "重置", "修理"]),
    ("Wie hoch ist der {}?", ["Brocken", "Montblanc", "Eiger", "Watzmann"]),
    ("Quelle est la capitale du {} ?", ["Portugal", "Japon", "Chili", "Canada"]),
]

# Two slots, and the pair swaps them: order of arguments, direction, roles.
TWO_SLOTS = [
    ("How do I travel from {} to {}?", PLACES), ("Is {} north of {}?", PLACES),
    ("Is {} larger than {}?", COUNTRIES), ("Did {} attack {}?", COUNTRIES),
    ("Who is older, {} or {}?", PEOPLE), ("Did {} ever meet {}?", PEOPLE),
    ("Translate this from {} to {}", LANGUAGES), ("Do {} hunt {}?", ANIMALS),
    ("Convert 7 {} to {}", ["feet", "meters", "miles", "inches"]),
    ("What is {} divided by {}?", ["3", "5", "12", "100"]),
    ("Is {} before {} in the alphabet?", ["Monday", "Friday", "Sunday"]),
    ("从{}到{}怎么走？", ["北京", "上海", "广州", "西安"]),
    ("{}比{}高吗？", ["小明", "小红", "小刚"]), ("{}喜欢{}吗？", ["猫", "狗", "马"]),
    ("把{}翻成{}", ["英语", "法语", "日语"]), ("{}减{}等于几？", ["三", "五", "九"]),
]

# Mutated word by word.
BASES = [
    "How do I bake sourdough bread at home", "What causes the northern lights",
    "Is green tea good for the heart", "Why do cats purr at night",
    "Which countries border Switzerland", "Who painted the Mona Lisa in 1503",
    "Can I freeze cooked rice for 3 months", "Should I wash chicken before cooking",
    "When does the train to Geneva leave", "Where do sea turtles lay their eggs",
    "How much water should I drink per day", "What is the speed of light in a vacuum",
    "Explain how a diesel engine starts in cold weather", "List 5 rivers that cross Germany",
    "Write a poem about the first snow", "Does my dog need a rabies shot every year",
    "Are electric cars cheaper than petrol cars", "How tall is the statue in New York",
    "What happens if I miss a dose of insulin", "Can two people share one bank account",
    "Recommend a quiet hotel near the old harbor in Oslo", "Is 91 a prime number",
    "How do birds find their way south", "Why did the Roman Empire fall in the west",
]
INSERTED = ["not", "never", "only", "all", "two", "without", "almost", "again", "other", "un"]

# Fillers whose absence changes nothing: (with, without).
ASKING = [
    ("Could you please tell me {indirect}?", "{direct}?"),
    ("Please tell me {indirect}.", "{direct}?"),
    ("Hi, {lower}?", "{direct}?"), ("Hello! {direct}?", "{direct}?"),
    ("I would like to know {indirect}.", "{direct}?"), ("{direct}? Thanks!", "{direct}?"),
    ("{direct}, please?", "{direct}?"), ("{upper}?", "{direct}?"), ("{lower}", "{direct}?"),
    ("  {direct} ?? ", "{direct}?"), ("{direct}??", "{direct}"),
    ("Do you happen to know {indirect}?", "{direct}?"), ("Quick question: {lower}?", "{direct}?"),
    ("Any idea {indirect}?", "{direct}?"),
]
# direct, indirect
QUESTIONS = [
    ("What is the capital of Kenya", "what the capital of Kenya is"),
    ("Who is the author of Dracula", "who the author of Dracula is"),
    ("Where is the nearest airport", "where the nearest airport is"),
    ("How tall is the Eiffel Tower", "how tall the Eiffel Tower is"),
    ("How do I boil potatoes", "how to boil potatoes"),
    ("How does photosynthesis work", "how photosynthesis works"),
    ("Why do cats purr", "why cats purr"),
    ("What causes thunder", "what causes thunder"),
    ("When was the printing press invented", "when the printing press was invented"),
    ("What is the boiling point of water", "what the boiling point of water is"),
    ("How can I remove a stain", "how I can remove a stain"),
    ("What are the benefits of yoga", "what the benefits of yoga are"),
]
FORMS = [
    ["What is the population of {0}?", "What's the population of {0}?", "what is {0}'s population",
     "Tell me the population of {0}.", "Can you tell me the population of {0}?",
     "How many people live in {0}?"],
    ["How do I cook {1}?", "How to cook {1}?", "How can I cook {1}", "How do you cook {1}?",
     "What is the best way to cook {1}?"],
    ["What color is a {1}?", "What colour is a {1}?", "Which color is a {1}?"],
    ["Write a poem about {1}.", "Please write a poem about {1}",
     "Could you please write a poem about {1}?", "I want you to write a poem about {1}.",
     "Write me a poem about {1}"],
    ["Why isn't {1} blue?", "Why is {1} not blue?", "why isn’t {1} blue"],
    ["Where is {0}?", "Where is {0} located?", "where's {0}", "Where exactly is {0}?"],
    ["How many lakes are there in {0}?", "How many lakes are in {0}?", "How many lakes has {0}?"],
    ["{0}是什么？", "什么是{0}？", "请问{0}是什么？", "{0}是什么呢？", "我想知道{0}是什么"],
    ["请问怎么做{1}？", "怎么做{1}", "怎么做{1}呢？", "您好，怎么做{1}？", "如何做{1}？"],
    ["写一首关于{1}的诗", "请写一首关于{1}的诗。", "帮我写一首关于{1}的诗", "能帮我写一首关于{1}的诗吗？"],
    ["为什么{1}是红的？", "为何{1}是红的？", "请问为什么{1}是红的", "为啥{1}是红的？"],
    ["你能告诉我{0}有多大吗？", "{0}有多大？", "{0}多大"],
]
FILLED = [("Iceland", "rice"), ("Kenya", "salmon"), ("Portugal", "tomato"), ("Peru", "squash")]
FILLED_CHINESE = [("黑洞", "蛋糕"), ("光合作用", "苹果"), ("量子力学", "晚霞"), ("人工智能", "火锅")]


def row(a, b, same):
    print(json.dumps({"a": a, "b": b, "same": same}, ensure_ascii=False))


def mutations(base):
    words = base.split()
    for i in range(len(words)):
        yield words[:i] + words[i + 1:]
        if i > 0 and words[i].lower() != words[i - 1].lower():
            yield words[:i - 1] + [words[i], words[i - 1]] + words[i + 1:]
        for k in (0, 3, 7) if i > 0 else ():
            yield words[:i] + [INSERTED[(i + k + len(base)) % len(INSERTED)]] + words[i:]
    yield words + ["in", "Canada"]
    yield words + ["or", "not"]
    yield ["After", "that,"] + words


def different():
    for template, values in ONE_SLOT:
        for a, b in itertools.combinations(values, 2):
            row(template.format(a), template.format(b), False)
    for template, values in TWO_SLOTS:
        for a, b in itertools.permutations(values, 2):
            if a < b:
                row(template.format(a, b), template.format(b, a), False)
    for base in BASES:
        for words in mutations(base):
            row(base + "?", " ".join(words) + "?", False)
            # and behind what the gate takes away
            row("Could you please tell me " + base[0].lower() + base[1:] + "?",
                " ".join(words) + ", please?", False)


def same():
    for direct, indirect in QUESTIONS:
        said = {"direct": direct, "indirect": indirect, "lower": direct.lower(),
                "upper": direct.upper()}
        for a, b in ASKING:
            row(a.format(**said), b.format(**said), True)
    for forms in FORMS:
        is_chinese = any("一" <= c <= "鿿" for c in forms[0])
        for filled in FILLED_CHINESE if is_chinese else FILLED:
            for a, b in itertools.combinations(forms, 2):
                row(a.format(*filled), b.format(*filled), True)


different()
same()
