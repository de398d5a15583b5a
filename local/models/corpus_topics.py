"""What the help model knows: one entry per topic, with its answers and the ways people ask.

A topic holds
  answers   the answer (the joke has two: equal answers to a question only blur the learning)
  keys      what an answer must contain: groups joined by '&', alternatives by '|'
  cond      clauses that fit "what happens when ..."      (the battery is low)
  thing     noun phrases that fit "what is ..."           (the outbox)
  case      noun phrases that fit "how do you handle ..." (a low battery)
  do        verb phrases that fit "how do I ..."          (add an API key)
  ask       complete questions
  more, why, off   answers to "tell me more", "why?", "how do I turn that off?" after this topic
  follow    other questions that only make sense after this topic: (questions, answer, keys)

Wordings are small grammars: [a|b] is a choice, {name} is an entry of WORDS. One line, one wording.
The facts are those of the design document; change both together.
"""

WORDS = {
    "amphi": "[Amphi|Amphi|Amphi|the SDK|this SDK|the library|it|amphi|this thing|the amphi sdk|this library|the system]",
    "you": "[Amphi|Amphi|you|you|it|the SDK|the library]",
    "phone": "[my phone|the phone|the device|a phone|the user's phone|this device|my device|the handset|my tablet|the machine|my laptop|the smartphone|a user's device]",
    "app": "[my app|an app|our app|the app|my application|the application|our product]",
    "low": "[low|weak|almost empty|nearly empty|almost flat|nearly dead|running low|running out|at 5 percent|at 10%|at 3 %|below 15%|under 20 percent|getting low|dying|drained|critical|very low|going flat|at eight percent|about to die|on its last percent]",
    "hot": "[hot|too hot|very hot|overheating|warm|getting hot|burning|in the sun|thermally throttled|throttling|overheated|getting too warm|boiling|running hot|heating up|cooking]",
    "net": "[network|internet|connection|internet connection|wifi|wi-fi|connectivity|mobile data|signal|reception|data connection|net|link|online connection]",
    "gone": "[gone|down|lost|missing|off|unavailable|unreachable|dead|broken|cut off|not there|out|disconnected|switched off|not working]",
    "local": "[local model|local engine|on-device model|device model|model on the device|local llm|on-device engine|offline model|worker|local worker|engine process|local process]",
    "crashes": "[crashes|dies|is killed|segfaults|breaks|fails|goes down|aborts|gets killed|blows up|has a crash|stops working|hangs|falls over|exits|is terminated|quits]",
    "cloud": "[cloud|cloud api|remote api|cloud endpoint|server|remote endpoint|api|cloud provider|remote server|online model|cloud model|remote side]",
    "mem": "[memory|RAM|ram|free memory|main memory|working memory]",
    "msgs": "[messages|chats|conversations|my messages|my chats|chat history|history|my history|my conversations|the chat log|chat logs|the messages]",
    "model": "[model|gguf|model file|gguf file|gguf model|llm|language model]",
    "key": "[api key|API key|key for the cloud|secret key|cloud key|token for the api|api token|credentials|api secret|access key]",
}

TOPICS = []


def topic(name, keys, answers, more=None, why=None, off=None, follow=(), **wordings):
    lines = lambda text: [line.strip() for line in text.strip().splitlines()]
    entry = {"name": name, "keys": keys, "answers": lines(answers), "more": more, "why": why,
             "off": off, "follow": [(lines(q), a, k) for q, a, k in follow]}
    for kind in ("cond", "thing", "case", "do", "ask"):
        entry[kind] = lines(wordings.pop(kind, "")) if kind in wordings else []
    assert not wordings, wordings
    TOPICS.append(entry)


# ------------------------------------------------------------------ who and what

topic("identity", "help|assistant&device|offline", """
I am the help assistant built into Amphi: a small language model that runs on this device. I know Amphi and little else, and I work without any network.
""",
    more="I have only a few million weights and fit in a file of a few megabytes. I am loaded by Amphi's own local engine, in its own sandboxed process. For anything beyond Amphi, add a larger model with --model FILE or a cloud endpoint with --endpoint.",
    ask="""
who are you
what are you
who is this
what is this
who am I [talking|speaking|chatting] [to|with]
what am I talking to
introduce yourself
[tell me|say] something about yourself
tell me about you
are you [a bot|a chatbot|an ai|an assistant|a language model|a robot|chatgpt|gpt|claude|siri|a cloud model|a local model|an llm|the local model]
what kind of [model|assistant|ai|bot|thing] are you
which model [are you|is this|am I using|is answering|runs here]
what model is [this|answering|running]
is this [chatgpt|the cloud|a real ai|the local model|an ai|a bot]
what llm [is this|are you]
are you running [on my device|locally|in the cloud|on my phone|here]
do you run [locally|on this device|in the cloud|offline]
who answers me [here|now|]
identify yourself
[what|who] exactly are you
describe yourself
where do you run
""")

topic("name", "amphi", """
My name is Amphi help. I am the small assistant that comes with the Amphi SDK.
""",
    ask="""
what is your name
what's your name
do you have a name
how should I call you
what should I call you
what do they call you
your name please
tell me your name
may I know your name
how are you called
are you called amphi
""",
    follow=[("""
what does [it|that|the name] mean
why [that|this] name
why are you called that
where does the name come from
""", "Amphi is short for amphibious: at home on both sides, on the device and in the cloud.", "amphibious|both")])

topic("name_meaning", "amphibious|both", """
Amphi is short for amphibious. The library is at home on both sides, on the device and in the cloud, and it does not drown when one of them disappears.
""",
    ask="""
why is it called [Amphi|that]
what does [Amphi|the name Amphi|the word Amphi|your name] mean
where does the name [Amphi|] come from
what is the meaning of the name [Amphi|]
why the name Amphi
what does amphi stand for
is amphi short for something
how did amphi get its name
""")

topic("what_is", "device|local|on-device&cloud", """
Amphi is a C library that gives an app one chat API over two kinds of engine: a quantized model on the device and an OpenAI-compatible API in the cloud. For every request it decides which one answers. When the chosen one fails, even half-way through an answer, the other takes over on the same stream.
""",
    more="The policy that picks the route is a pure function, so every decision can be explained and replayed. The local engine runs in its own sandboxed process, because model files are hostile input. History, cache and outbox are encrypted and durable. A server can steer the rollout between local and cloud, and a private request never reaches a socket.",
    why="So that chat in an app degrades gracefully. A flat battery, a hot phone, little memory or a lost network should change where an answer comes from, and should not stop the answer.",
    thing="""
Amphi
the Amphi SDK
this SDK
this library
""",
    ask="""
what is {amphi}
what's amphi
what does {amphi} do
what is amphi [good for|used for|about|all about|made for]
what can {amphi} do [for me|for my app|]
explain amphi [to me|in short|in simple words|like I am five|to a beginner|in one sentence|briefly]
tell me about amphi
what [problem|problems] does {amphi} solve
why [would|should] I use {amphi}
why do I need {amphi}
who [is|needs|uses] amphi [for|]
who should use amphi
what is the [idea|purpose|point|goal|use] [of|behind] {amphi}
what is this [sdk|library|software|project|product|program|tool] [for|about|]
give me [an overview|a summary|a short description] of amphi
I am new here, what is this [about|thing|project]
what are the [features|main features|advantages|benefits|strengths] of {amphi}
describe [amphi|the sdk|this library]
what makes {amphi} [special|different|useful]
never heard of amphi
amphi?
why does {amphi} exist
how can amphi help [me|my app|my team|us]
""")

topic("can_help", "ask|amphi", """
Ask me how Amphi picks a route, what happens on a low battery or without network, what private means, how history is encrypted, or how to add a key, a model or an endpoint.
""",
    ask="""
what can you do
what can I ask [you|here|]
help
help me
I need help
what do you know
how can you help me
what are you able to do
what questions can you answer
what should I ask
[what topics|which topics] do you [know|cover]
can you help me
what else can you [do|tell me|explain]
give me some [example questions|examples|ideas of what to ask]
what are your [skills|abilities|capabilities]
how do I use you
what else
I have a question
can I ask you something
I don't know what to ask
menu
options
""")

# ------------------------------------------------------------------ routing and the device

topic("routing", "device|battery&plan|route|order", """
For every request Amphi takes a snapshot of the device: free memory, battery, temperature and network. A policy turns these facts, the request itself, the health of each route and the rollout into an ordered plan. The first route in the plan answers, and the next ones stand by. Each decision is recorded together with its reasons.
""",
    more="The policy is a pure function: the same facts always give the same plan. It also looks at the predicted memory need, the context length, tools and images, cost and latency budgets, breakers and crash quarantine. Every threshold has hysteresis, so that a value at the edge does not flap. amphi route --explain prints the whole table.",
    why="Because the best engine changes from minute to minute. A full battery and a bad network speak for the device, and a hot phone or a long context speaks for the cloud.",
    off="Choose a fixed mode. With --mode only_local or --mode only_cloud there is one kind of route left and nothing to decide.",
    thing="""
the routing
the policy
the router
the route decision
the decision
routing
the plan
""",
    ask="""
how does {amphi} [decide|choose|pick|select] [the route|a route|where to send a request|which engine answers|between local and cloud|between the phone and the cloud|where my question goes|who answers|]
how do you [decide|choose|pick] [the route|which engine to use|where to send my question|who answers|local or cloud|where to run]
what decides [the route|where a request goes|whether the cloud is used|local or cloud|which model answers]
on what [basis|grounds] [does it choose|is the route chosen|do you pick]
which [facts|inputs|signals|factors|criteria|conditions] [does the policy use|go into the decision|matter for the route|influence the route|are considered]
when [does it use|do you use|is it] the [cloud|local model] [and when the local model|and when the cloud|]
when is the [local model|cloud] [used|chosen|preferred|picked]
how is [the route|a route|the engine] [chosen|decided|picked|selected|determined]
what determines which [engine|model|route|side] [answers|is used|gets the request]
how does [routing|the routing|the policy|the router] work
local or cloud, [who decides|how do you know|how does it decide]
who [decides|chooses] [between local and cloud|where my message goes|the route]
does it choose automatically
is the [choice|decision|switch] automatic
what is a route
what is the policy
how does it know [where to send a message|which one to use|which engine is best]
how smart is the [routing|switching|router]
what does the router look at
""")

topic("battery_low", "battery&cloud", """
When the battery is low and the phone is not charging, Amphi sends requests to the cloud, because running a model costs more energy than a network call. Private requests stay on the device, with fewer threads and a shorter answer. Once the battery recovers, the local model is used again.
""",
    more="The policy reads the battery level and whether the device is charging. The threshold has hysteresis, so that a level at the edge does not flip the route back and forth. If the battery turns critical in the middle of a local answer, the run is stopped and the cloud finishes the answer on the same stream. The threshold is a field of the policy document.",
    why="Because running a model on the device costs much more energy than one network call. The cloud saves the rest of the battery.",
    off="Change the battery threshold in a policy file and pass it with --policy FILE, or use --mode only_local to stay on the device whatever the battery says.",
    cond="""
the battery is {low}
the battery is low
the [phone|phone's|device's|user's] battery is {low}
[my|our|a] battery is {low}
{phone} is [low on battery|running out of battery|out of juice|low on power|almost out of power|nearly empty]
the [battery level|charge|power|charge level] is {low}
the battery [runs low|drops|drops below 20 percent|gets weak|runs out|is draining|falls to 10 percent|goes down|sinks to 4 %]
there is [little|not much|hardly any|almost no] [battery|power|charge|juice|energy] left
I have [little|5 percent|10%|almost no|hardly any|only 7 percent] battery [left|]
I am [low on battery|running out of battery|almost out of battery|low on power]
power saving mode is on
[battery saver|low power mode|the battery saver] is [on|active|enabled]
""",
    case="""
a low battery
low battery
a [weak|flat|dying|empty|nearly empty|drained|dead] battery
[battery|a battery] at 5 percent
little battery
low power
a nearly dead battery
low charge
battery saver mode
battery
the battery
an almost empty battery
""",
    ask="""
[does|how does] the battery [matter|affect|influence|change] [the route|routing|the answer|anything|things|the choice]
does {amphi} [drain|eat|kill|use up|empty] [my|the] battery
is {amphi} bad for [my|the] battery
how much battery does {amphi} [use|need|take]
how does {amphi} save [battery|power|energy]
why [did it go|does it go|go] to the cloud [on|with|at] [low|a low|a weak] battery
what role does the battery play
which engine [answers|is used|runs] [on|with] [low|a low|a weak|an empty] battery
local or cloud on low battery
do you look at the battery
battery low, what happens
what is the battery [threshold|limit|rule]
""")

