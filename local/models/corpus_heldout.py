"""Writes heldout.json: the wordings that the help model is examined with and never trained on.

  python corpus_heldout.py

They were written by hand as a stranger would ask, not made from the corpus grammars, and corpus.py
leaves out anything that equals one of them. Each item has the turns of a conversation and what the
last answer must contain: for every group in `keys` at least one of its words, in any case. With
`refuse` the right answer is to say that it can't be answered offline; without it, that is wrong.
"""
import json
from pathlib import Path

from corpus_topics import TOPICS

HERE = Path(__file__).parent
REFUSAL = [["offline"], ["can't", "did not understand"]]

# topic: wordings
SINGLE = """
identity: Could you tell me who I have the pleasure with?|So you're some kind of AI?|Am I speaking with the cloud or with my own device right now?|Which brain is behind these answers?
name: Do you go by a name?|And you are called...?
name_meaning: Where does the word Amphi come from?|Amphi - funny name, what's behind it?
what_is: In a nutshell, what's Amphi?|My colleague mentioned Amphi. What is it all about?|Give me the elevator pitch for this SDK.|Which job does the library do for app developers?|I just installed this. What have I got here?
can_help: What sort of things could I ask?|Where can you be of use?|Got any suggestions what I could ask you?
routing: By what logic is an engine selected?|Who makes the call whether my prompt stays here or goes to the cloud?|How are requests distributed between device and server?|What goes into choosing local versus remote?|Explain the decision between phone and cloud.
battery_low: What happens when the battery is low? |My phone is almost dead. Which engine replies now?|Only 4% battery remaining, will you still run locally?|How is an almost flat battery dealt with?|What changes once the charge falls under ten percent?|Does an empty battery make requests go to the cloud?|battery nearly gone what does the sdk do
charging: What difference does a charger make?|My phone hangs on the power cord, so what?|Once I've plugged it into the wall, does the model run on the phone again?
no_network: I'm sitting in an airplane without wifi. Can we chat?|The internet connection just died. What will Amphi do?|Can this thing be used with the network cable pulled?|what if theres no signal at all|Does the chat survive a complete loss of the internet?|How does it behave in a place without coverage?
metered: I'm abroad and data is pricey. Does Amphi care?|What is done differently on a connection that is billed by volume?|Will it blow through my mobile data allowance?
slow_network: My internet is painfully slow, what does that change?|The wifi here is awful. How will you cope?|What do you do about long response times of the network?
thermal: My device feels like an oven, what now?|How does Amphi treat an overheated phone?|The handset is getting really toasty. Does anything change?|What is the reaction to high temperatures?|And if the processor gets too hot?
memory: There's hardly any RAM free. What will happen?|How does the SDK act under memory pressure?|What if the model needs more RAM than there is?|The OS sends a low memory warning - what then?|does it eat all my ram
crash: What if the on-device engine suddenly dies mid-sentence?|Suppose the local model segfaults. Does the user see it?|Would a bug in the model process take my app down?|How do you recover from a crashed engine?|I just killed the worker with kill -9. What happens to the answer?
takeover: How can another engine finish an answer that was begun elsewhere?|What do you mean by taking over a stream?|Explain how failover between the engines works.
quarantine: The model crashed three times in a row. Will it be started again?|What stops an endless loop of crashes?
cloud_cut: The line to the cloud is interrupted halfway through the reply. And then?|What if OpenAI goes down while it is answering?|How do you deal with an API outage?|The server stopped responding in the middle of a sentence, what happens?
rate_limit: The provider complains about too many requests, what does Amphi do?|How are 429 errors treated?
breaker: What's a circuit breaker doing in here?|How do you stop hammering an endpoint that is down?
private: What exactly does marking something private guarantee?|Can I be sure a confidential question stays on the phone?|Does anything I type get uploaded?|Which requests never touch the network?|How do I make sure a message isn't sent to the cloud?|Explain private requests, please.
encryption: Is what I write saved in encrypted form?|Could a thief read my old chats?|How safe is the stored conversation data?|Which cipher protects the history?|Is the chat database protected by encryption?
key_store: Where do you keep the key for the database?|What permissions are on the key file?|Who guards the encryption key?
data_dir: On which path do I find the database?|Where does all my stuff end up on disk?|Which option changes the place where data is kept?|In what folder are my chats saved?
cache: How many replies does the cache remember?|If I ask the identical question again, is it computed anew?|Explain the answer cache to me.|Are earlier answers reused?
cache_off: How can caching be disabled?|I want an answer that does not come from the cache.|What's the switch to skip the response cache?
outbox: What becomes of a message that no engine can answer?|Will my message be delivered after the connection is back?|Could a queued message be delivered twice?|What is the outbox good for?|Neither the phone nor the cloud can reply. Is my text lost?
history: How do I look at what we talked about last week?|Do you keep a record of our conversations?|Which command shows earlier conversations?|After a reboot, are my chats still there?
history_search: Can I look for a word in earlier conversations?|Is full text search available for old chats?
history_export: How can I take a copy of all conversations?|Can I get my chats out as a file?
history_delete: How can I make all my data disappear?|I'd like to erase the conversations.|Can chats be removed for good?
modes: Which operating modes does Amphi offer?|What can I pass to --mode?|Name the modes and what they do.
mode_auto: What is the auto setting about?|What does the automatic mode do for me?
mode_prefer_local: When would I pick prefer_local?|Explain the prefer_local setting.
mode_prefer_cloud: When would I pick prefer_cloud?|Explain the prefer_cloud setting.
mode_only_local: How do I forbid any use of the cloud?|I want everything computed on my own device, nothing else.|Explain the only_local setting.
mode_only_cloud: How can I make it ignore the local model altogether?|Explain the only_cloud setting.
rollout: How would I introduce the local model gradually?|Can I control a whole fleet of phones from my server?|What is meant by a gray release?|Does Amphi understand GrowthBook?|I'd like only 5% of my users to get the new model.
kill_switch: Our new model misbehaves in the field. How do we pull it back quickly?|Is there some emergency button for all devices?
rollout_show: How can I tell which variation of the experiment my device got?|Which command displays the active rollout?
hedging: What's a hedged request?|The first word takes ages, do you start a second engine?|Explain the idea of hedging.
budgets: After what time is a route given up?|Which timeouts can be set?|How much patience do you have with a silent server?
confidence: What if the small model has no clue about the answer?|Does the phone pass hard questions on when it is unsure?
degrade: What steps are tried before a request is refused?|Does it run well on a weak old phone?
long_context: Our conversation has become endless. Is that a problem?|What if my text exceeds the context window?
multimodal: Can I attach a photo?|Are function calls possible?
cost: What will I pay for the answers?|How do I keep my API bill low?
endpoint: How do I hook up a cloud API?|Which option tells Amphi about my OpenAI account?|I'd like to use my company's OpenAI-compatible server.|How is a cloud endpoint declared?
api_key: Where does my OpenAI key belong?|How do I hand over my API key?|What's the right place for the secret key of my provider?|how to give amphi an api key
pin: How do I pin my server's certificate?|Is there support for public key pinning?
ca: We run our own certificate authority. How do I make Amphi accept it?|How can I use a server whose certificate is self signed?
second_endpoint: Can I register a backup provider as well?|Is it allowed to specify more than one endpoint?
tls: What version of TLS do you speak by default?|Is traffic to the API encrypted in transit?
model_file: How do I run a bigger model than this one?|I downloaded a GGUF, how do I use it?|Which option loads my own model?|How can I swap out the built-in model?
formats: Does it read Q4_K files?|In what format do models have to be?|Which quantizations can be loaded?
families: Will a Qwen model run?|What LLM architectures are understood?
model_inspect: How do I look inside a GGUF file?|I'd like to see the tokenizer and shape of my model file.
policy_file: How do I adjust the thresholds?|Where can the rules for routing be changed?|Can I supply my own policy?
device_file: How can I pretend that the battery is empty?|Can my app report the battery state itself?|I want to test with made-up device facts.
commands: What subcommands does the amphi tool have?|Give me a rundown of the commands.|What can be typed in the terminal?
cmd_chat: How do I open a chat in my terminal?|What is the command amphi chat for?
cmd_ask: How do I ask one thing from a shell script?|What is the command amphi ask for?
explain: Why was my last question sent to the cloud?|How can I find the reason for a routing decision?|Where do I see which engine produced an answer?|What is that faint line beneath the reply?|Can I inspect why the phone wasn't used?
doctor: How can I find out whether my setup is fine?|Nothing works here, what should I try?|What is the command amphi doctor for?
serve: How do I expose Amphi as an OpenAI server?|Can my existing OpenAI client talk to this?|Which command starts the HTTP gateway?|I want a local REST API, how?
languages: I write Kotlin. Can I use this?|Are there bindings for Swift developers?|From which programming languages can it be called?|Is there something for Python programmers?
license: Under what licence is it published?|May our company ship this in a paid product?|Is there a fee for using the SDK?
platforms: Will it work on an Android phone?|Which operating systems does it support?|Does the library run under Linux?
install: How do I get this up and running?|What are the first steps for a newcomer?
integrate: How would I embed this in my own application?|Which functions do I call from C?
events: Which kinds of events can show up in a stream?|What is the number of event types?
cancel: How do I interrupt a reply?|The answer is too long, how do I abort it?|Which function stops a stream?
threads: How many CPU cores will be used?|Where do I set the thread count?
thread_safe: May several threads use one client?|Is the API safe for multithreading?
seed: How do I get identical output each run?|Where can I fix the random seed?
max_tokens: How do I cap the length of the output?|Can I limit how much it writes?
size: How much disk space do you occupy?|How many weights are inside you?
speed: How quickly does the on-device model respond?|How many tokens a second can I expect?
sandbox: Could a malicious model file do damage?|Is the inference process isolated?
local_engine: Describe the engine that runs on the phone.|How does the thing compute on my device?
cloud_side: Which API is used to talk to the cloud?|Describe the cloud part.
prewarm: Can the model be loaded ahead of time?|What is prewarming?
hello: Good day!|hiya|Hey you
how_are_you: How are you doing today, my friend?|hows it goin|You doing alright?
thanks: Thanks, that was useful!|I'm grateful for your help|thank u
bye: Gotta go, bye!|See you next time|take care
good_night: Good night, little model!|Off to bed now, good night
praise: You're really clever!|That's fantastic|good work
insult: That answer was useless.|You got that wrong|what a dumb machine
joke: Got a good joke for me?|Can you make me smile with a joke?
maker: Who is responsible for creating you?|Who developed you?
human: Are you a real human being?|Is there a person typing these answers?
favorite: What's your favorite season?|Do you have any hobby?
bored: I'm so bored right now|Show me something exciting
sad: I'm feeling down today|today was a horrible day
ok: alright then|got it, good|ok i see
languages_human: Can you also speak Spanish?|Do you understand French?
"""

