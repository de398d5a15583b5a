"""Writes the help model's training corpus: conversations as JSON Lines, the same for a given seed.

  python corpus.py --out build/corpus.jsonl --count 120000 --seed 1

Wordings come from grammars: a topic's phrases (corpus_topics.py) in general frames (below), then
politeness, small letters, lost punctuation and typos. Questions about other things come from
corpus_offtopic.py. What no frame reaches is in corpus_wordings_more.py, said with synonyms, lead-ins
and second-hand. A conversation has one to six turns; follow-ups such as "why?" or "and on a hot
phone?" depend on the turn before. Wordings in heldout.json and strangers.json never occur.
"""
import argparse
import json
import random
import re
from pathlib import Path

import corpus_offtopic as offtopic
from corpus_topics import FOLLOW_WORDINGS, GENERIC, TOPICS, WORDS
from corpus_wordings import MORE, wordings
from corpus_wordings_more import OTHER_THINGS, STRANGERS

HERE = Path(__file__).parent

FRAMES = {
    "cond": """
what happens [when|if|once|as soon as|in case|while] {x}
what [will happen|happens then|would happen|is going to happen|goes on] [when|if|once] {x}
what happens to [my chat|my question|my request|the answer|a request|the conversation|my message] [when|if|while|once] {x}
what [does|will|would|can|should] {you} do [when|if|once|while|in case] {x}
what do you do [when|if|once|while|in case] {x}
how [does|will|would] {you} [react|behave|respond|cope|deal with it|handle it|work|manage|act|help|decide] [when|if|once|while] {x}
how do you [react|behave|cope|deal with it|handle it|manage] [when|if|once|while] {x}
what if {x}
and [what |]if {x}
and when {x}
but what if {x}
so what if {x}
[when|if|once|while] {x}, [what happens|what then|which engine answers|where does my question go|who answers|what do you do|does it still work|is it the cloud or the device|what changes|what does {you} do|which route is taken|where do requests go|who takes over]
[does|will] {you} [still work|keep working|still answer|stop|stop working|go on|change anything|notice|break|fail|help] [when|if|while|once] {x}
[say|suppose|imagine|assume|let's say|suppose that|imagine that] {x}, [what then|what now|what happens|what happens next|what does {you} do|which engine answers|who answers|what would happen]
{x}, [what now|what then|what happens|what happens now|what do I do|what does it do|and now|help|who answers|what will you do]
{x}
will [I|users|the user|my users|anybody] notice [when|if] {x}
[can|could] [I|users|the user] [still|] [chat|ask|get answers|use it|use {you}|get an answer|go on] [when|if|while|even if|although] {x}
[do|will] I [still|] get an answer [when|if|while|even if] {x}
[tell me|explain|describe|show me|I want to know|I'd like to know|can you explain|I wonder|please explain|can you tell me|do you know] what [happens|you do|{you} does|it does] [when|if|once|while] {x}
what is the [behaviour|behavior|plan|effect|consequence|reaction|strategy|procedure] [when|if] {x}
which [engine|side|route|model] [answers|is used|runs|is chosen|does it use|takes over|is picked|replies] [when|if|while] {x}
who [answers|replies|takes over|responds|serves the request] [when|if|while|once] {x}
where [does my question go|do requests go|is my request sent|does the answer come from|is it processed] [when|if|while] {x}
is [the cloud|the local model|it the cloud|the device] used [when|if|while] {x}
is [anything|something] lost [when|if] {x}
does it [matter|make a difference|change anything|have an effect|go to the cloud|run locally] [when|if|that|whether] {x}
what should I expect [when|if] {x}
what are you going to do [when|if|once] {x}
I am worried that {x}
help, {x}
""",
    "case": """
what about {x}
how about {x}
and {x}
and what about {x}
what about {x} then
{x}
[and |]with {x}
and on {x}
and in case of {x}
and for {x}
what happens [on|with|in case of|in the case of|during|at|after|under] {x}
what does {you} do [about|with|on|in case of|at|under|against|during] {x}
what do you do [about|with|on|in case of|at|under|against|during] {x}
how [does|will|would] {you} [handle|deal with|treat|cope with|react to|manage|respond to|behave with|behave under|behave on|survive|answer] {x}
how do you [handle|deal with|treat|cope with|react to|manage|respond to] {x}
how [is|are] {x} [handled|treated|dealt with|managed|taken care of]
tell me about {x}
explain {x}
[can|could|does|will] {you} [handle|deal with|cope with|survive|react to|manage] {x}
can you handle {x}
what is the [plan|strategy|rule|behaviour|policy|reaction|procedure] [for|on|with|in case of|under] {x}
in case of {x}, [what happens|what do you do|who answers|what then]
what effect does {x} have
does {x} [matter|change anything|affect anything|affect the route|have an effect|cause problems|hurt]
is {x} a problem
which engine answers [on|with|during|under|in case of] {x}
what [would|will] {x} do to [my chat|the answer|a request]
any [problem|problems|trouble|issue] with {x}
can you explain what happens with {x}
[I'm|I am] asking about {x}
""",
    "thing": """
what is {x}
what's {x}
what are {x}
what exactly is {x}
what is {x} [for|good for|used for|about|supposed to do]
what does {x} [do|mean|stand for]
what is meant by {x}
what do you mean by {x}
how does {x} work
how do {x} work
how does {x} [work exactly|function|work in detail|work in amphi|behave]
why is there {x}
why do I need {x}
when do I need {x}
do I need {x}
when is {x} used
explain {x}
explain {x} [to me|please|in simple words|briefly|in one sentence|in short]
[can|could] you explain {x} [to me|please|]
describe {x}
define {x}
tell me [about|more about|something about|everything about|all about] {x}
[I want to|I'd like to|I would like to] [know|learn|read|hear] [about|more about|something about] {x}
give me [a short|a quick|an] [summary|overview|explanation|description] of {x}
what do you know about {x}
what can you tell me about {x}
help me understand {x}
I [don't|do not] understand {x}
what about {x}
and {x}
how about {x}
and what is {x}
and how does {x} work
{x}
{x}?
is there {x}
does {you} have {x}
does {you} support {x}
how do I use {x}
how is {x} used
I heard about {x}, what is it
what's the [deal with|idea of|idea behind|purpose of|point of|meaning of] {x}
what is the [idea of|idea behind|purpose of|point of|meaning of|use of] {x}
info on {x}
information about {x}
question about {x}
I have a question about {x}
talk to me about {x}
someone mentioned {x}
""",
    "do": """
how [do|can|would|should|could] I {x}
how do you {x}
how does one {x}
how to {x}
how [do|can] we {x}
and how [do|can] I {x}
how [do|can] I {x} [here|with amphi|in amphi|in the sdk|on the command line|from the terminal|]
[what is|what's] the [way|best way|right way|easiest way|command|option|simplest way|flag|switch|syntax|trick] to {x}
I [want|need|would like|have|am trying|wish|plan] to {x}
[I'd|I would] like to {x}
I'm trying to {x}
can I {x}
[could|may] I {x}
can we {x}
is it possible to {x}
am I able to {x}
is there [a way|an option|a command|any way|a flag|a possibility] to {x}
[does|can] {you} [let|allow] me [to|] {x}
show me how to {x}
[tell me|explain|please explain|teach me|describe] how [to|I can|I] {x}
explain how to {x}
help me [to|] {x}
I need help to {x}
where [do|can] I {x}
what do I [type|have to do|need|need to do|have to type|enter] to {x}
what [must|should] I [do|type|write|enter] to {x}
which [flag|option|command|switch|argument|parameter] [do I use|do I need|is used|is there|lets me|helps me] to {x}
{x}
{x}, how
steps to {x}
let me {x}
I can't figure out how to {x}
I don't know how to {x}
what if I want to {x}
do you know how to {x}
can you {x}
can you tell me how to {x}
could you show me how to {x}
what would I do to {x}
instructions to {x}
in order to {x}, what do I do
my boss wants me to {x}, how
please {x}
""",
}
FRAMES = {kind: text.strip().splitlines() for kind, text in FRAMES.items()}
FOLLOWS = {kind: text.strip().splitlines() for kind, text in FOLLOW_WORDINGS.items()}
OFF_FRAMES = {kind: text.strip().splitlines() for kind, text in offtopic.FRAMES.items()}
OFF_WORDS = {"t": offtopic.THINGS, "T": offtopic.NAMES, "p": offtopic.PLACES, "n": offtopic.NEAR,
             "v": offtopic.VERBS, "c": offtopic.CODE, "l": offtopic.TONGUES, "d": offtopic.NUMBERS}