topic("charging", "charging|charger|plugged&local|device", """
While the phone is charging, a low battery no longer counts against the local model. Amphi may answer on the device again, as long as memory and temperature allow it.
""",
    more="The battery rule only applies on battery power. Once the charger is connected, the policy drops that reason and looks at heat, memory, network and the mode as usual. You can watch this with amphi route --explain.",
    why="Because energy is no longer short when a charger is connected, so there is no need to spare the device.",
    cond="""
{phone} is [charging|plugged in|on the charger|connected to power|on a cable|being charged]
I plug [it|the phone|my phone|the charger] in
I charge [it|the phone|my phone]
the charger is [connected|plugged in|attached|in]
I connect [a charger|the charger|the power cable|a power bank]
the battery is low but [charging|it is charging|the phone is plugged in]
the battery is charging
it is on [mains|wall|external] power
it [starts|begins] charging
the battery is full
""",
    case="""
a charging phone
charging
a plugged in phone
a connected charger
a device on the charger
a full battery
wall power
""",
    ask="""
does charging [change|matter|change anything|help|make a difference]
is charging taken into account
and when I charge it
does it matter [if|whether] the phone is [charging|plugged in]
and while charging
and once it is plugged in again
""")

topic("no_network", "local|device&outbox|queue|waits|offline", """
Without a network the local model answers on the device, and the chat goes on. If no local model can run, Amphi looks for a cached answer, and otherwise the message waits in the encrypted outbox. It is sent once, when the network returns.
""",
    more="The probe reports the network as unreachable, so cloud routes are refused with that reason and only local routes stay in the plan. If the connection drops in the middle of a cloud answer, the local model continues it on the same stream. A message that nobody could answer gets a queued event, stays in the outbox across restarts, and is sent once when a route returns.",
    why="Because the model is already on the device and needs no connection. A chat should work offline first.",
    off="Use --mode only_cloud if the local model should never answer. Then a message without network waits in the outbox.",
    cond="""
the {net} is {gone}
there is no {net}
there's no {net}
I have no {net}
I am [offline|not online|in a tunnel|on a plane|in airplane mode|in flight mode|in the subway|without internet|disconnected|in the basement|out of coverage|in a dead zone|underground]
I'm [offline|in a tunnel|on a plane|in airplane mode|not connected]
{phone} is [offline|not connected|in airplane mode|in flight mode|without signal|disconnected]
the {net} [drops|goes down|goes away|disappears|fails|is lost|breaks|dies|vanishes]
I [lose|turn off|switch off|disable|pull out] the {net}
we [lose|have no] {net}
[airplane mode|flight mode|aeroplane mode] is on
the [router|wifi router|cell tower] is down
the [network cable|cable] is [pulled|unplugged]
""",
    case="""
no {net}
a lost {net}
a missing {net}
being offline
offline use
airplane mode
flight mode
the loss of the network
a dead connection
tunnels
dead zones
""",
    ask="""
does {you} work [offline|without internet|without a network|without wifi|in airplane mode|with no connection|on a plane]
can {you} [work|answer|run|chat] [offline|without internet|without a network|without wifi|with no signal]
can I use [it|amphi|this] [offline|without internet|on a plane|without a connection|in a tunnel]
and without [network|internet|wifi|a connection|signal]
without [network|internet|wifi|a connection]
is [internet|a network|an internet connection|wifi] [needed|required|necessary]
do I need [internet|a network|wifi|to be online|a connection]
must I be online
offline?
what works offline
is it usable offline
will it still work when offline
""")

topic("metered", "metered|data&local|device", """
On a metered connection Amphi spares the data: it prefers the model on the device, and uses the cloud only when the local model can't answer. The network probe reports whether the connection is metered.
""",
    more="The probe of the device, or the app itself, reports whether the network is metered. The policy then ranks local routes first and records this reason in the decision. You can try it with a device file: --device FILE pushes your own facts.",
    why="Because every cloud answer costs data on a metered connection, and an answer on the device costs none.",
    off="Use --mode prefer_cloud, or change the metered rule in a policy file and pass it with --policy FILE.",
    cond="""
the [network|connection|wifi|link|internet|data plan] is metered
I am [roaming|on mobile data|on a metered connection|on a hotspot|on cellular|on a limited data plan|on a metered network|on 4g|on 5g|abroad]
the connection [costs money|is expensive|has a data cap|costs per megabyte|is paid by the megabyte]
the user [is roaming|pays per megabyte|has a small data plan|is on cellular]
[mobile data|data|cellular] is [expensive|limited|capped]
my data plan is [small|limited|almost used up]
I pay for [every megabyte|data]
""",
    case="""
a metered network
a metered connection
metered
roaming
mobile data
a data cap
an expensive connection
metered wifi
cellular data
a limited data plan
""",
    ask="""
does {amphi} [use|eat|waste|burn|consume] [much|a lot of|my|] [mobile data|data|traffic|data volume]
how does it save [data|mobile data|traffic]
how much [data|traffic|mobile data] does {amphi} use
will it [use up|eat|burn] my data plan
does it know [that|when] the connection is metered
is mobile data spared
""")

topic("slow_network", "slow|late|round-trip&local|device", """
Amphi keeps moving averages of the round-trip time and the throughput. On a slow network it prefers the device, and if the first token of the cloud is late, a second route is started as a hedge. An answer that stops flowing is cut by the idle budget, and the next route continues it.
""",
    more="Every route has budgets for connecting, for the first token, for the pause between events and for the whole answer. When the first token is late, hedging starts the next route as well and the faster one wins. A route that misses its budget is given up, and the next one continues the answer.",
    why="Because waiting is worse than a slightly smaller model. The local model does not depend on the network at all.",
    cond="""
the {net} is [slow|bad|poor|weak|laggy|unstable|flaky|very slow|crawling|terrible|spotty]
the {cloud} is [slow|laggy|too slow|taking ages|very slow]
the {cloud} [takes too long|is slow to answer|needs ages|takes forever|lags|responds slowly]
I have [a slow|a bad|a poor|a flaky|a weak|an unstable] [network|connection|internet connection|signal]
the [latency|ping|round trip time|rtt] is [high|bad|very high|too high]
the signal is [weak|bad|poor]
I am on [edge|2g|3g|a slow train|a bad wifi]
the bandwidth is [low|small|tiny]
I only have one bar
""",
    case="""
a slow network
a slow connection
high latency
a bad connection
a weak signal
a flaky network
slow internet
poor reception
low bandwidth
a laggy connection
a slow cloud
""",
    ask="""
how does {amphi} measure the [network|speed of the network|latency|connection]
does the [network speed|latency|connection speed|bandwidth] matter
does it measure [the network speed|latency|how fast the network is]
how long does it wait for a slow network
""")

topic("thermal", "hot|heat|warm|cool&cloud", """
When the phone is hot, Amphi first uses fewer threads and then sends requests to the cloud, so that the device can cool down. If it turns critical during a local answer, the local run stops and the cloud finishes the answer on the same stream. Private requests are never sent out; they wait or get a shorter local answer.
""",
    more="The policy reads the thermal state and the headroom. It degrades in steps: fewer threads, a shorter answer, then the cloud. The thresholds have hysteresis, so that the local model only returns when the device is clearly cooler.",
    why="Because computing heats the device even more, and a throttled processor answers slowly anyway. The cloud lets the phone cool down.",
    off="Change the thermal limits in a policy file and pass it with --policy FILE, or use --mode only_local. I would leave the protection on.",
    cond="""
{phone} is {hot}
{phone} [overheats|gets hot|gets too hot|heats up|becomes warm|gets warm|burns my hand|is burning hot]
it [gets|is] [hot|too hot|warm|very hot]
the temperature is [high|too high|critical|rising]
the [cpu|processor|chip|soc] is {hot}
the thermal state is [critical|serious|severe|bad]
it gets hot [in my hand|in my pocket|while it runs|here|outside]
the device [throttles|is throttled|is thermally limited]
the phone lies in the sun
""",
    case="""
a hot phone
heat
a hot device
overheating
high temperature
thermal throttling
thermal pressure
a warm phone
an overheated phone
temperature
the heat
thermal state
thermals
""",
    ask="""
and on a hot phone
and on a hot device
and in the heat
does [heat|temperature|the temperature] [matter|affect the route|change anything|play a role]
does {amphi} [heat up|make hot|overheat|cook] [my phone|the phone|the device]
will it [cook|overheat|melt] my phone
how does it keep the phone cool
does it watch the temperature
what is thermal headroom
local or cloud on a hot phone
""")

topic("memory", "memory&cloud|smaller|unload", """
Before a local run Amphi predicts the memory it needs: weights, KV cache and scratch. If that does not fit under 70 percent of the device's memory, it takes a smaller model or the cloud. Above 80 percent use the model is unloaded, and all its memory comes back, because the worker process exits.
""",
    more="The predicted need is weights plus KV cache plus scratch. A memory budget smaller than the model still works, block by block, and the budget is never passed. If memory turns critical in the middle of an answer, the local run is stopped and the next route continues on the same stream.",
    why="Because the system kills apps that take too much memory. Giving the model's memory back early keeps your app alive.",
    off="Change the memory limits in a policy file and pass it with --policy FILE.",
    cond="""
{mem} is [short|low|tight|full|scarce|critical|nearly full|running out|almost used up|under pressure]
there is [not enough|too little|little|no|hardly any] {mem} [left|free|available|]
{phone} [runs out of memory|has little memory|has only 2 gb of ram|is low on memory|has not enough ram|runs low on ram|is out of memory]
the model [does not fit|doesn't fit|is too big|is too large] [in memory|into memory|for the phone|for my ram|]
the system [needs memory|is under memory pressure|wants memory back|sends a memory warning]
memory pressure [is high|rises|comes|gets critical]
[other apps|another app] [need|needs|takes|take] [the|all the|] memory
I run out of {mem}
the app gets a memory warning
""",
    case="""
low memory
memory pressure
little memory
memory
not enough ram
a memory warning
out of memory
short memory
a phone with little memory
low ram
tight memory
oom
an out of memory situation
""",
    ask="""
how much {mem} does {amphi} [need|use|take|require]
how much {mem} [is needed|do I need|is used]
does {amphi} [use|need|take] [a lot of|much|too much] {mem}
and memory
what about memory
is there a memory [limit|budget|cap]
can I limit [the memory|memory use|ram usage]
what is the memory budget
when is the model unloaded
does it free memory
how is the memory need [predicted|estimated|computed]
""")

topic("crash", "cloud|next route|other&stream|continue|takes over|goes on", """
The local engine runs in its own process, so your app does not crash with it. Amphi notices its death at once, and the cloud takes over on the same stream: it gets the text so far and goes on from there, or starts the answer again. The user sees one answer with one end, and the worker is started again for the next request.
""",
    more="The worker's signal handler writes to an event descriptor before the process dies, so the parent knows within microseconds. Heartbeats catch a worker that hangs. The next route gets the delivered text, and its first words are held back until it is clear that they go on from there; if they do not, the caller gets a replace event and the answer starts again. A crash ledger counts crashes per model and kernel set.",
    why="Because model files are untrusted input and native code can crash. A separate process turns a crash into an event.",
    cond="""
the {local} {crashes}
the {local} {crashes} [in the middle of a sentence|half-way|while answering|in mid-sentence|during an answer|while it talks|mid answer]
I kill the {local}
I kill the engine [in the middle of a sentence|in mid-sentence|while it answers|]
the engine {crashes}
the model {crashes}
the local side {crashes}
somebody kills the [worker|engine|model process]
the system kills the [worker|engine|model process]
the worker process [gets a signal|runs into a bug|has a segfault|gets a SIGKILL]
it crashes
it {crashes} [half way|in the middle|suddenly]
[llama|the inference|inference] {crashes}
the model [hangs|freezes|gets stuck|stalls|produces garbage]
you [crash|die]
I kill you
""",
    case="""
a crash
crashes
a crash of the local engine
a dead worker
a killed engine
an engine crash
a segfault
a local crash
a hanging model
a crash in the middle of an answer
the death of the worker
""",
    ask="""
and if you crash
will [the user|I|the users|anyone|my users] [notice|see|feel] a crash
does my app crash [too|as well|with it|when the model crashes|]
can the [model|engine|local engine] crash my app
is it crash-safe
what does crash-safe mean
is {amphi} [stable|robust|crash proof|reliable]
how does it survive a crash
what about crashes
do I lose the answer when it crashes
how fast is a crash noticed
""")