OFFTOPIC = """
What's the capital of Australia?|Which planet is closest to the sun?|Who composed the Four Seasons?|how many people live in tokyo|Do penguins have knees?
What will the weather be like this weekend?|Did Liverpool win last night?|How late is it in New York?|What are today's headlines?|Is it going to snow in Oslo?
What's 17 times 23?|sqrt of 144|If a train goes 80 km in one hour, how far does it go in three?|How many ounces are in a pound?|add 45 and 88
Write a Python script that downloads a website.|How do I declare an array in Java?|Can you fix the bug in my SQL query?|What's wrong with my CSS?
Compose a birthday poem for my aunt.|Tell me a bedtime story about dragons.|Draft an email to my landlord.|Summarise Moby Dick.
How do you say goodbye in Japanese?|Translate 'the house is red' into French.|Was kostet ein Brot?|Donde puedo comprar pan?
How long should I boil eggs?|I need a recipe for carrot cake.|What can I do about my sore throat?|Which vitamins are in broccoli?|How do I remove a wine stain?
Who won the battery championship?|What is the best phone to buy?|What's the network effect in economics?|Which clouds bring thunderstorms?|What's the memory capacity of a goldfish?|How much is a new phone battery at the repair shop?|Who wrote the song Private Eyes?|Where can I buy a door key?|How hot does a volcano get?|Which bus route goes to the airport?|How do I crash a wedding?|What's a good hedge plant for my garden?|Who was the first king of Spain?|When did the Roman Empire fall?
asdkjh qwepoi|blorp fnarg wibble|xyzzy|Should I marry her?|What's the tallest building in Dubai?|Recommend me a good thriller.|How old is Madonna?|Can dogs eat chocolate?|Please book a table for two.|Who painted the Mona Lisa?|Explain photosynthesis.|Is bitcoin a good investment?
"""