PREFIXES = """
please tell me|hi,|hello,|hey,|hey amphi,|ok,|so|um,|well,|quick question:|tell me,|I wonder,|sorry,|excuse me,|and|now|but|just curious,|one more question:|question:|please,|can you tell me|I want to know|do you know|also,|next question:|amphi,|hi there,|good morning,|another thing:|dear assistant,|btw|say,|let me ask:|I'd like to know:|a friend asks:
""".strip().split("|")
SUFFIXES = "please|exactly|thanks|then|by the way|in amphi|with amphi|here|again|actually|, please|, thank you|in the sdk|briefly|in short|now|in detail".split("|")
KEYWORD_FRAMES = """
{x}, explain
{x}?
{x} how
{x} what then
{x} please
{x} - help
question: {x}
topic: {x}
{x} in amphi
amphi {x}
{x} amphi sdk
about {x}
{x}, what to do
{x}... ideas
{x}, does amphi know that
""".strip().splitlines()
SYSTEMS = """
You are a helpful assistant.
You are a helpful AI assistant. Answer briefly.
You are Amphi's help assistant.
Answer the user's questions.
Be concise.
You are a friendly chatbot inside a mobile app.
You are an assistant. Keep your answers short and clear.
Answer in English.
""".strip().splitlines()

# Small talk and talk about the assistant itself: not what a third person would ask about an SDK.
SMALL = set("""identity name can_help hello how_are_you thanks bye good_night praise insult joke maker
human favorite bored sad ok languages_human""".split())
SECOND_HAND = """
my user asks whether|my boss asks:|a colleague wants to know:|our customers ask:|someone in my team asks:|my users ask:|for my boss:|I was asked this:|a customer asked:|the tester asks:|our support team asks:|my friend wonders:|people ask me:
""".strip().split("|")
LEADS = """
I'm building a chat app.|We ship an app for nurses.|I am evaluating amphi.|I'm new to this.|We have many users.|I am a developer.|I read the readme.|I'm testing the sdk.|We make an app for students.|Our app runs on old phones.|I work for a bank.|I have read the docs but am not sure.|Maybe a silly question.|Sorry for asking.|I'm not a programmer.|I am in a hurry.|I wrote a small app.|Just installed it.|I can't find it in the docs.|Our product has a chat.|One thing I don't understand.|Something else.|New topic.|Let me ask you this.
""".strip().split("|")
SYNONYMS = """
phone|mobile|cell phone|smartphone|handset|iphone|android phone|device|mobile phone|cell
device|phone|gadget|machine|hardware|handset
app|application|product|software|program
cloud|server|remote side|online service|cloud service|backend|remote api|web api
answer|reply|response
answers|replies|responses
question|query|prompt|request
message|msg|text
messages|msgs|texts
chats|conversations|talks|dialogs
chat|conversation|talk|dialogue
happens|occurs|goes on|takes place
crashes|dies|breaks down|falls over|blows up|goes belly up
engine|model|inference engine|llm
internet|net|web|connection|network|wifi
network|internet|connection|net
empty|drained|flat|dead
low|weak|nearly empty|almost gone
hot|too warm|overheated|boiling|glowing
memory|ram|working memory
stored|kept|saved|put|held
store|keep|save
delete|remove|erase|wipe|get rid of
search|look up|find|look for
encrypted|ciphered|secured with encryption|scrambled
key|secret
file|document
use|employ|work with|run
choose|pick|select
chosen|picked|selected
decide|determine|make up your mind
turn off|switch off|disable|deactivate
start|launch|begin|run
stop|halt|end|abort
show|display|print|give me
explain|describe|clarify|tell me about
want to|wanna|would like to|wish to|need to|have to
limit|cap|restrict|bound
fast|quick|speedy|rapid
slow|sluggish|lazy|laggy
private|confidential|secret
users|customers|clients|people
user|customer|client
install|set up|get running
add|include|specify|pass|configure
need|require|have to have
my|our|the
how do I|how can I|how would I|how to|what do I do to|how should I
what happens|what's going to happen|what goes on
can I|could I|may I|is it possible to|am I able to
is there|do you have|does amphi have|do we have
does it|will it|would it|does amphi|does the sdk
command|cmd|subcommand|instruction
flag|option|switch|parameter|argument
model|llm|language model|neural net
please|pls|plz|kindly
you|u|ya
are|r
"""
SYNONYMS = {row.split("|")[0]: row.split("|")[1:] for row in SYNONYMS.strip().splitlines()}
SYNONYM = re.compile(r"\b(%s)\b" % "|".join(sorted(SYNONYMS, key=len, reverse=True)))