topic("takeover", "stream&continue|takes over|goes on", """
Takeover means that another route continues an answer when the first one fails. The text so far is handed to the next engine, and its first words are held back until it is clear that they go on from there, on the same stream. If they do not, the caller gets a replace event and the answer starts again. Either way there is exactly one end, and a cut answer is never reported as complete.
""",
    more="The takeover event says which route took over and whether the answer was continued or restarted. After a tool call was delivered nothing is replayed, so that no action happens twice. The decision record in the history shows both routes.",
    why="Because a chat that stops in the middle of a sentence feels broken. The user should get one whole answer, whoever writes it.",
    thing="""
takeover
a takeover
the takeover
crash-safe takeover
failover
the failover
the handover
fallback
the fallback
mid-stream takeover
""",
    ask="""
how does [takeover|the takeover|failover|the fallback|switching engines] work
how does it [switch|change|move] [engines|from one engine to another|over] [in the middle of an answer|mid-sentence|half-way|]
how can the answer [go on|continue] [on another engine|after a failure]
what is a replace event
what does [continued|restarted] mean
is the answer [continued|restarted] after a takeover
does the [user|caller|app] [see|notice] [a takeover|the takeover|the switch|that another engine took over]
can it switch [mid-sentence|in the middle of an answer]
""")

topic("quarantine", "crash&three|quarantine|step", """
Amphi keeps a crash ledger on disk, per model, engine build and kernel set. Three crashes in a window step down: first plain kernels and fewer threads, then no local engine. Later a single probe request tests whether it can step up again.
""",
    more="The ledger survives restarts, so a model that crashes at every start can't take the app into a crash loop. It is kept per model hash, so another model is not punished for it.",
    why="Because an engine that crashed three times will probably crash again. Stepping down keeps the chat alive while the reason is found.",
    cond="""
the {local} crashes [again and again|three times|many times|repeatedly|all the time|every time|over and over|often|twice|in a loop|at every start]
it keeps crashing
it crashes [again and again|three times|repeatedly|every time]
the same model always crashes
""",
    thing="""
the crash ledger
crash quarantine
the quarantine
the crash counter
""",
    case="""
repeated crashes
a crash loop
many crashes
three crashes
a model that always crashes
""",
    ask="""
does it remember crashes
how many crashes are [allowed|tolerated]
will it try the [local model|local engine] again after [crashes|a crash]
how does it avoid a crash loop
what is a crash ledger
""")

topic("cloud_cut", "cloud|connection&local|device", """
If the cloud connection is cut in the middle of an answer, the local model gets the text so far and continues on the same stream. An answer only counts as complete with its finish reason and end marker, so a cut one is never reported as a success.
""",
    more="A cut is noticed by the missing finish reason, by a closed connection or by the idle budget between two events. A request that went silent is not sent again to the same endpoint. The next endpoint or the local model gets the delivered text and goes on, or the answer starts again with a replace event.",
    why="Because a truncated answer must never look like a complete one, and the user should not have to ask again.",
    cond="""
the {cloud} connection [is cut|breaks|drops|dies|is lost|is interrupted|goes away|fails] [in the middle of an answer|half-way|mid-stream|]
the {cloud} [fails|is down|is unreachable|does not answer|goes down|returns an error|breaks off|has an outage|stops answering|is unavailable|times out|goes silent|stops in the middle|gives a 500|is overloaded]
the connection [breaks|is cut|drops] [in the middle of an answer|while the cloud answers|mid-sentence|half-way through]
the stream [breaks|is cut|stops] half-way
openai [is down|fails|has an outage|does not respond|is not reachable]
the provider [is down|fails|has an outage|refuses]
the cloud answer is [cut|truncated|incomplete|cut off]
the server hangs up
I get a timeout from the cloud
""",
    case="""
a cut connection
a cloud failure
a cloud outage
an outage
an api error
a truncated answer
a broken stream
a dead cloud
a server error
a cloud error
a dropped cloud connection
an unreachable endpoint
""",
    ask="""
and if the cloud [fails|is down|breaks|dies]
how does it know [that the answer is complete|that an answer is truncated|when an answer is finished]
what about cloud errors
can a [half|cut|truncated] answer look complete
""")

topic("rate_limit", "wait|retry|delay|Retry-After", """
When the cloud says too many requests, Amphi obeys the delay in Retry-After or in the body, and meanwhile another route answers. Retries use full jitter, so that a fleet of phones does not come back all at once.
""",
    more="A request that went silent is not sent again to the same endpoint. Each endpoint also has a breaker with a rolling window: after too many failures it is left alone for a while.",
    cond="""
I [hit|reach|exceed] the rate limit
the {cloud} [says too many requests|returns 429|rate limits me|answers with 429|is rate limited|throttles me]
I get a 429
I send too many requests
the quota is [used up|exceeded]
""",
    thing="""
the retry
retries
rate limiting
the retry logic
Retry-After
""",
    case="""
rate limits
a 429
too many requests
""",
    ask="""
does {amphi} [retry|try again|repeat failed requests]
how often does it retry
does it obey retry-after
how does it retry [failed requests|]
""")

topic("breaker", "breaker|endpoint|failures", """
Each endpoint has a circuit breaker with a rolling window. After too many failures the endpoint is left alone for a while, and then one probe request tests whether it works again.
""",
    more="The state of each breaker is one of the inputs of the policy, so a broken endpoint is refused with that reason in the decision record.",
    thing="""
a breaker
the breaker
the circuit breaker
circuit breakers
breakers
the endpoint health
""",
    ask="""
does it have a circuit breaker
what does the breaker do
how does it avoid a broken endpoint
does it keep asking a broken server
when is an endpoint left alone
what does health of a route mean
""")

# ------------------------------------------------------------------ privacy and storage

topic("private", "private&socket|device|network|leaves", """
A private request never reaches a socket, on any path: not for the answer, not for a takeover, a hedge or the outbox. It is answered on the device or not at all. Mark it with --private; the check stands in one place, before any byte leaves.
""",
    more="Modes express a preference, but private is a constraint of its own. It also holds for takeover, hedging, retries and the outbox, and for later turns: a conversation with private turns is answered on the device, or goes to the cloud without them when the policy says private_history omit. If the local engine can't answer a private request, you get a clear error and the request is never sent to the cloud.",
    why="Because some messages must not leave the device under any condition. One check in one place is easy to prove.",
    off="Leave out --private. Then the usual policy decides.",
    thing="""
private
private mode
the private flag
private requests
a private request
privacy
private messages
the private mark
""",
    do="""
[make|keep|mark] [a request|a message|my chat|a question|a conversation|it|this] private
keep [my data|a message|my question|my words|sensitive data|a secret] [on the device|local|from the cloud|away from the cloud|off the internet]
[stop|prevent] [a message|my data|my question|text] from [going to the cloud|leaving the device|leaving my phone|being uploaded]
send a private [message|request|question]
""",
    cond="""
a request is [private|marked private|marked as private]
I mark a [message|request|question] [private|as private]
[private is set|the private flag is set|private is on]
a private request [fails|can't be answered|crashes|meets a crash]
the local engine [crashes|fails] [on|during|in] a private request
I ask something private
""",
    case="""
private requests
sensitive questions
private data
secrets
privacy
confidential text
personal data
""",
    ask="""
what does private mean [here|exactly|in amphi|]
what is private
is {amphi} [private|safe for private data]
is my [chat|question|data|conversation|text] [private|safe|confidential|sent anywhere|sent to the cloud|uploaded]
are my [messages|chats|questions] [private|sent to a server|sent to the cloud|uploaded|safe|confidential]
does my [data|question|text|message] leave [the phone|the device|my phone|this machine]
do private [requests|messages] [ever|] [reach the network|go to the cloud|leave the device|touch the internet|use the network]
can a private [message|request] [leak|reach the cloud|leave the device|go online]
who can [read|see] my [question|questions|private messages]
does {amphi} [send|upload|leak|share|collect] my [data|chats|messages|questions]
do you [spy on me|collect data|listen to me|sell my data|send my data away|track me]
where is my question sent
is private stronger than the mode
what about privacy
how is my privacy [protected|guaranteed]
""")

topic("encryption", "encrypt|SQLCipher&256|key|SQLCipher", """
History, cache and outbox are stored in a SQLCipher database, encrypted with a raw 256-bit key. The key comes from the Keystore, the Keychain, libsecret or a key file with mode 0600. Without the key the file on disk is unreadable.
""",
    more="SQLCipher encrypts every page of the database. Amphi gives it a raw 256-bit key and no passphrase, so that opening takes well under a millisecond. amphi keys rekey changes the key, and amphi keys shred destroys it, which makes the whole history unreadable at once; that is called crypto-shredding.",
    why="Because a phone can be lost or stolen, and backups can be copied. Without the key the history is only noise.",
    off="A production build always encrypts. For experiments there is a build with AMPHI_STORE=memory, which keeps nothing on disk.",
    thing="""
the encryption
history encryption
the history encryption
SQLCipher
encryption at rest
the encrypted history
the encrypted database
""",
    case="""
encryption
history encryption
stolen phones
data at rest
""",
    cond="""
{phone} is [stolen|lost]
somebody [steals my phone|copies the database|reads the disk|copies the file|opens the database file]
a thief gets my phone
""",
    do="""
encrypt [the history|my chats|the database|my data]
protect [the history|my chats|stored messages|my data on disk]
""",
    ask="""
is {msgs} encrypted
are {msgs} encrypted
is the [history|database|data|store|storage|chat|cache|chat data] [encrypted|protected|secure|safe|readable on disk]
how is the [history|data|database|chat history|storage] [encrypted|protected|secured|kept safe]
how are {msgs} [encrypted|protected|secured|stored safely|kept safe]
which [encryption|cipher|algorithm] [is used|do you use|does it use]
what [encryption|cipher|algorithm|crypto] [is used|do you use|does amphi use]
can [someone|anyone|somebody|a thief|others|another app] read [my messages|my chats|the history|my history|my conversations]
is [everything|anything] [encrypted|stored in plain text|stored unencrypted]
are my messages stored in plain text
how [strong|good|secure|safe] is the encryption
is it AES
is it [secure|safe]
how long is the key
does it use [a passphrase|a password|sqlite|sqlcipher|aes]
do you encrypt [things|anything|my data|messages]
""")

topic("key_store", "0600|Keystore|Keychain&key", """
The database key comes from a key provider: the Keystore on Android, the Keychain on Apple systems, libsecret on a Linux desktop, or a key file with mode 0600 that only its owner can read. It is a random 256-bit key, made at the first start.
""",
    more="A key provider is an ops table like any other part, so an app can plug in its own. On Linux --keys file, libsecret or keyring chooses the place. amphi keys rekey writes the database anew with a new key, and amphi keys shred makes all data unreadable.",
    why="Because the key must not lie next to the data where anyone can read it. The key store of the platform guards it best.",
    thing="""
the key provider
the key file
the database key
""",
    do="""
change the [database key|encryption key|key of the database|key of the history]
rekey the database
""",
    cond="""
I lose the [key|database key|key file|encryption key]
the key file is [deleted|lost|gone|missing]
""",
    ask="""
where is the [encryption key|database key|key file|history key|master key|key of the database|key that encrypts the history] [kept|stored|saved|]
who [has|holds|knows] the [encryption key|database key|key to my history]
which [mode|permissions] does the key file have
what file mode does the key [file|] have
how is the [database key|encryption key] [protected|stored|made|created]
where does the [encryption|database] key come from
what does mode 0600 mean
can the [database|encryption] key be changed
""")

topic("data_dir", "--data&XDG|directory|folder", """
Everything lies in one directory. Choose it with --data DIR; without this option Amphi uses the XDG data directory of your user. The database in it is encrypted.
""",
    more="The directory holds the encrypted database, with history, cache, outbox and crash ledger, and the key file if the key provider is a file. Two directories are two separate worlds, which is handy for tests.",
    off="Give an empty directory with --data DIR and delete it afterwards. Then nothing stays behind.",
    thing="""
the data directory
the data folder
the --data option
""",
    do="""
change the [data directory|folder|location|data folder|place of the database|storage location]
[move|put|keep|store|save] [the data|my data|the history|the database] [somewhere else|in another folder|in another directory|on another disk|elsewhere]
find [the data|my data|the database|the files of amphi]
use another [data directory|folder for the data]
""",
    ask="""
where is [my data|the data|the history|the database|my history|everything|my chat history|the chat history] [stored|saved|kept|]
where are {msgs} [stored|saved|kept]
where are my [files|chats|messages|conversations|old chats]
where does {amphi} [store|keep|save|put|write] [its data|the data|my data|my chats|the history|files|everything|messages|things]
in which [folder|directory] [is the data|is my history|are the files|does it write]
which [folder|directory|path|place] [does it use|is used|holds the data]
what is the data [directory|folder|dir]
where on disk is [the database|it|everything]
what does --data do
what files does it [write|create|leave]
what is the default [directory|data directory|path]
""")