# turns separated by '>', then the topic of the last one or its keys in parentheses
MULTI = """
What happens when the battery is low? > and on a hot phone? = thermal
What happens when the battery is low? > And when it's charging again? = charging
What happens when the battery is low? > What about memory? = memory
how do you react to a flat battery > and without network? = no_network
What does Amphi do on a hot device? > Why? = (heat|cool|throttle)
What happens when the battery is low? > Why is that so? = (energy)
What happens when there is no internet? > Why? = (device&connection)
What happens when the local engine crashes? > and if the cloud dies instead? = cloud_cut
What happens when the local engine crashes? > Tell me more = (signal|heartbeat|prefix)
What does private mean? > Why? = (leave|check)
What does private mean? > Does that hold for the outbox too? > and is my history encrypted? = encryption
How does the response cache work? > How do I turn that off? = (--no-cache)
Is there a response cache? > Is it encrypted? = (encrypt|SQLCipher|HMAC)
What is the outbox? > Does it survive a reboot? = (yes|survive)
What is the outbox? > And could something be sent twice? = (once|idempotency)
What is hedging? > Doesn't that cost more? = (late|cancel)
What is hedging? > How do I turn it off? = (--policy)
How does Amphi decide where a request goes? > Please go into more detail = (pure|hysteresis)
How do I add an API key? > Why in a file? = (command line|process list)
How do I add an API key? > and a pin? = pin
How do I add a cloud endpoint? > And a second one? = second_endpoint
How do I add a cloud endpoint? > what about my own certificate authority? = ca
Which commands are there? > What does the doctor one do? = doctor
Which commands are there? > explain amphi serve = serve
Which modes are there? > What does prefer_local do? = mode_prefer_local
Which modes are there? > and only_cloud? = mode_only_cloud
Hello! > Who are you? > What can you do? = can_help
hi > how are you > what is amphi = what_is
What is the capital of Peru? > Why not? = (small model|trained)
What is the capital of Peru? > OK. What does Amphi do without a network? = no_network
Tell me about elephants > Which model could answer it then? = (--model|--endpoint)
Who are you? > Are you human? > Tell me a joke = joke
Is my history encrypted? > Where is it stored? = data_dir
Where is my data stored? > Can I delete it all? = history_delete
What is a gray release? > Who won the world cup in 1990? = REFUSE
What happens when the battery is low? > What's the capital of Norway? = REFUSE
What happens without a network? > How do I bake a cake? > and on a metered connection? = metered
What happens when the phone is hot? > Thanks! = thanks
What happens when the phone is hot? > And what if memory is short? > and if the local engine crashes? > Does that also apply to private requests? > How do I cancel an answer? = cancel
What licence is it under? > And in which languages can I use it? > On Android too? = platforms
What is GrowthBook for? > Is there a kill switch? = kill_switch
How big are you? > Can I load a bigger model? = model_file
Which model formats can you read? > How do I look into such a file? = model_inspect
Thanks > bye = bye
My battery is at 3 percent > so which engine will answer? > how can I see why? = explain
How do I serve an OpenAI endpoint? > Tell me more about that = (base URL|gateway)
"""