NEIGHBOURS = {a: b for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm") for a, b in zip(row, row[1:] + row[-2])}
CHOICE = re.compile(r"\[([^\[\]]*)\]")
SLOT = re.compile(r"\{(\w+)\}")


def expand(text, rng, words):
    """Replaces every {name} and every [a|b|c] by a random choice."""
    def slot(match):
        value = words[match.group(1)]
        return value if isinstance(value, str) else rng.choice(value)

    while SLOT.search(text):
        text = SLOT.sub(slot, text)
    while CHOICE.search(text):
        text = CHOICE.sub(lambda m: rng.choice(m.group(1).split("|")), text)
    return " ".join(text.split()).replace(" ,", ",")


def normalize(text):
    """Two wordings are the same when they differ only in case, spaces and punctuation."""
    return " ".join(re.sub(r"[^a-z0-9_+*/-]+", " ", text.lower()).split())


def reword(text, rng, share):
    """Replaces some words by synonyms; together with the frames that makes very many wordings."""
    return SYNONYM.sub(
        lambda m: rng.choice(SYNONYMS[m[1]]) if rng.random() < share else m[1], text)


def typo(word, rng):
    if len(word) < 4 or not word.isalpha():
        return word
    i = rng.randrange(1, len(word) - 1)
    return rng.choice((
        word[:i] + word[i + 1:],                                              # a letter lost
        word[:i] + word[i] + word[i:],                                        # doubled
        word[:i] + word[i + 1] + word[i] + word[i + 2:],                      # swapped
        word[:i] + NEIGHBOURS.get(word[i].lower(), "e") + word[i + 1:]))      # a neighbour key


def disturb(text, rng, frame_words=True):
    """What people do to a sentence: politeness, small letters, lost punctuation, typos."""
    if frame_words and rng.random() < 0.15:
        text = rng.choice(PREFIXES) + " " + text
    if frame_words and rng.random() < 0.07:
        text += " " + rng.choice(SUFFIXES)
    if rng.random() < 0.12:
        for old, new in (("what is", "what's"), ("is not", "isn't"), ("do not", "don't"),
                         ("I am", "I'm"), ("you are", "you're"), ("it is", "it's")):
            text = re.sub(r"\b%s\b" % old, new, text)
    if rng.random() < 0.06:
        text = text.replace("'", "")
    if rng.random() < 0.04:
        text = re.sub(r"\byou\b", "u", text)
    if rng.random() < 0.1:
        words = text.split()
        for _ in range(rng.choice((1, 1, 2))):
            i = rng.randrange(len(words))
            words[i] = typo(words[i], rng)
        text = " ".join(words)
    if rng.random() < 0.55:
        text = text[0].upper() + text[1:]
    elif rng.random() < 0.6:
        text = text.lower()
    elif rng.random() < 0.05:
        text = text.upper()
    if text[-1] not in ".?!":
        text += rng.choices(("?", "", ".", "!", "??", " ?", "..."), (55, 33, 5, 2, 2, 2, 1))[0]
    return text


class Writer:
    """Makes conversations. `state` is what a follow-up refers to: a topic, "off" or None."""

    def __init__(self, seed, heldout):
        self.rng = random.Random(seed)
        more, strangers = wordings(MORE), wordings(STRANGERS)
        for t in TOPICS:
            t["ask"] = t["ask"] + more.pop(t["name"], [])
            t["strangers"] = strangers.pop(t["name"], [])
        assert not more and not strangers, (more, strangers)
        self.other = [(kind, text) for kind, texts in wordings(OTHER_THINGS).items() for text in texts]
        self.heldout = {normalize(wording) for wording in heldout}
        weights = []
        for t in TOPICS:
            forms = len(t["strangers"]) + sum(len(t[kind]) * bonus for kind, bonus in
                        (("cond", 2), ("case", 1), ("thing", 1), ("do", 1.5), ("ask", 1)))
            weights.append(min(3.0, max(1.0, forms ** 0.5 / 3)))
        self.weights = weights

    def topic_question(self, t):
        rng, small = self.rng, t["name"] in SMALL
        if t["strangers"] and rng.random() < 0.6:
            text = expand(rng.choice(t["strangers"]), rng, WORDS)
            draw = rng.random()
            if small:
                return reword(text, rng, 0.05)
            if draw < 0.06:  # a topic's words said twice, in any two ways
                text += rng.choice((". ", ", ", "? ", " - ", ": ", "... "))
                text += expand(rng.choice(t["strangers"] + t["ask"]), rng, WORDS)
            elif draw < 0.1:
                text = rng.choice(SECOND_HAND) + " " + text
            elif draw < 0.14:
                text = rng.choice(LEADS) + " " + text
            elif draw < 0.2 and len(text.split()) < 5:
                text = rng.choice(KEYWORD_FRAMES).replace("{x}", text)
            return reword(text, rng, 0.15 if t["strangers"] else 0)
        kinds = [k for k in ("cond", "case", "thing", "do", "ask") if t[k]]
        size = {"cond": 8, "case": 6, "thing": 6, "do": 7, "ask": 0}
        kind = rng.choices(kinds, [size[k] + len(t[k]) ** 0.7 for k in kinds])[0]
        text = rng.choice(t[kind])
        if kind != "ask":
            text = rng.choice(FRAMES[kind]).replace("{x}", text)
        text = expand(text, rng, WORDS)
        if not small and rng.random() < 0.06:
            text = rng.choice(SECOND_HAND + LEADS) + " " + text
        return text if small else reword(text, rng, 0.12)

    def answer(self, t):
        return self.rng.choice(t["answers"])

    def off_question(self):
        """-> (kind, question)"""
        rng = self.rng
        draw = rng.random()
        if draw > 0.62:
            kind, text = rng.choice(self.other)
            return kind, reword(text, rng, 0.05)
        if draw < 0.2:
            return "fact", rng.choice(offtopic.HARD)
        if draw < 0.24:
            letters = "asdfghjklqwertyuiopzxcvbnm" + "jkdfs" * 4
            words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(rng.randint(1, 3))]
            return "gibberish", " ".join(words)
        kinds = list(OFF_FRAMES)
        kind = rng.choices(kinds, [len(OFF_FRAMES[k]) ** 0.8 for k in kinds])[0]
        text = expand(rng.choice(OFF_FRAMES[kind]), rng, OFF_WORDS)
        return kind, text

    def fresh_turn(self):
        """-> (question, answer, state)"""
        rng = self.rng
        while True:
            if rng.random() < 0.24:
                kind, question = self.off_question()
                answer, state = offtopic.ANSWERS[kind], "off"
            else:
                t = rng.choices(TOPICS, self.weights)[0]
                question, answer, state = self.topic_question(t), self.answer(t), t
            question = disturb(question, rng, state != "off" or rng.random() < 0.7)
            if normalize(question) not in self.heldout:
                return question, answer, state

    def follow_up(self, state):
        """A question that needs the turn before; -> (question, answer, state)"""
        rng = self.rng
        if state == "off":
            wordings, answer = rng.choice(list(offtopic.FOLLOW_UPS.values()))
            wordings = wordings.split("|")
        elif state["follow"] and rng.random() < 0.5:
            wordings, answer, _ = rng.choice(state["follow"])
        else:
            kind = rng.choice(("more", "more", "why", "why", "off"))
            wordings, answer = FOLLOWS[kind], state[kind] or GENERIC[kind][0]
        while True:
            question = disturb(expand(rng.choice(wordings), rng, WORDS), rng, rng.random() < 0.3)
            if normalize(question) not in self.heldout:
                return question, answer, state

    def conversation(self):
        rng = self.rng
        turns = rng.choices((1, 2, 3, 4, 5, 6), (52, 22, 12, 7, 4, 3))[0]
        messages, state = [], None
        if rng.random() < 0.06:
            messages.append({"role": "system", "content": rng.choice(SYSTEMS)})
        for _ in range(turns):
            if state is not None and rng.random() < (0.3 if state == "off" else 0.42):
                question, answer, state = self.follow_up(state)
            else:
                question, answer, state = self.fresh_turn()
            messages.append({"role": "user", "content": question})
            messages.append({"role": "assistant", "content": answer})
        return messages


def check_topics():
    """Every answer must contain what heldout.json will ask for."""
    for t in TOPICS:
        for answer in t["answers"]:
            for group in t["keys"].split("&"):
                if not any(key.lower() in answer.lower() for key in group.split("|")):
                    raise ValueError("%s: no %s in %r" % (t["name"], group, answer))
    for kind, answer in offtopic.ANSWERS.items():
        if "offline" not in answer:
            raise ValueError("off-topic answer without 'offline': " + kind)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default=str(HERE / "build" / "corpus.jsonl"))
    parser.add_argument("--count", type=int, default=120000, help="conversations")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--heldout", default=str(HERE / "heldout.json"))
    args = parser.parse_args()
    check_topics()
    heldout = []
    for exam in (Path(args.heldout), HERE / "strangers.json"):
        for item in json.loads(exam.read_text()) if exam.exists() else []:
            if exam.name == "heldout.json" or len(item["turns"]) == 1:
                heldout.append(item["turns"][-1])
    writer = Writer(args.seed, heldout)
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    with open(args.out, "w") as out:
        for _ in range(args.count):
            out.write(json.dumps(writer.conversation()) + "\n")


if __name__ == "__main__":
    main()