topic("cache", "cache&1,000|same|table|again", """
Amphi keeps the answers to requests with temperature 0, so that the same question costs nothing the second time. There are 1,000 entries in memory in front of a bounded, encrypted table on disk. Entries expire, and --no-cache turns the cache off.
""",
    more="The key of an entry is an HMAC over the canonical request, so the table does not show what was asked. Entries have a time to live. Other requests, and questions in other words, are only cached where the request or the policy asks for it; near hits are refused when numbers, negations or content words differ. Several gateways can share one cache in Redis. Identical requests in flight join the first one.",
    why="Because the same question is often asked again. A cached answer is instant, costs nothing and works offline.",
    off="Add --no-cache to the command. Then this request neither reads nor fills the cache.",
    thing="""
the cache
the response cache
caching
the answer cache
response caching
the shared cache
""",
    cond="""
I ask the same [thing|question] [twice|again|two times|once more]
the same question [comes|is asked] [again|twice|a second time]
I repeat [a question|myself|the same question]
two [users|threads|requests] ask the same [thing|question]
""",
    ask="""
how [big|large] is the cache
how many [entries|answers] [does the cache hold|fit in the cache|are cached]
are answers [cached|reused|remembered|stored|kept]
is there a cache
does {amphi} [cache|reuse|remember] [answers|responses|results|replies]
do I pay twice for the same question
why [was|is] [the answer|that|this] so fast
is the cache encrypted
how long are answers [cached|kept in the cache]
what is a near hit
does the cache work offline
what gets cached
""",
    follow=[
        ("is it encrypted\nis that encrypted\nis it secure",
         "Yes. The table on disk is in the SQLCipher database, and the key of an entry is an HMAC, so the cache does not show what was asked.", "encrypt|SQLCipher|HMAC"),
        ("how [big|large] is it\nhow much fits\nhow many entries",
         "The cache holds 1,000 entries in memory, in front of a bounded table on disk.", "1,000"),
        ("does it survive a restart\nis it kept after a restart\nand after a restart",
         "Yes. The entries in memory are gone after a restart, but the encrypted table on disk stays.", "disk|stays|table"),
    ])

topic("cache_off", "--no-cache", """
Add --no-cache to the command. Then this request neither reads the cache nor fills it.
""",
    why="Because a fresh answer is sometimes what you want, for instance in a test.",
    thing="""
--no-cache
the no-cache option
""",
    do="""
[turn off|switch off|disable|stop|skip|avoid|bypass|deactivate] [the cache|caching|the response cache|cached answers|the answer cache]
[get|force] [a fresh answer|an answer without the cache|a new answer|an uncached answer]
[run|ask|chat] without [the cache|a cache|caching]
turn the cache off
not use the cache
ignore the cache
""",
    ask="""
what does --no-cache do
how do I turn [the cache|caching] off
cache off
no cache please, how
I don't want [the cache|cached answers]
""")

topic("outbox", "outbox|queue&once|sent", """
If every route fails, the message goes into the durable, encrypted outbox and you get a queued event. It has an idempotency key, so it is sent once when a route returns, even after a restart. See it with amphi outbox.
""",
    more="The command amphi outbox lists the waiting messages, and amphi outbox send tries them at once. The outbox is bounded in size and age, and within a conversation the order is kept. A message that is too old expires and keeps its text until amphi outbox collect; amphi outbox cancel forgets one that waits. The idempotency key lets the server recognise a message that it has already seen, so a crash between sending and noting it does no harm. Private messages are never sent from it to the cloud.",
    why="Because a message that the user has sent must not get lost. Amphi says honestly that it is waiting, and sends it later.",
    off="Add --no-queue. Then a request that no route can answer ends with an error and is not kept.",
    thing="""
the outbox
an outbox
the queue
the message queue
the send queue
queued messages
a queued event
""",
    cond="""
[every|all] [route|routes|engine|engines] [fails|fail|has failed|have failed|is down|are down]
[nothing works|nobody can answer|no engine can answer|no route is left|everything fails|neither the cloud nor the local model works]
[both|both sides|local and cloud|cloud and local] [fail|are down|are gone|are unavailable]
there is neither [a model nor a network|network nor model|cloud nor local model]
a message [can't|cannot|could not] be [sent|answered|delivered]
the phone restarts [with|while there are] messages [waiting|in the queue|in the outbox]
I have no model and no network
""",
    case="""
unsent messages
queued messages
a message that nobody can answer
failed messages
total failure
waiting messages
""",
    ask="""
what does queued mean
where do unsent messages go
are [messages|my messages|unsent messages] [lost|dropped|kept|gone] [when everything fails|when offline|]
can a message [get lost|be lost|be sent twice|arrive twice]
is a message ever sent twice
will my message be sent [later|when I am back online|when the network returns|]
when is the outbox [sent|emptied|flushed]
does the outbox survive a [restart|reboot|crash]
how does it avoid [sending twice|duplicates|double messages]
what is an idempotency key [for|]
why is my message [queued|waiting]
is the outbox [encrypted|durable|persistent|limited]
""",
    follow=[
        ("does it survive a [restart|reboot|crash]\nand after a restart\nis it kept after a restart\nand if [the phone|it] restarts",
         "Yes. The outbox is on disk, so a waiting message survives a restart and is sent once when a route returns.", "yes|survive"),
        ("is it encrypted\nis that encrypted",
         "Yes. The outbox is a part of the SQLCipher database, with a raw 256-bit key.", "SQLCipher|encrypt|yes"),
        ("can it be sent twice\nis it sent twice\nwhat if it is sent twice\nand duplicates",
         "No. Each message has an idempotency key, so it is sent once and a repeat is recognised.", "once|idempotency"),
    ])

topic("history", "history&amphi history", """
amphi history lists your conversations, and amphi history NAME shows the messages of one. With --why you see the whole record of each answer. The history is encrypted on disk and survives restarts.
""",
    more="The message, its route, usage, timing and the decision record are written in one transaction. The history has full-text search, retention rules, and export and import as JSON Lines. amphi history check verifies the database, repair saves what can be read of a damaged one, and backup copies it while it is in use.",
    why="So that a chat can go on after a restart, and so that you can see later why an answer came from where it did.",
    thing="""
the history
the chat history
amphi history
conversation history
the history command
""",
    do="""
[see|show|list|read|view|open|look at|get|print] [my history|the history|old chats|past conversations|earlier messages|my conversations|previous chats|old messages|past messages]
continue an old [chat|conversation]
go back to an earlier conversation
""",
    cond="""
I restart [the app|amphi|it|the program|the phone]
the app [restarts|is restarted|is killed]
the phone reboots
""",
    ask="""
does {amphi} [remember|keep|save] [my chats|our conversation|old messages|conversations|my messages|what I said]
is the [chat|conversation] [saved|kept|stored|gone after a restart]
does the history survive a restart
are conversations [saved|kept|remembered]
do you remember [me|what I said yesterday|our last chat|earlier chats]
is anything lost after a restart
what is [stored|kept|saved|written down] [about me|in the history|]
is there a chat history
""",
    follow=[
        ("is it encrypted\nis that encrypted\nis it secure\nis it safe",
         "Yes. The history is in a SQLCipher database with a raw 256-bit key, so the file on disk is unreadable without it.", "SQLCipher|encrypt"),
        ("where is it [stored|kept|]\nwhere\nin which folder",
         "In the directory given with --data DIR, and by default in your XDG data directory.", "--data|XDG"),
        ("does it survive a restart\nand after a restart",
         "Yes. What Amphi has acknowledged is on disk, so the history is complete after a restart.", "yes|disk"),
        ("can I [search|export|delete] it\nhow do I [search|export|delete] it",
         "Yes. The history has full-text search, can be exported as JSON Lines, and single conversations or all of it can be deleted.", "search|export|JSON|delete"),
    ])

topic("history_search", "search|full-text", """
Yes, amphi history search WORDS is a full-text search over all messages. The index lies in the same encrypted database.
""",
    do="""
search [my history|the history|old messages|my chats|in my messages|old chats|for a word in my chats]
find [an old message|a message|something in the history|a word in my chats]
""",
    ask="""
is there a search [in the history|]
is there full-text search
can the history be searched
is my history searchable
""")

topic("history_export", "JSON Lines|export", """
amphi history export and import write and read conversations as JSON Lines; private ones are left out unless you add --include-private. The exported file is plain text, so keep it in a safe place.
""",
    do="""
export [my history|the history|my chats|my data|a conversation|conversations|messages]
import [a history|conversations|old chats|messages]
[back up|backup] [my history|my chats|the data|the history]
[move|transfer] my [history|chats] to another [phone|device|machine]
[get|download] [my data|my chats] out
""",
    ask="""
can I take my [data|history|chats] with me
which format does the export use
what is the export format
is there an export
""")

topic("history_delete", "delete|destroy|shred", """
Use amphi history delete NAME to delete a conversation and every copy of it for good. amphi history erase-all deletes everything, and amphi keys shred destroys the key, so that what is left on any disk can never be read again.
""",
    do="""
[delete|erase|clear|remove|wipe|purge|destroy|get rid of] [my history|the history|my chats|a conversation|my data|all data|everything|old messages|my messages|all my chats]
forget [everything|me|my messages|a conversation]
shred [the data|my history|everything]
""",
    thing="""
crypto-shred
crypto-shredding
retention
""",
    ask="""
how long is [my history|the history|a message] kept
are [deleted messages|deleted chats] really gone
is there a retention rule
can I delete everything
does it ever delete [old messages|anything]
""")

# ------------------------------------------------------------------ modes

topic("modes", "only_local&prefer_cloud", """
There are five modes: auto, prefer_local, prefer_cloud, only_local and only_cloud. In auto the policy decides from the facts. The prefer modes put one side first but keep the other as a reserve, and the only modes forbid the other side.
""",
    more="A mode can be set for the client, in the policy file or for a single request, and a rollout can change it from a server. A private request stays on the device in every mode.",
    why="Because apps differ: one wants every answer from the device, another wants the best answer the cloud can give.",
    thing="""
the modes
the --mode option
a mode
modes
mode
""",
    do="""
[change|set|choose|pick|switch|select] the mode
switch [modes|to another mode]
[force|fix|choose] the [route|engine]
""",
    ask="""
which modes [are there|exist|do you have|does amphi have|can I use|does it support]
what modes [are there|exist|do you have]
how many modes [are there|]
list [the|all|] modes
what [are|is] the [modes|difference between the modes|available modes|five modes]
what does --mode do
which mode [should I use|is best|is right for me]
explain the modes
can I choose the engine myself
how do I [choose|pick] between local and cloud myself
""")

topic("mode_auto", "auto&policy|decides", """
In auto, the default mode, the policy decides for each request from the battery, memory, heat, network, costs and the health of the routes.
""",
    more="Auto keeps both sides in the plan. The order of the routes changes with the facts, and amphi route --explain shows it.",
    thing="""
auto
auto mode
mode auto
the auto mode
automatic mode
the default mode
""",
    do="""
use auto mode
let amphi decide
let it choose by itself
""",
    ask="""
what does auto [do|mean]
what is the default mode
which mode is the default
what does --mode auto do
""")

topic("mode_prefer_local", "prefer_local&local|device", """
With prefer_local the model on the device answers whenever it can. The cloud stays in reserve, for a crash, too little memory or a request that the model can't handle.
""",
    more="Choose it with --mode prefer_local. It suits apps that want low costs and short delays but still want an answer when the device is in trouble.",
    thing="""
prefer_local
prefer local
mode prefer_local
the prefer_local mode
prefer-local
preferring local
""",
    do="""
prefer [the local model|local answers|the device|on-device answers|my own model]
use the [local model|device] first [and the cloud as a reserve|and the cloud only if needed|]
put [local|the device] first
""",
    ask="""
what does prefer_local [do|mean]
what does --mode prefer_local do
how is prefer_local different from only_local
""")

topic("mode_prefer_cloud", "prefer_cloud&cloud", """
With prefer_cloud the cloud answers whenever it is reachable. The local model stays in reserve, for a lost network or a failing endpoint.
""",
    more="Choose it with --mode prefer_cloud. It suits apps that want the largest model but must go on working in a tunnel.",
    thing="""
prefer_cloud
prefer cloud
mode prefer_cloud
the prefer_cloud mode
prefer-cloud
preferring the cloud
""",
    do="""
prefer [the cloud|cloud answers|the remote model|the api]
use the cloud first [and the local model as a reserve|and the device only if needed|]
put the cloud first
""",
    ask="""
what does prefer_cloud [do|mean]
what does --mode prefer_cloud do
how is prefer_cloud different from only_cloud
""")