def groups(keys):
    return [group.split("|") for group in keys.split("&")]


def main():
    keys = {t["name"]: groups(t["keys"]) for t in TOPICS}
    items = []
    for line in SINGLE.strip().splitlines():
        topic, wordings = line.split(": ", 1)
        for wording in wordings.split("|"):
            items.append({"kind": "single", "topic": topic, "turns": [wording.strip()], "keys": keys[topic]})
    for wording in OFFTOPIC.strip().replace("\n", "|").split("|"):
        items.append({"kind": "offtopic", "topic": "offtopic", "turns": [wording], "keys": REFUSAL,
                      "refuse": True})
    for line in MULTI.strip().splitlines():
        text, target = line.rsplit(" = ", 1)
        item = {"kind": "multi", "topic": target, "turns": text.split(" > ")}
        if target == "REFUSE":
            item.update(topic="offtopic", keys=REFUSAL, refuse=True)
        elif target.startswith("("):
            item.update(topic="follow-up", keys=groups(target[1:-1]))
        else:
            item.update(keys=keys[target])
        items.append(item)
    lines = ",\n".join(json.dumps(item) for item in items)
    (HERE / "heldout.json").write_text("[\n" + lines + "\n]\n")
    print("%d items" % len(items))


if __name__ == "__main__":
    main()