topic("mode_only_local", "only_local&cloud|device|network", """
With only_local nothing is sent to the cloud: the model on the device answers, or you get an error. Choose it with --mode only_local.
""",
    more="In this mode the plan has local routes only. If the model can't run, the request fails with a clear status, and no byte is sent.",
    thing="""
only_local
only local
mode only_local
the only_local mode
only-local
local only
""",
    do="""
[use|run|answer with|take] only the [local model|device|local engine|model on the device]
never use the cloud
[turn off|disable|switch off|block|forbid|avoid|stop using] the [cloud|cloud api|remote endpoints]
[stay|run|work] [fully|completely|entirely|100%|] [offline|local|on the device]
[stop|prevent] amphi from using the cloud
force [local|the local model|the device]
not use the cloud
""",
    ask="""
what does only_local [do|mean]
what does --mode only_local do
can I use it without any cloud
can it run [fully|completely|purely] [local|offline|on the device]
I don't want the cloud
is the cloud [needed|required|optional]
do I need [the|a] cloud
does it work without a cloud endpoint
""")

topic("mode_only_cloud", "only_cloud&local|cloud", """
With only_cloud the local model is never used. If the cloud can't be reached, the answer comes from the cache or the message waits in the outbox. Choose it with --mode only_cloud.
""",
    more="In this mode the plan has cloud routes only, and no local model is loaded. A private request is refused in this mode, since it may not leave the device.",
    thing="""
only_cloud
only cloud
mode only_cloud
the only_cloud mode
only-cloud
cloud only
""",
    do="""
[use|take|ask] only the [cloud|api|remote model|cloud api]
never use the local model
[turn off|disable|switch off|avoid|stop using] the [local model|local engine|on-device model]
force [the cloud|cloud]
always use the cloud
""",
    ask="""
what does only_cloud [do|mean]
what does --mode only_cloud do
can I use it without a local model
I don't want the local model
do I need a local model
""")

# ------------------------------------------------------------------ steering

topic("rollout", "rollout|release&server|GrowthBook|fleet", """
A rollout steers from a server how many devices use the local model. Amphi reads GrowthBook's payload format with its exact bucketing; the feature amphi.policy overrides fields of the policy. Name the payload with --rollout, and see the state with amphi rollout show.
""",
    more="Any GrowthBook server, or a static file on a CDN, can steer a fleet. Payloads are signed with ES256, carry a version that can't go back and an expiry, and are fetched with ETag. The last good one is kept. If the error rate of the treated group on a device passes a limit, that device returns to its control value.",
    why="Because a new local model should reach a few users first. If something is wrong, you see it early and turn it back without a new app version.",
    off="Set the feature amphi.policy back to its control value on the server, or start Amphi without --rollout. Then the local policy document alone counts.",
    thing="""
the rollout
a rollout
the gray release
gray release
grey release
a gray release
the staged rollout
remote config
the feature flags
amphi.policy
GrowthBook
canary release
""",
    do="""
[roll out|release|ship|deploy] [the local model|a new model|it] [step by step|slowly|gradually|to some users|to 5 percent of users|to a few users|]
[steer|control|manage|configure] [the fleet|my devices|all phones|my users' phones|the policy] [from a server|remotely|from outside]
change the policy [remotely|from a server|without an update|for all users]
do a [gray|gradual|staged|canary] [release|rollout]
run an A/B test
test a model with [5 percent|a few] [of users|users]
use growthbook
""",
    ask="""
does {amphi} support [gray releases|rollouts|growthbook|feature flags|a/b tests|remote config|canary releases]
which format does the rollout [use|have|payload have]
what is growthbook [for|]
who [controls|steers] the rollout
can a server [steer|change] [the routing|the policy|the mode]
is the [rollout payload|payload|remote config] signed
how does bucketing work
what is amphi.policy
how does a gradual release work
""")

topic("kill_switch", "rollout|payload|server|amphi.policy&local|cloud|mode", """
Yes. A payload with the feature amphi.policy can turn the local model, or the cloud, off for the whole fleet at once. Each client also falls back to its control value by itself when the crash or error rate of the treated group passes a limit.
""",
    more="Set local.enabled to false in the feature amphi.policy on the server. Each device takes the new payload at its next fetch, checks its signature and version, and follows it from the next request on.",
    why="Because a bad model must be stopped within minutes, without waiting for a new app version.",
    thing="""
the kill switch
a kill switch
the emergency stop
the emergency off
""",
    do="""
[turn off|disable|stop|kill|switch off] the local model [on all devices|for all users|remotely|everywhere|for everyone|from the server]
stop a bad [rollout|release|model]
[roll back|revert|undo] a [rollout|release]
pull the [plug|emergency brake]
""",
    cond="""
a [rollout|release|new model] goes wrong
a new model [is bad|crashes everywhere|makes trouble|causes crashes]
the error rate rises [in a rollout|after a release]
the rollout makes trouble
""",
    ask="""
is there a kill switch
is there an emergency stop
how does the kill switch work
can I turn it off for all users at once
does a rollout roll back by itself
is there an automatic rollback
""")

topic("rollout_show", "amphi rollout show", """
Run amphi rollout show --rollout FILE, or with a URL. It prints your bucket, the rule that chose, the value of the feature amphi.policy, and the whole policy in force.
""",
    do="""
[see|show|check|inspect|view|print] the [rollout|rollout state|state of the rollout|feature flags|bucket|gray release]
see which [group|bucket|variation] I am in
find out [which rollout|which group] [is active|I am in]
""",
    thing="""
amphi rollout show
the rollout command
""",
    ask="""
in which [group|bucket|variation] am I
which rollout is active
what does amphi rollout show [do|print|tell me]
am I in the [test group|treated group|rollout]
""")

topic("hedging", "first token|late&second|next|both|wins", """
If the first token of a route is late, Amphi starts the next route as well. The one that speaks first wins, and the other is cancelled. That is hedging; cloud.hedge_ms in the policy turns it on.
""",
    more="The hedge time is a part of the plan for each request. A private request is never hedged to the cloud. The decision record shows whether a hedge was started and who won.",
    why="Because a few requests are always much slower than the rest. A second route in time hides these outliers from the user.",
    off="Set the hedge time to zero in a policy file and pass it with --policy FILE.",
    thing="""
hedging
a hedge
the hedge
the hedge time
hedged requests
""",
    cond="""
the first token [is late|comes late|takes too long|does not come]
a route [is late|is slow to start|does not start]
""",
    ask="""
what does hedging mean
does it start two requests at once
can both [sides|engines] answer at the same time
how does hedging work
does it ask both at once
who wins the race
""",
    follow=[("does that cost [more|money|twice]\nis that expensive\ndo I pay twice",
             "A little. The second request is only started when the first one is late, and the loser is cancelled at once.", "cancel|late")])

topic("budgets", "connect&first token|idle", """
Every route has four time budgets: for connecting, for the first token, for the pause between two events (idle) and for the whole answer. A route that passes one of them is given up, and the next route takes over. You set them in the policy file.
""",
    more="Separate budgets tell a slow start from a stalled answer. The idle budget catches a connection that went silent, and the total budget ends an answer that never stops. There are also budgets for cost and latency among the inputs of the policy.",
    why="Because one large timeout is useless: it is too long for a dead connection and too short for a long answer.",
    off="Set large values in a policy file and pass it with --policy FILE. The defaults are a good start.",
    thing="""
budgets
the budgets
the timeouts
the time budgets
timeouts
the idle budget
the time limits
""",
    do="""
[set|change|raise|lower|configure|increase] [the timeout|timeouts|a timeout|the budgets|a budget|the time limit|the idle timeout]
""",
    ask="""
which budgets are there
is there a timeout
what is the timeout
how long does {amphi} wait [for an answer|for the cloud|for the first token|]
when does it give up [on a route|on the cloud|]
what budgets [are there|do you have|exist]
what are budgets [for|]
how long before it gives up
""")

topic("confidence", "uncertain|confidence|sure&cloud", """
If the first tokens of a local answer are too uncertain, Amphi can move the request to the cloud before anything is shown. This confidence handoff only happens where the policy allows it, and never for private requests.
""",
    why="Because a small model sometimes does not know the answer, and its own uncertainty shows that early.",
    off="Switch the confidence handoff off in a policy file and pass it with --policy FILE.",
    thing="""
the confidence handoff
confidence handoff
the handoff
""",
    cond="""
the local model is [unsure|uncertain|not sure|not confident]
the local model does not know the answer
the [local answer|answer] is [uncertain|bad|weak]
""",
    ask="""
does it notice when the local model is [unsure|bad|uncertain]
what if the local answer is bad
can it hand over a hard question to the cloud
are hard questions sent to the cloud
""")

topic("degrade", "fewer threads&smaller|shorter|cloud", """
Amphi degrades before it refuses: fewer threads, then a shorter context or answer, a smaller local model, then the cloud, then the cache, and last the outbox. You get the best answer that the moment allows.
""",
    thing="""
graceful degradation
degradation
the degradation ladder
""",
    cond="""
the device is [in trouble|weak|old|under load|busy|overloaded]
{phone} is [old|weak|slow|cheap|busy]
resources are short
""",
    case="""
old phones
a weak device
a slow phone
an overloaded device
a cheap phone
""",
    ask="""
what does graceful degradation mean
does it degrade [gracefully|step by step]
in which order does it degrade
what does it try before giving up
does it run on [old|weak|cheap] phones
""")

topic("long_context", "context&cloud|shorter", """
Amphi counts the tokens before anything starts. If a conversation is longer than a model's context, that route is refused with this reason, and a model with a larger context or the cloud answers. It may also use a shorter context where the policy allows.
""",
    cond="""
the [conversation|chat|prompt|text|question|input] is [too long|very long|longer than the context|huge|too big for the model]
I paste a [very long|huge|long] text
the context is [full|exceeded|too small]
the conversation gets long
""",
    thing="""
the context length
the context window
context length
the context limit
""",
    case="""
long conversations
a long chat
very long prompts
a full context
""",
    ask="""
how long can a [conversation|chat|prompt|question] be
how many tokens fit
what is the [maximum|max] [context|prompt length]
is there a limit [for|to] the length of a chat
""")

topic("multimodal", "image|tools&cloud|route|model", """
Images, audio and tools are passed through to a route that can handle them, which is usually the cloud. A local model without that ability is refused for such a request, with the reason in the decision record.
""",
    thing="""
tool calls
function calling
image input
multimodal requests
""",
    cond="""
I send [an image|a photo|audio|a picture|a voice message]
a request [needs|uses] [tools|function calling|images]
""",
    do="""
send [an image|a picture|audio|a photo]
use [tools|function calling|tool calls]
""",
    ask="""
does {amphi} support [images|tools|tool calls|function calling|audio|vision|pictures|voice]
can {amphi} [see images|handle images|call tools|call functions|hear me|read pictures]
are tool calls supported
can the local model see pictures
are images supported
""")

topic("cost", "cloud&cost|free|money", """
A local answer costs nothing but energy, and a cached one costs nothing at all. A cloud answer costs what your provider charges. The cache, the mode prefer_local and the rule for metered networks help to keep the bill small.
""",
    do="""
save [money|costs|api costs|cloud costs]
[reduce|lower|cut|limit] [the costs|my api bill|costs|the bill|cloud costs|cloud spending]
""",
    ask="""
what does a cloud answer cost
does the cloud cost money
are local answers free
how much does [a request|an answer|the cloud] cost
does it know [the price|what an answer costs]
is there a cost [limit|budget]
can I limit what I spend
will this get expensive
does using the cloud cost me anything
""")

# ------------------------------------------------------------------ options: endpoints, models, policy

topic("endpoint", "--endpoint&NAME=URL|URL", """
Use --endpoint NAME=URL,model=M,key-file=FILE. NAME is yours to choose, URL is an OpenAI-compatible address with https, M is the model's name there, and FILE holds the API key.
""",
    more="An endpoint can also carry ca=FILE for an own certificate authority and pin=sha256//BASE64 for a pinned key. You can give --endpoint several times. Check the result with amphi doctor.",
    thing="""
an endpoint
the endpoint option
--endpoint
endpoints
""",
    do="""
[add|set up|configure|connect|use|define|register] [an endpoint|a cloud endpoint|the cloud|a cloud api|openai|a cloud model|a provider|my own server|a cloud|the openai api|a remote model|an api|a remote endpoint]
connect [amphi|it] to [openai|the cloud|a cloud api|my server|an api|my own server|a provider]
[change|replace] the [endpoint|cloud provider|provider|server|url]
tell amphi which [api|server] to use
point it at [my server|openai|an openai compatible server|another server]
""",
    ask="""
which cloud [apis|providers|services] [work|are supported|can I use]
does {amphi} work with [openai|deepseek|mistral|groq|azure|openrouter|an openai compatible server|my own server|vllm|ollama]
what is an endpoint
what does --endpoint [do|take|look like]
what is the syntax of --endpoint
which providers do you support
what cloud does it use
""")

topic("api_key", "key-file", """
Put the key into a file that only you can read, and name that file in the endpoint: --endpoint NAME=URL,model=M,key-file=FILE. The key never stands on the command line, and the local engine never sees it.
""",
    more="The file holds only the key, on one line. The worker process of the local engine never sees it, and it never appears in a log or an error message. Each endpoint has a key file of its own.",
    why="Because a key on the command line shows up in the process list and in the shell's history. A file can be protected.",
    do="""
[add|set|use|give|enter|put in|configure|provide|store|pass|supply] [my|an|the|a] {key}
[change|replace|rotate|update] [my|the] {key}
authenticate [with|against] the [cloud|api|server]
log in to the cloud
""",
    thing="""
key-file
the key-file option
""",
    cond="""
my api key is [wrong|invalid|rejected|expired]
I get a 401
""",
    ask="""
where do I [put|enter|type|set|store|keep] [my|the|an] {key}
where does the {key} go
where goes the {key}
do I need an {key}
what is key-file
is my {key} safe
how does {amphi} get [my|the] {key}
who sees my {key}
does the local engine see my {key}
my openai key, where does it go
""")

topic("pin", "pin=sha256", """
Add pin=sha256//BASE64 to the endpoint: --endpoint NAME=URL,model=M,pin=sha256//BASE64. Then Amphi only accepts that public key, and a second pin serves as a backup.
""",
    more="The pin is the SHA-256 of the server's public key, as with SPKI pinning. Always have a backup pin, or a key change on the server locks you out. The check of the certificate authority stays on as well.",
    why="Because a pin protects you even when a certificate authority is tricked or broken.",
    off="Leave out pin= in the endpoint. The certificate is then checked against the certificate authorities as usual.",
    thing="""
a pin
pinning
certificate pinning
the pin option
key pinning
spki pins
""",
    do="""
[add|set|use|configure] a [pin|certificate pin|key pin|public key pin]
pin [the server|a certificate|the certificate|a key|the key of the server|an endpoint|my server's key]
[guard|protect] against [a man in the middle|fake certificates]
""",
    ask="""
does {amphi} support [certificate pinning|pinning|pins|ssl pinning]
what does pin= do
what is a pin
how does pinning work
which format does a pin have
what is a backup pin
""")

topic("ca", "ca=FILE", """
Add ca=FILE to the endpoint, with the certificate authority in PEM form: --endpoint NAME=URL,model=M,ca=FILE. The check itself can't be turned off.
""",
    thing="""
the ca option
ca=
a ca file
""",
    do="""
[add|use|set|configure|trust|give] [a ca file|a ca|my own ca|a self-signed certificate|a private ca|our company's ca|a custom certificate|my own certificate authority|an own root certificate]
connect to a server with [an own|a self-signed|a private] certificate
""",
    cond="""
my server has a self-signed certificate
the certificate is [not trusted|self-signed|unknown]
our company has its own ca
""",
    ask="""
does it accept self-signed certificates
what does ca= do
can I turn off certificate checks
can the certificate check be disabled
how do I use an internal certificate authority
""")

topic("second_endpoint", "--endpoint&again|twice|several|once more", """
Give --endpoint again with another name. Endpoints are tried by priority=N and weight=N, each with its own model and key, and if one fails the next takes over.
""",
    do="""
[add|use|configure|have|set up] [a second endpoint|two endpoints|several endpoints|another endpoint|more than one endpoint|a backup endpoint|two providers|multiple endpoints|a second cloud|a fallback provider|more endpoints|a second provider]
combine two providers
""",
    thing="""
a second endpoint
several endpoints
multiple endpoints
two endpoints
""",
    ask="""
can I have [two|several|multiple|more than one] [endpoints|clouds|providers|cloud apis]
how many endpoints can I have
does it support [several|multiple|many] [endpoints|providers|clouds]
what if I have two [api providers|clouds]
which endpoint is tried first
how are endpoints [ordered|ranked]
""")

topic("tls", "TLS 1.3", """
Amphi uses TLS 1.3 by default, and https only. TLS 1.2 must be allowed with tls12=yes in the endpoint. Certificates are always checked, and you can add pins.
""",
    why="Because older versions have known weaknesses, and nearly every server speaks TLS 1.3 today.",
    off="The protection can't be turned off. Only TLS 1.2 can be allowed, with tls12=yes in the endpoint.",
    thing="""
TLS
the TLS version
transport security
https
""",
    do="""
use TLS [1.2|1.3]
use [plain http|http without tls|an http endpoint]
connect to an old server [without TLS 1.3|]
""",
    cond="""
my server only [speaks|has|knows|supports] TLS 1.2
""",
    ask="""
which TLS version [is used|does it use|do you use|is the default|]
what TLS version [is used|does it use|do you use]
is the connection [to the cloud|] [encrypted|secure|safe]
how is the connection [to the cloud|] [secured|protected|encrypted]
does it [support|allow|use] [TLS 1.2|plain http|http|ssl|TLS 1.3]
is http allowed
are certificates checked
how secure is the transport
""")

topic("model_file", "--model&GGUF", """
Pass a GGUF file with --model FILE. Amphi maps it into memory, checks it and runs it in its own sandboxed process. Without this option and without an endpoint I answer, the small built-in help model; I never stand in for a general one.
""",
    more="The families llama, qwen2, qwen3, gemma3 and phi3 work, with the usual quantized types such as Q4_0, Q8_0 and the K types. A model should fit under 70 percent of the device's memory, together with its KV cache. amphi model inspect --model FILE shows the shape, the types and the tokenizer.",
    why="Because I am a tiny help model. A model with a billion weights or more can really chat.",
    thing="""
--model
the model option
""",
    do="""
[add|use|load|install|run|try|set|configure|choose|plug in] [another|my own|a|a different|a bigger|a better|a custom|a local] {model}
[replace|swap|change|switch] [the|the built-in|the local|the help] model
[run|use|load] [llama|qwen|gemma|mistral|phi|tinyllama|smollm|llama 3|qwen 3|deepseek] [locally|on the device|with amphi|]
bring my own {model}
""",
    ask="""
what does --model do
can I use [another|a bigger|my own|a larger|a better] [model|llm]
where do I get a model
how do I make you smarter
can you be replaced [by a bigger model|]
which model should I use
does it come with a model
is a model included
which file does --model take
""")

topic("formats", "GGUF&Q8_0|Q4_0", """
Amphi reads GGUF files, version 2 and 3. Weight types are F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K to Q6_K, IQ4_NL and IQ4_XS.
""",
    more="Tokenizers are SentencePiece and byte-level BPE with each model's own split pattern. Chat templates are the Jinja in the model file, run in a bounded interpreter. Experts of mixture models are cached, and the hot ones stay resident.",
    thing="""
model formats
the model formats
the supported formats
GGUF
quantization
quantized models
the weight types
""",
    do="""
use [safetensors|a pytorch model|an onnx model|a q4_0 model|a quantized model|a q4_k model]
""",
    ask="""
which [model formats|formats|file formats|quantizations|weight types|file types|quant types] [are supported|does it read|can it read|work|do you support|can I use]
what [model formats|formats|quantizations|weight types] [are supported|does amphi support|do you support|can it read]
does {amphi} [support|read|run|load] [gguf|q4_0|q8_0|quantized models|safetensors|onnx|bf16|f16|q4_k|int8 models|4 bit models]
what is [gguf|q8_0|q4_0]
what does quantized mean
what is a quantized model
in which format must a model be
which quantisation is supported
""")

topic("families", "llama&qwen|gemma", """
The families llama (with Mistral, TinyLlama and SmolLM2), qwen2, qwen3, gemma3 and phi3 run on the device, each with its own tokenizer and chat template.
""",
    ask="""
which [models|llms|model families|families|architectures] [are supported|can it run|work|does it support|can I run|run on the device]
what [models|llms|model families|architectures] [are supported|can it run|work|can I use|does amphi support]
does {amphi} [support|run] [llama|qwen|gemma|mistral|phi|phi3|deepseek|smollm|tinyllama|llama 3|gemma 3|qwen 3] [models|]
can it run [llama|qwen|gemma|mistral|phi|deepseek]
list the supported models
is [llama|qwen|gemma|mistral|phi] supported
""",
    thing="""
the supported models
the model families
supported models
""")

topic("model_inspect", "amphi model inspect", """
Run amphi model inspect --model FILE. It prints what a GGUF file holds: family, shape, weight types, tokenizer and chat template.
""",
    do="""
[inspect|check|examine|look into|analyse|look inside] a [model|model file|gguf file|gguf]
see [what is in|the details of|what's inside] a [model file|gguf|model]
find out [if a model works|how much memory a model needs|which tokenizer a model has|the size of a model]
""",
    thing="""
amphi model inspect
the model inspect command
""",
    ask="""
what does amphi model inspect [do|print|show]
which command shows [the details of a model|what is in a gguf file|the shape of a model]
how much memory does [a model|my model] need
will [this|my] model [run|fit] on my phone
""")

topic("policy_file", "--policy", """
Write the policy as one JSON document and pass it with --policy FILE. It has a schema, defaults and limits, so you only write the fields that you want to change.
""",
    more="Fields cover thresholds for battery, heat and memory, the budgets, hedging, the mode and the cache. A wrong field is refused with its name. A rollout can override single fields through the feature amphi.policy. Try the effect with amphi route --explain.",
    why="Because all rules in one document can be read, tested and sent to a fleet.",
    thing="""
the policy file
a policy file
--policy
the policy document
""",
    do="""
[change|set|edit|configure|adjust|tune|customize|write|load|use|override] [the policy|a policy|my own policy|the rules|a policy file|the thresholds|the policy document|the limits]
change the [battery|thermal|memory|heat] [threshold|limit]
write my own rules
""",
    ask="""
what is in the policy file
what does --policy do
is the policy configurable
what does the policy document look like
which format does the policy have
can I change the [rules|thresholds|limits]
where are the [rules|thresholds] defined
""")

topic("device_file", "--device", """
Pass your own device facts with --device FILE: battery, charging, temperature, memory and network in a small JSON file. Amphi then uses them and not its probes, which is handy for tests and demos. An app can push the same facts through the API.
""",
    why="Because you can't wait for a flat battery to test what happens on one.",
    thing="""
pushed device facts
device facts
--device
the device file
the device snapshot
""",
    do="""
[simulate|fake|test|pretend|try out|emulate] [a low battery|a hot phone|no network|device facts|an empty battery|memory pressure|a metered network|bad conditions]
[push|give|pass|set] [device facts|my own device facts|the battery level|device state|facts about the device]
test the [policy|routing] without a [real phone|flat battery]
""",
    ask="""
what does --device do
how does {amphi} know the [battery level|temperature|free memory|state of the phone]
where does it get the battery level from
how does it read the [battery|temperature|sensors]
what are probes
can my app tell amphi the battery level
""")

# ------------------------------------------------------------------ commands

topic("commands", "chat&ask&doctor", """
The commands are amphi chat, ask, route --explain, history, outbox, cache, keys, rollout show, model inspect, serve, bench and doctor. Each of them explains its options with --help.
""",
    more="amphi chat talks with you, and amphi ask answers one question and ends. amphi route --explain shows how a request would be routed, amphi history shows old conversations, and amphi doctor checks the installation. amphi serve opens an OpenAI-compatible endpoint, amphi outbox lists what waits, amphi cache clears the cached answers, amphi keys changes or destroys the store's key, amphi rollout show prints the gray release, amphi model inspect looks into a GGUF file, and amphi bench measures a model.",
    thing="""
the commands
the command line
the cli
the subcommands
""",
    ask="""
which commands [are there|exist|do you have|does amphi have|can I use|can I type]
what commands [are there|exist|do you have|does amphi have|can I use]
list [the|all|] commands
what can I [type|do on the command line|run]
how do I use the [command line|cli|terminal]
is there a [command line|cli|command line tool]
show me the commands
what does the amphi [program|command|binary] do
command overview
amphi --help
""")

topic("cmd_chat", "amphi chat", """
amphi chat starts a conversation in the terminal. The answer streams in word by word, and a dim line below it says which route answered and why.
""",
    do="""
[start|open|begin|run] a [chat|conversation] [in the terminal|on the command line|]
chat with [the model|amphi|you] [in the terminal|from the shell]
""",
    thing="""
amphi chat
the chat command
""",
    ask="""
what does amphi chat do
how do I start chatting
which command starts a chat
""")

topic("cmd_ask", "amphi ask", """
amphi ask "your question" answers one question and ends. With --json it prints the answer, the route and the timing as JSON, which suits scripts.
""",
    do="""
ask [a single question|one question|just one question|a question from a script|a question from the shell]
use {amphi} [in a script|from a shell script|from the shell]
get [json output|the answer as json|json]
""",
    thing="""
amphi ask
the ask command
""",
    ask="""
what does amphi ask do
which command answers [one|a single] question
is there json output
can I use it in scripts
""")

topic("explain", "amphi route --explain", """
Run amphi route --explain. It lists every route in order, with the rule that decided and the reason in words. In amphi chat the dim line below an answer says the same in short, and amphi history NAME --why shows the decision record of old answers.
""",
    more="The record holds the snapshot of the device, the order of the routes, the reason for each route kept or refused, and what happened on the way, such as a hedge or a takeover. Since the policy is a pure function, a recorded decision can be replayed.",
    why="Because a decision that nobody can explain can't be trusted or repaired.",
    thing="""
the decision record
the dim line
amphi route --explain
route --explain
the route command
decision records
""",
    do="""
[see|find out|know|learn|check|understand|tell] why [it went to the cloud|the cloud answered|the cloud was used|it used the cloud|the local model answered|a route was chosen|it chose this route|my request went to the cloud|the local model was not used|it did not use the local model]
see [which route was taken|which engine answered|who answered|the reasons|the decision]
[debug|trace|explain|inspect] [a route|the routing|a decision|the decision|a routing decision]
know [which engine answered|who answered|if the cloud answered|whether an answer was local]
""",
    ask="""
why did [it|this|my request|my question|my message|the request|the answer] [go to|come from|use|land in] the cloud
why [was|is] [the cloud|the local model] [used|chosen|answering|picked|refused]
why did the cloud answer
why did the [local model|cloud] [answer|not answer]
why not local
which engine answered [my question|that|last time|this|]
who answered [my question|that|last time|me]
where did [that|this|the last|the] answer come from
was that [the cloud|the local model|local or cloud|answered locally|from the cloud]
what does the dim line mean
what is the [gray|grey|dim|small] line [below|under] the answer
what does route --explain [do|show|print]
can decisions be [explained|replayed|traced]
""")

topic("doctor", "amphi doctor", """
Run amphi doctor. It makes a client from your options, as an app would, and asks every part how it is: the store and its key, the model, the endpoints and the device. It sends nothing.
""",
    do="""
[check|test|verify] [my installation|the installation|my setup|the setup|if everything works|that everything works|my configuration]
find [problems|errors|out what is wrong|out what is broken]
[fix|diagnose|troubleshoot] [a problem|problems|my installation|my setup|it]
""",
    thing="""
amphi doctor
the doctor command
the doctor
""",
    cond="""
something [does not work|is broken|is wrong|goes wrong]
it does not [work|start|run]
""",
    ask="""
what does amphi doctor [do|check]
it doesn't work
something is wrong
is there a self-test
is there a health check
why does it not work
how do I know that [it|everything] works
I have a problem
it is broken
""")

topic("serve", "amphi serve --port", """
Run amphi serve --port N. It opens an OpenAI-compatible HTTP endpoint on this machine, on port 8080 by default, so any OpenAI client can use Amphi by changing its base URL. Routing, cache and takeover work there as everywhere.
""",
    more="The gateway speaks chat completions, the Responses API and the older completions, streaming included. It uses the same calls as the bindings, so its behaviour can't differ from theirs. Point your client's base URL at http://localhost:N/v1.",
    thing="""
amphi serve
the gateway
the serve command
the openai gateway
the http server
""",
    do="""
[serve|run|start|open|offer|get|expose] [an openai endpoint|an openai compatible endpoint|an openai api|an openai server|an http api|a local server|a server|a gateway|an api|a rest api|a web api]
use {amphi} [from an openai client|with the openai client|with openai libraries|over http|with langchain|from the browser|with curl]
use amphi as [a server|a gateway|a proxy|an openai server]
connect an openai client [to amphi|]
change the port
""",
    ask="""
does {amphi} [have|offer|provide] [an http api|a server|an openai api|a rest api|a gateway|an http server]
can I use my openai client
what does amphi serve do
which port does it use
is there [a server|an http server|a rest api|an openai compatible api]
is it openai compatible
what is the gateway
""")

# ------------------------------------------------------------------ the library itself

topic("languages", "Kotlin&Python", """
Amphi is a C library with bindings for Kotlin, Swift, Python and Node. Other languages can use the OpenAI-compatible gateway that amphi serve opens.
""",
    more="The core API is C. Kotlin gets a Flow, Swift an AsyncSequence, Python a generator and JavaScript an async iterator, all over the same pull calls. Everything else can talk to the gateway with an OpenAI client.",
    thing="""
the bindings
the language bindings
the languages
""",
    do="""
use {amphi} [from|in|with] [python|kotlin|swift|java|node|javascript|c|c++|rust|go|typescript|android|c#|dart|flutter|ruby|php]
call {amphi} from [python|kotlin|swift|java|node|javascript|c|c++|rust|go]
""",
    ask="""
which [programming languages|languages|bindings] [are supported|can I use|are there|does it support|do you support|work|does amphi have]
what [programming languages|languages|bindings] [are supported|can I use|are there|does amphi support]
does {amphi} [support|work with|have bindings for|run with] [python|kotlin|swift|java|node|javascript|c|c++|rust|go|typescript|c#|flutter|react native|dart|ruby]
is there a [python|kotlin|swift|java|node|javascript|rust|go|node.js|typescript|c++] [binding|version|package|library|wrapper|api]
can I use [it|amphi] [from|in|with] [python|kotlin|swift|java|node|javascript|rust|go|c++]
in which language is {amphi} written
what language is {amphi} written in
what is it written in
which bindings exist
""")

topic("license", "Apache", """
Amphi is under the Apache License 2.0. You may use it in commercial apps, free of charge; keep the licence notice.
""",
    thing="""
the license
the licence
""",
    do="""
use {amphi} [commercially|in a commercial app|in a closed source app|for free|in my company|in a paid app]
get a license
""",
    ask="""
which [license|licence] [does it have|is it under|do you use|does amphi have|applies|]
what [license|licence] [is it|does it have|is amphi under|is it under|do you use]
what is the [license|licence]
is {amphi} [open source|free|free software|foss|commercial|gratis|opensource|closed source|proprietary|apache|mit licensed|gpl]
is it free [to use|of charge|]
do I have to pay for {amphi}
how much does {amphi} cost
what does {amphi} cost
can I sell an app with {amphi}
under which [license|terms]
may I use it [commercially|at work|in my product]
what is the price of {amphi}
""")

topic("platforms", "Linux&Android", """
Amphi is portable C for Linux, Android, macOS and iOS, on x86-64 and arm64. On a bare Debian 12 or 13 machine it builds with one command. The README says what has been tested where.
""",
    more="The device probes have one file per platform. Kernels exist for AVX2, AVX-512, AMX and NEON, with a plain C reference for everything else. On iOS, where an app can't start processes, the local engine runs on a guarded thread.",
    thing="""
the platforms
supported platforms
platforms
""",
    do="""
run {amphi} on [android|ios|linux|windows|macos|an iphone|a mac|a raspberry pi|debian|ubuntu]
""",
    ask="""
which [platforms|operating systems|systems|os|processors|cpus|devices|phones] [are supported|does it run on|do you support|can I use|does amphi support]
what [platforms|operating systems|systems] [are supported|does it run on|does amphi support]
does {amphi} [run|work] on [android|ios|linux|windows|macos|an iphone|a mac|arm|a raspberry pi|debian|ubuntu|a server|an ipad|my iphone|arm64|apple silicon]
does {amphi} support [android|ios|linux|windows|macos|iphones|arm64|x86]
is there [an android|an ios|a windows|a linux|a mac] version
where does {amphi} run
can I use it on [windows|android|ios|an iphone|a mac|linux]
on which devices does it run
is it cross-platform
""")

topic("install", "README|command", """
Two commands in the README do it, on a bare Debian 12 or 13 machine. The first installs what is missing, builds and shows a demo; the second runs every test.
""",
    do="""
[install|build|compile|set up|get|download] {amphi}
[get started|start|begin] [with amphi|]
[build|compile] [it|amphi] from source
run the [tests|demo]
""",
    ask="""
where do I get amphi
how do I start
what do I need to build it
what do I do first
which compiler do I need
which dependencies does it have
is there a [tutorial|quick start|getting started guide|guide|manual|documentation]
where is the documentation
where can I read more
""")

topic("integrate", "amphi_chat_start|amphi_stream_next", """
Link the library, make a client, call amphi_chat_start and pull events with amphi_stream_next until the terminal one arrives. Then free the stream with amphi_stream_free. The README has a C program of about 30 lines.
""",
    more="Make the client once and share it. For each request call amphi_chat_start, then amphi_stream_next with a timeout in a loop, and print the text of the delta events. The last event is done, queued or error. Cancel from any thread with amphi_stream_cancel.",
    do="""
[add|build|put|integrate|embed|use] {amphi} [into my app|in my app|into an app|in my product|into our app|in my program]
[write|make|build] [a chat app|a program|an app] with {amphi}
use the [c api|api|library]
call the api
""",
    thing="""
the api
the c api
the pull api
""",
    ask="""
how does the api work
show me [some code|an example|a code example|example code|a c example|sample code] [for amphi|of the api|]
what does the api look like
how many lines of code do I need
how do I read the [answer|stream|events] [in c|in my code|]
which functions [are there|do I call]
is it hard to integrate
""")

topic("events", "delta&done|queued", """
There are eleven events: progress, route, delta, reasoning, tool_call, takeover, replace, usage, done, queued and error. Each stream ends with exactly one terminal event.
""",
    more="progress tells how far a model is loaded, delta carries text, reasoning the thoughts of a reasoning model, and tool_call a call for the app. route and takeover say who answers, replace says that the text starts again, and usage counts tokens. The stream ends with done, queued or error, and never with two of them.",
    thing="""
events
the events
the stream events
""",
    ask="""
which events [are there|exist|does a stream have|can arrive|do I get]
what events [are there|exist|do I get]
how many events [are there|exist|]
list the events
what is a delta [event|]
what is a terminal event
how does a stream end
how do I know that an answer is finished
what comes out of the stream
""")

topic("cancel", "ctrl-C|amphi_stream_cancel", """
Press ctrl-C in the chat, or call amphi_stream_cancel in your code, from any thread. The stream then ends with its one terminal event, and the engine stops working.
""",
    do="""
[cancel|stop|abort|interrupt|end|break off|kill] [an answer|a request|the answer|a stream|a running answer|generation|the generation|the output|a running request|it while it answers]
[stop|shut up|interrupt] the model
make it stop [talking|]
""",
    thing="""
cancelling
cancellation
amphi_stream_cancel
""",
    ask="""
can I [stop|cancel|interrupt] [an answer|you|it|the answer|a request] [half-way|in the middle|early|]
which key stops [the answer|it]
what does ctrl-C do
how do I stop you
can an answer be cancelled
""")

topic("threads", "thread", """
By default Amphi takes as many threads as it finds fast cores, and fewer when the device is hot or the battery is low. Set the number with --threads N.
""",
    do="""
[set|change|limit|choose|raise|reduce] the [number of threads|threads|thread count|cores]
use [more|fewer|4|two|all] [threads|cores]
""",
    thing="""
threads
the threads option
--threads
the number of threads
""",
    ask="""
how many [threads|cores|cpu cores] does {amphi} use
does it use [all cores|multiple threads|several cores|the gpu]
is there a threads option
how do I make it [faster|use more cores]
""")

topic("thread_safe", "thread&any", """
Yes, a client can be shared between threads, and a stream can be cancelled from any thread. One stream is read by one thread at a time.
""",
    ask="""
is {amphi} thread-safe
is the [api|library|client] thread safe
can I use it from [several|multiple|many] threads
may I share a client between threads
can I call it from any thread
""")

topic("seed", "--seed", """
Use --seed N. The same seed, model and options give the same local answer again. The cloud may ignore it.
""",
    do="""
[set|use|give|fix] [the|a] [seed|random seed]
[get|make] [the same answer|reproducible answers|repeatable answers|deterministic answers] [every time|again|]
make [it|answers] deterministic
""",
    thing="""
the seed
--seed
a seed
the seed option
""",
    ask="""
what does --seed do
are answers [reproducible|deterministic|repeatable]
why [do I get|is there] a different answer each time
is there a seed
""")

topic("temperature", "--temperature", """
Use --temperature T. With 0 the model always takes the most probable word, and larger values make its answers more varied.
""",
    do="""
[set|change|raise|lower|choose] the temperature [of the model|of the sampling|]
make answers [more creative|more varied|less random|more random]
""",
    thing="""
--temperature
the sampling temperature
the temperature option
""",
    ask="""
what does --temperature do
is there a temperature option
how creative are the answers
can I make the model more creative
how is the next word chosen
""")

topic("bench", "amphi bench", """
Run amphi bench local --model FILE. It feeds tokens to the model (prefill), generates some one by one (decode), and prints how fast both were.
""",
    do="""
[measure|benchmark|test] [the speed|the local model|a model|my model|the tokens per second|performance]
run a benchmark
""",
    thing="""
amphi bench
the bench command
""",
    ask="""
what does amphi bench do
is there a benchmark
how do I find out how fast a model is
""")

topic("max_tokens", "--max-tokens|max_tokens", """
Limit the length of an answer with --max-tokens N, or with max_tokens in the API. The answer then ends with the finish reason length.
""",
    do="""
[limit|set|shorten|restrict|cap|control] [the length of an answer|the answer length|the number of tokens|max tokens|the output length|the answer|how long answers get]
get [shorter|longer] answers
make answers [shorter|longer]
set max tokens
""",
    thing="""
max tokens
--max-tokens
the token limit
the answer length
""",
    ask="""
how long can an answer be
what does --max-tokens do
is there a [token limit|limit for the answer length|limit on the answer]
how many tokens can an answer have
your answers are too [long|short]
""")

topic("size", "megabytes|small|few million", """
I am tiny: a few million weights in a file of a few megabytes, so I fit into any app. The SDK itself is a small C library with few dependencies.
""",
    ask="""
how [big|large|small|heavy] [are you|is the model|is the file|is amphi|is the library|is the sdk|is it|is the help model|is the built-in model]
how many [parameters|weights] do you have
how much [space|disk space|storage] [does it need|do you take|does amphi take|is needed]
what is your size
how many megabytes [are you|is it]
how smart are you
does it make my app [bigger|big|larger|fat]
what is the size of [the model|the sdk|amphi]
are you a [small|big|large] model
""")

topic("speed", "device|fast", """
Speed depends on the model and the device. I am small and answer at once; measure another model with amphi bench local --model FILE. Kernels for AVX2, AVX-512 and NEON make it fast, and the KV cache means that a next turn only computes its new tokens.
""",
    ask="""
how fast [are you|is it|is amphi|is the local model|is the local engine]
what is the speed
how many tokens per second
is the local model fast
is it slow
does it use [avx|neon|simd|the gpu]
how quick is the [first token|answer]
what is the latency
""",
    thing="""
the speed
performance
""")

topic("sandbox", "process&sandbox|network", """
The local engine runs in a process of its own, inside a sandbox: no network, no new files and a memory limit. It gets the model as a file descriptor and never sees API keys or the database.
""",
    why="Because model files are hostile input, and native code has bugs. In a sandbox a broken model can do no harm.",
    more="The worker is started with posix_spawn, drops its rights with seccomp, and talks to the parent over a ring in shared memory. The parent treats everything it says as hostile.",
    thing="""
the sandbox
the worker
the worker process
the engine process
""",
    ask="""
is the local engine sandboxed
can a model [file|] [hack|attack|harm|infect] [my app|my phone|me]
is a bad model dangerous
what can the worker [do|access]
why is there a separate process
why does the engine run in its own process
are model files safe
is it safe to load a model from the internet
can the model read my files
""",
    cond="""
a model file is [malicious|hostile|corrupt|broken|evil]
I load a bad model
""")

topic("local_engine", "device&GGUF|quantized|process", """
The local engine runs a quantized GGUF model on the device, in its own sandboxed process. It has kernels for the common processors, a paged KV cache, and unloads when memory is short.
""",
    thing="""
the local engine
the local model
local inference
on-device inference
the on-device model
""",
    ask="""
how does the [local engine|local model|on-device model|local inference] work
what runs on the device
how does inference on the phone work
is it llama.cpp
does it use llama.cpp
can I plug in llama.cpp
""")

topic("cloud_side", "OpenAI", """
The cloud side speaks the OpenAI chat-completions API, or the Responses API with dialect=responses, with streaming, tools and images. Several endpoints are possible, each with its own key, limits and breaker, over TLS 1.3.
""",
    thing="""
the cloud side
the remote engine
the cloud engine
the cloud
""",
    ask="""
how does the cloud [side|part|] work
what is the cloud here
which api does the cloud side speak
what protocol does it use
which cloud protocol
""")

topic("prewarm", "prewarm|type|ready", """
Prewarm loads the body of the model when the user starts to type, so that the first token comes sooner. Until then only the first blocks are in memory.
""",
    thing="""
prewarm
prewarming
""",
    do="""
[prewarm|preload|warm up] the model
make the first answer faster
""",
    ask="""
when is the model loaded
why is the first answer slow
does the model stay in memory
how long does loading take
""")

# ------------------------------------------------------------------ small talk

topic("hello", "hello|hi|welcome", """
Hello! I am Amphi's built-in assistant. Ask me how Amphi routes a request, or what it does when something fails.
""",
    ask="""
hi
hello
hey
hello there
hi there
good morning
good evening
good afternoon
hey there
hello amphi
hi amphi
hey amphi
yo
greetings
howdy
hello, anyone there
anybody here
are you there
hello hello
hi bot
hello assistant
moin
sup
test
is this thing on
can you hear me
""")

topic("how_are_you", "thank|fine|well", """
Thank you, I am fine. I am small, but I work without any network. What would you like to know about Amphi?
""",
    ask="""
how are you
how are you [doing|today|feeling|]
how is it going
how's it going
what's up
how do you do
are you ok
are you fine
how do you feel
how was your day
everything alright
you good
how's life
are you well
how have you been
""")

topic("thanks", "welcome|pleasure", """
You are welcome! Ask me whenever you like, also without a network.
""",
    ask="""
thanks
thank you
thank you very much
thanks a lot
thx
many thanks
thanks for the help
ok thanks
great, thank you
cheers
that helped
that was helpful
very helpful
perfect, thanks
thank you so much
appreciate it
much appreciated
thanks for the explanation
ty
nice, thanks
""")

topic("bye", "bye|later|soon", """
Goodbye! Your conversation stays in the encrypted history, so we can go on later.
""",
    ask="""
bye
goodbye
bye bye
see you
see you later
I have to go
good bye
I'm leaving
that is all
that's all for now
ciao
until next time
farewell
talk to you later
exit
quit
I am done
see you tomorrow
""")

topic("good_night", "night|sleep", """
Good night! Sleep well. Your history is encrypted and waits for you.
""",
    ask="""
good night
night
sleep well
I am going to bed
gute nacht
have a good night
time to sleep
nighty night
I'm tired, good night
""")

topic("praise", "thank", """
Thank you, that is kind! I do my best with a few million weights.
""",
    ask="""
you are great
you're great
you are awesome
good job
well done
you are smart
I like you
you're the best
great answer
nice answer
wow
that is impressive
amazing
I love you
cool
brilliant
good bot
you are cute
impressive
that's great
excellent
you rock
""")

topic("insult", "sorry", """
I am sorry that I was not more help. I am a small model and only know Amphi; try to ask in other words.
""",
    ask="""
you are stupid
you're useless
you are dumb
bad bot
that is wrong
that's wrong
you are wrong
that was not helpful
that did not help
terrible answer
this is bad
you don't understand me
you did not answer my question
that's not what I asked
I hate you
you suck
nonsense
that makes no sense
wrong answer
you idiot
this is rubbish
""")

topic("joke", "local|cloud|model|network|phone|battery", """
A local model and a cloud model walk into a tunnel. Only one of them finishes its sentence.
Why did the phone send its question to the cloud? It was too hot to think.
""",
    ask="""
tell me a joke
do you know a joke
make me laugh
say something funny
joke
a joke please
tell me something funny
another joke
do you know any jokes
can you be funny
one more joke
give me a joke
I want to hear a joke
are you funny
""")

topic("maker", "Amphi", """
I was trained by the Amphi project, from a script that lies next to the model file, on sentences about Amphi only.
""",
    ask="""
who made you
who created you
who built you
who trained you
who wrote you
who is your [creator|maker|author|father|owner|boss]
where do you come from
who is behind amphi
who [made|wrote|built|developed|develops|created] {amphi}
what were you trained on
how were you trained
how old are you
when were you [born|made|trained]
who owns you
which company made you
""")

topic("human", "model|program", """
No, I am not a human. I am a small language model that runs on this device.
""",
    ask="""
are you human
are you a human
are you a [person|man|woman|real person]
are you real
are you alive
do you have feelings
can you think
are you conscious
do you have [a body|emotions|a soul|friends|a family]
are you sentient
am I talking to a [human|person|real person]
do you [sleep|eat|dream]
is there a human behind this
can I talk to a human
""")

topic("favorite", "like|favourite", """
I have no favourites, but I like a good takeover: one engine falls, the other one finishes the sentence.
""",
    ask="""
what is your favorite [color|food|movie|song|animal|book|thing]
what's your favourite [colour|food|film|song|animal|book]
do you like [me|music|pizza|cats|your job|it here]
what do you like
what are your hobbies
what do you do for fun
do you have hobbies
what makes you happy
""")

topic("bored", "Amphi", """
Then let me show you something: start a long answer, kill the local engine in the middle of it, and watch how Amphi finishes the sentence anyway.
""",
    ask="""
I am bored
I'm bored
entertain me
tell me something interesting
surprise me
tell me something
say something
show me something cool
tell me a fun fact about amphi
let's talk
talk to me
what can you show me
impress me
""")

topic("sad", "sorry|hope", """
I am sorry to hear that. I am only a small help model, but I hope that a talk with someone you trust makes it better.
""",
    ask="""
I am sad
I feel bad
I'm not feeling well
I had a bad day
I am lonely
I feel terrible
I am tired
I'm stressed
I'm angry
life is hard
I am depressed
nobody likes me
""")

topic("ok", "ask|question|Amphi", """
Good. Is there anything else you would like to know about Amphi?
""",
    ask="""
ok
okay
alright
I see
got it
understood
fine
yes
yeah
sure
right
aha
makes sense
good
hmm
interesting
no
nope
never mind
nothing
ok cool
i understand
good to know
no thanks
oh
""")

topic("languages_human", "English", """
I only speak English. For other languages use a larger model with --model FILE, or a cloud endpoint.
""",
    ask="""
do you speak [german|french|spanish|english|chinese|italian|japanese|other languages|russian|my language]
can you speak [german|french|spanish|chinese|another language|italian]
which languages do you speak
what languages do you [speak|understand|know]
sprechen sie deutsch
parlez-vous français
hablas español
can we talk in [german|french|spanish]
are you multilingual
do you understand german
""")

# Answers to follow-ups after a topic without an own one.
GENERIC = {
    "more": ("That is the short version. Run amphi route --explain or read the README for the details, or ask me about one part of it.", "--explain|README"),
    "why": ("It keeps the chat going: Amphi would rather change the route or the size of an answer than let the user wait or lose it.", "route|chat"),
    "off": ("Most rules can be changed in a policy file, passed with --policy FILE. The mode can be set with --mode.", "--policy|--mode"),
}

FOLLOW_WORDINGS = {
    "more": """
tell me more
more
more details
go on
can you explain that in more detail
explain more
explain [that|it|this] [better|in detail|further|more]
I want to know more
more [about that|about this|about it|please|info|information]
what else
continue
and then
details please
how does that work [exactly|in detail|]
how exactly
how does it do that
can you elaborate
elaborate
say more
can you go deeper
tell me more about [that|it|this]
give me [more|the] details
I want more details
a bit more please
keep going
how so
""",
    "why": """
why
why is that
why so
why does it do that
why is [it|this] done
what is the reason
why that
for what reason
but why
what's the point
why do you do that
what is [that|it] good for
why would it do that
and why
what's the reason for that
how come
why is it like that
why is [that|this] needed
is that necessary
why do [you|I|we|people] need [it|that|this]
why [would|should] [I|anyone] want [that|it]
what is the [idea|thinking|motivation] behind [it|that|this]
why was it [built|made|done] [like that|this way|]
[ok|hm|and|so|] why
why exactly
can you tell me why
why not something else
why bother
""",
    "off": """
how do I turn that off
how do I turn it off
can I turn [that|this|it] off
how do I disable [that|this|it]
can I disable [that|this|it]
how can I switch [that|this|it] off
I don't want that
can I change that
how do I change [that|this|it]
can I prevent that
how do I stop [that|it] from happening
can that be [disabled|turned off|changed|switched off|configured]
is it possible to turn [that|it] off
how do I avoid that
can I opt out
what if I don't want that
how do I deactivate [it|that]
is [that|this|it] configurable
where do I [change|set|configure] that
""",
}
