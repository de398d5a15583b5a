"""More ways to ask about the topics of corpus_topics.py, in freer language than its frames make.

One line, one grammar; the name before the colon is the topic of all lines up to the next name.
"""

MORE = """
battery_low:
[I forgot my charger|I have no charger|no charger around] and [the battery shows red|the battery is red|the battery icon is red|it is at 6 percent]
[my phone|the phone|my tablet] [has|shows|is down to|is at|only has] [2|3|5|6|7|8|9|12|15] [percent|%|per cent] [juice|battery|charge|power|]
[3|4|5|6|7|8|10] [percent|%] [battery|charge|left|power left|juice left], [local or cloud|what now|who answers|what happens|local or remote]
[power is|energy is|my power is] [running out|nearly gone|almost gone|low|going down], what [will|does] {amphi} do
the battery [icon|indicator|symbol] is [red|blinking|orange]
what are the consequences of [a low|a weak|an empty|a nearly empty] battery
[does|do] [the battery level|battery state|battery charge|the charge level] [influence|affect|change|matter for|have influence on] [anything|the routing|the decision|answers|the engine]
what [would|do|will] you do with [hardly any|little|barely any|no|almost no] [battery|power|charge|energy] left
how [do you|does amphi|does it] [spare|save|protect|preserve|go easy on] [the|my|] battery
tell me [about|the rules for|the behaviour on] [low battery|a weak battery|battery problems]
[running|chatting|talking|working] on [low|little|weak|almost no] [battery|power]
when the battery [is nearly|is almost|gets] empty, [do you use the cloud|do you go to the cloud|where do answers come from]
why is the cloud used on [low|weak] battery
[battery|power] [warning|alarm] on my phone, what [happens|does amphi do]
what's the behavior of amphi [with|at|on|under] [low battery|5 percent battery|an empty battery]
[is|will] the local model [switched off|disabled|avoided|stopped] [on low battery|when the battery is low|to save energy]
my phone will [die|switch off|shut down] soon, [what now|what do you do|what happens]
charging:
[the|my] [cable|charger|plug|power cord|usb cable] is [in|attached|connected|plugged in], [what changes|what now|what happens|local model|local]
[low battery|weak battery|battery is low], but [the cable is in|the phone is charging|it is plugged in|it hangs on the charger|power is connected]
what happens [if|when] I [connect|attach|plug in|use] [the|a|my] [charger|power bank|cable|power adapter] [while chatting|in the middle of a chat|now|]
what [changes|is different|happens] when [power|a charger|the charger|a cable|mains power] is [connected|back|attached|available]
[is|will] [a charging phone|a plugged in device|a phone on the charger] [treated differently|allowed to run the model|running the local model]
does a [charger|power cable|docking station] help
[now|ok now] [it|my phone] is charging [again|]
{phone} [sits|lies|is] on [its|the] [charging pad|charger|dock|power supply]
plugged into a [socket|power outlet|wall socket|usb port]
no_network:
[the user|somebody|my user|a user] [enters|is in|goes into] [an elevator|a tunnel|the metro|a cellar|a cave|a lift|a garage] [and loses signal|without signal|]
[no|zero] [network|internet|wifi|signal|connection|reception|bars] [available|here|at all|any more|around|]
[the|my] [network|internet|wifi|connection|router] [down|is down|is dead|died|just went away|has gone], [who responds|who answers|what now|what will you do|what happens]
what happens [offline|without internet access|without any connection|in flight mode|when offline]
what do you do [offline|without internet access|if there is no internet access|with zero bars]
could I use {you} in [the woods|the desert|the mountains|a submarine|the wilderness|a cave|a cellar|a plane] [without reception|without signal|]
how does {amphi} work when there's no [network|internet|connection|wifi]
I lost [my wifi|my connection|the signal|internet|the network], is the chat [over|dead|finished|lost]
[I pull|someone pulls|pull] [the network plug|the plug of the router|the ethernet cable|the cable out]
[is|will] the [chat|conversation|app] [over|dead|usable|usable offline|stopped] [without internet|when the internet is gone|without a network]
do [chats|answers|conversations] [work|continue|go on] [offline|without network|with no internet]
[no internet|no wifi|no network] [today|here|now], can you [help|answer|work|chat]
how [do you|does it] [manage|answer] without [the internet|a connection|any network]
will I be able to [chat|use it|ask things] [on a flight|in a tunnel|while offline|in the underground|on a ship]
[what is|what's] the offline [behaviour|behavior|mode|story]
does [losing|the loss of] [the connection|the network|wifi|the internet] [break|stop|end|kill] [the chat|a conversation|anything]
is there [a fallback|a plan b|help] when [the internet|the network|wifi] [is gone|fails|is down]
metered:
I pay [per gigabyte|by the megabyte|for each gigabyte|for data volume], [will the SDK take that into account|does it matter|do you care|is that considered]
[lte|4g|5g|edge|cellular] with [a small|a limited|a tiny|an expensive] [data allowance|data plan|plan|volume|contract]
do you use the cloud [on roaming|while roaming|on mobile data|on a metered link|over cellular]
[data|mobile data|traffic|gigabytes] [is|are] [expensive|costly|pricey] [here|in this country|for me|]
I am in [a foreign country|another country|holiday abroad] with [expensive data|roaming|a foreign sim]
can it [save|spare|respect|protect] my [data volume|data allowance|mobile data|monthly volume]
[limited|capped|little] [data|data volume] [left|this month|]
what is done [on|with] [an expensive link|billed traffic|volume-based tariffs|a pay as you go sim]
does {amphi} know what a metered [network|connection] is
slow_network:
[internet|the internet|the net|the network|wifi|my connection] [crawls|is crawling|hardly works|barely works|is lagging|lags|is sluggish|is awfully slow|stutters], what now
is there a [fallback|plan|solution] for [high ping|high latency|slow internet|bad connections|lag]
what [if|happens if|happens when] the [connection|network|internet] is [very|really|extremely|so|painfully] [slow|bad|weak]
[waiting|I wait] [ages|forever|a long time|half a minute] for [an answer|the cloud|the server|a reply]
[long|slow|bad] [response times|replies|round trips|latency]
[only one bar|one bar of signal|weak wifi|bad reception] here
how [do you|does amphi] [cope with|deal with|treat|react to] [lag|delays|high ping|bad wifi|slow servers]
thermal:
[the phone|my phone|it] [gets|becomes|is getting] [hot|warm|really hot] [during|in|after] [a long chat|a long answer|a game|a call], what does {amphi} do
is there [a|any] [heat|thermal|overheating|temperature] [protection|guard|management|limit|control]
what do you do when the [cpu|processor|chip|device|phone] [throttles|is throttled|gets too hot|overheats|heats up]
[it's|it is] [35|38|40|45] degrees [outside|] and my [phone|device|tablet] is [hot|burning|glowing]
what happens [if|when] my [device|phone|tablet|laptop] overheats [while you are answering|during an answer|in the middle|]
{phone} [can hardly be touched|is glowing|burns my fingers|was in the sun|feels very warm|is too hot to hold|is like a heater]
how [is|are] [heat|high temperature|an overheated device|thermal limits] [handled|treated|managed|respected]
what [is|would be] the reaction to [heat|a hot device|overheating|a thermal warning]
[too much heat|heat problem|heat warning|temperature warning]
does {amphi} [stop|slow down|move to the cloud|switch] when [it gets hot|the phone is hot|the device is hot]
does it [cool|protect] the [phone|device]
[hot|overheated|warm] [phone|device|cpu|tablet]: [local or cloud|what now|what happens]
memory:
[my|the] [tablet|phone|device|watch|computer] only has [1|2|3|one|two] [gb|gigabyte|gigabytes] of [memory|ram]
what is done when [the ram|ram|memory|the memory] is [used up|full|exhausted|gone|tight]
[android|ios|the os|the operating system|the system] wants to kill my app because of memory
what happens when [memory|ram] gets [tight|short|scarce|low]
how do you handle [low|little|tight] [ram|memory] [situations|conditions|devices|]
the [os|system|phone] [complains about|warns about|reports] [memory|ram|low memory]
[is|what if] the [model|llm] [bigger|larger] than the [memory|ram|free memory]
what if there is [not enough|too little|no more] [ram|memory] for the model
how [do you|does it] [save|free|limit|watch|save on] [memory|ram]
will it [fill|eat|use up|take] [all|all of] my [ram|memory]
[too little|not enough|hardly any] [ram|memory]
how is [memory shortage|a shortage of memory|lack of memory] [handled|treated]
does the model [stay|remain] loaded when memory is [needed|short|low]
crash:
what happens when the local engine crashes
what if you crash [right now|now|while answering|in the middle of a sentence]
is my app affected [if|when] [inference|the model|the engine] [crashes|dies]
the [model process|worker|engine|process] was [killed|terminated|shot] [by the os|by the system|mid-answer|in mid-sentence|], [what does the user see|what now|what happens]
can {you} survive [a kill -9|a crash|a segfault|a signal 11|being killed|SIGKILL]
[kill -9|SIGKILL|a segmentation fault|SIGSEGV|signal 9] [on|in|to] the [worker|engine|model process|local engine]
[the local engine|the engine|the model|llama] [suddenly|unexpectedly|just] [died|crashed|stopped|disappeared|was killed]
what [does the user see|do users see|happens to the text|happens to the answer] [when|if|after] the [engine|local engine|worker|model] [crashes|dies|is killed]
what if the [engine|model|local model] [dies|crashes|stops] [half way|in the middle of a word|before it is finished|during a sentence]
how do you [recover|come back|continue] [from|after] [a crash|a crashed model|the death of the engine]
[will|does] [a crash|a dead engine] [lose|destroy|cut|break] [the answer|my answer|the sentence]
is the answer [lost|finished|completed] [after|when there is] a crash [of the engine|]
do users [see|get] an error when the [engine|local model] crashes
who [finishes|completes|continues] the [sentence|answer] [after a crash|when the engine dies|if the local model crashes]
a bug [in|inside] the [engine|native code|model code] [kills|crashes] [it|the worker]
cloud_cut:
what if the [cloud|cloud answer|server|api|remote answer] [stops|ends|breaks off] [in the middle|half way|mid-sentence|before the end]
the [api|server|cloud|endpoint] returns [errors|an error|a 500|502|503|nonsense], [then what|what now|what happens]
and if the [remote server|cloud|server|api|provider] [dies|fails|goes away|disappears] during the answer
[openai|the api|the provider|the server|the cloud] is [down|offline|dead|broken|not available|not responding]
what happens when the cloud connection is cut
[cloud|server|api] [outage|failure|breakdown|downtime]
[a|the] connection [reset|loss|abort|cut] [during|in the middle of] [a cloud answer|an answer|a reply]
what if [chatgpt|openai|the cloud model] [fails|does not respond|never answers]
what do you do [when|if] [no answer comes|nothing comes back] from the [cloud|server|api]
what [happens|do I see] when the reply is [cut off|interrupted|incomplete]
the cloud [hangs|is silent|stopped talking|went silent]
private:
is a private [message|request|question|chat] ever [sent out|sent|transmitted|uploaded|shown to the cloud]
[is there|do you have] a way to keep a [chat|message|question|conversation] [secret|confidential|to myself|local]
do [private|confidential|secret] [prompts|messages|requests|questions] [get to|go to|reach] [openai|the cloud|the provider|a server]
will my [personal information|personal data|medical data|secrets|private stuff|password] [go|be sent|get] to [a server|the cloud|openai|anyone]
can you guarantee that [nothing|no text|no data] leaves [my device|the phone|the machine|my phone]
what [is|does] the private [option|switch|flag|mark|setting] [for|do|guarantee|]
what is [special about|the promise of|guaranteed by] a private [request|message|chat]
how do I keep [things|it|my words|my chat|something] [secret|confidential|on this device|out of the cloud]
is [anything|something|my text|what I write|what I type] [uploaded|sent out|transmitted|leaked|sent to the internet]
nobody [should|may] [see|read] [this|my question], [is that possible|how]
[sensitive|confidential|secret|personal|medical] [text|questions|data|information] [should|must] stay [here|on the phone|local|on the device]
does [amphi|it|the sdk] [phone home|call home|report anything|send telemetry]
what if a private request [can't|cannot] be answered [locally|on the device|here]
which [data|requests|messages] [never|do not] [leave|go out of] the device
encryption:
is my data encrypted [on disk|at rest|on the phone|]
how is [the chat history|chat history|my history|the message store] encrypted
if I lose my [laptop|phone|tablet|device], can [somebody|anyone|someone|a stranger] read my [conversations|chats|messages]
is the [storage|store|disk file|message store|database file] [secure|safe|encrypted|protected|readable]
can [hackers|thieves|other people|other apps|my brother|the police] [read|open|see|get] [the database|my chats|my messages|the file|what I wrote]
what protects [the history|my messages|stored chats|my data on disk|the conversations]
in which [form|way] are messages [saved|stored|written]
is there [encryption|any encryption|protection] [for|of] [stored data|the history|the chats|my messages]
what happens to my chats [if|when] [my phone|the device] [is stolen|gets stolen|is lost]
how [secure|safe|well protected] [is|are] [my chats|the history|the stored messages|the database]
do you [store|save|keep|write] [messages|things|chats] [encrypted|in plain text|in clear text|unencrypted]
data_dir:
where's my data
where do you [save|keep|store|put|hold] [files|data|things|my files|the database|the history]
what's the default [location|place|path|folder] [of|for] the [database|data|history|files]
[which|what] [folder|path|directory] [contains|has|keeps] [my chats|the database|my data|the history]
[location|path|place] of the [database|history|data|chat history]
in what [directory|folder|place] [is everything|are things|does it keep data] [stored|saved|kept|]
how do I [tell|let] it [where|] to [store|save|keep] [the data|its files|things]
cache:
[tell me about|explain|describe] the [caching|cache] [of responses|of answers|in amphi|]
are [replies|responses|answers|results|identical requests] [cached|remembered|stored for later|kept for reuse]
how many [cached entries|cache entries|items|responses] [are there|are kept|does it store|can it hold]
[what if|what happens when] I ask [the same|the identical|exactly the same|an identical] [question|thing] [again|once more|a second time|two times]
is [the same question|an identical request|a repeated question] [computed|answered|sent|paid] [again|twice|anew|every time]
how does it [avoid|prevent] [paying twice|computing twice|double work|asking twice]
why did the second answer come [at once|immediately|instantly]
does it [save|store] [answers|replies] for [later|reuse|next time]
cache_off:
how can I [run|send|make] a request without [caching|the cache|cached answers]
[don't|do not] [use|read|fill] the cache
[switch|flag|option|parameter] [to skip|against|to disable|to avoid] the [cache|response cache|caching]
I want [fresh|new|uncached] answers [each time|always|only|]
how do I [get around|go around|bypass|circumvent] the cache
turn [caching|the cache|the response cache] off
outbox:
what [if|happens if|happens when] [neither|no] [engine|side|route] [is available|works|can answer|is left]
[will|can|do] you [send|deliver|transmit] my message [once|when|as soon as] I'm [online again|back online|connected again]
when [everything|all|every engine] is [down|dead|gone|broken], what happens to my [message|question|text]
is my [message|text|question|words] [lost|gone|dropped|thrown away|deleted] [when nothing works|if nobody answers|if everything fails|]
where does a message [wait|go|stay|sit] [when|if|until] [it can't be sent|nothing works|there is no route|the network returns]
[delivered|sent] [later|afterwards|once online|when the network is back]
[could|can|may] a [message|queued message|waiting message] be [delivered|sent|posted|transmitted] [twice|two times|double]
what becomes of [unsent|unanswered|failed|waiting|undelivered] [messages|requests|texts]
does it [queue|store|keep|buffer] [messages|unsent messages|what I write] [when offline|until later|]
both [engines|the phone and the server|sides] [are broken|fail|can't answer]
rollout:
how do I roll out a [new|local|better] model to [a part|some|10 percent|a fraction|a share|a subset] of my [users|customers|devices]
how do [feature flags|rollouts|growthbook flags|gray releases] work [with amphi|here|]
explain [staged rollouts|gray releases|gradual rollouts|canary releases|remote config|feature flags]
[introduce|launch|enable|activate|bring] [a new model|the local model|local answers] [gradually|slowly|step by step|for some users|in stages]
[only|just|first] [some|a few|ten percent|1 percent|half] of [the|my|our] [users|phones|devices|customers] should [get|use|have|try] the [local|new] model
can I [control|steer|change|influence] [many|all|my|thousands of] [phones|devices|clients|apps] from [a server|outside|one place|the backend]
does {amphi} [understand|read|work with|know|use] growthbook
how do you [release|ship|test] [new models|a model|the local engine] [safely|carefully|in steps]
what [is|means|does] [a|] [gray release|grey release|gradual release|staged rollout|percentage rollout] [mean|]
[server-side|remote|central] [control|configuration|steering|config]
kill_switch:
do you have a [kill switch|panic button|emergency brake|big red button]
how do I [disable|turn off|stop|block|deactivate] the local model for [everyone|all|all devices|every user|the whole fleet]
[our|the|my] [new|latest] [model|release|version] [misbehaves|is broken|has a bug|causes trouble|crashes a lot], how do we [stop|pull|withdraw|disable|undo] it
[quickly|immediately|at once] [stop|withdraw|disable] [a model|the local engine|a rollout] [everywhere|in the field|for everybody]
what if a rollout [fails|breaks things|causes crashes|is bad]
can a bad [release|model|rollout] be [stopped|undone|reverted|withdrawn|rolled back]
hedging:
does {amphi} [race|start|run|ask] two [engines|routes] [at the same time|in parallel|at once|]
what [is|does] [hedging|a hedge|hedged|to hedge] [mean|do|]
does a second [engine|route|request] start when the first [one|] is [slow|late]
[when|why] is a second route started
[parallel|two|double|simultaneous] [requests|routes|engines]
budgets:
what time limits [exist|are there|apply]
[how long|how many seconds] [will|do|does] [you|it|amphi] [wait|try|hang on]
which [timeouts|time limits|limits in time|deadlines] [exist|are there|can be set|can I set|apply]
after [what time|how long|how many seconds] [does it give up|is a route abandoned|is it stopped|do you stop waiting]
what if [nothing|no token|no event] [comes|arrives] for [a long time|a minute|ages]
how [patient|long-suffering] [are you|is it]
api_key:
I've got [a key|an api key|a token|credentials] [from|for] [openai|my provider|the cloud|deepseek|mistral], [what now|where do I put it|how do I use it]
where do I [specify|insert|define|configure|paste|write] [the|my] {key}
how to [configure|set|give|specify|install|provide] [my|the|an] [openai|api|cloud|secret] key
how does [amphi|it] [know|learn|find|read] my [api key|key|openai key|credentials]
[place|file|location|option] for [the|my] [api key|secret key|openai key|key]
[what|which] [option|flag|parameter] [takes|holds|is for] the [api key|key]
endpoint:
how do I [connect|link|attach] [to openai|amphi to openai|a cloud api|it with the cloud|a provider]
how do I use [a cloud model|the openai api|gpt|an online model|a remote model]
can I use [deepseek's api|the openai api|mistral's api|an azure endpoint|gpt-4|claude over an openai compatible api]
[which|what] [option|flag|parameter] [adds|defines|sets|declares|describes] [the cloud|an endpoint|a cloud endpoint|the api|the server]
my [company|team|university|boss] has [an openai-compatible server|its own llm server|a vllm server], how do I use it
[declare|specify|enter|name] [an endpoint|a cloud endpoint|the api url|the server address]
where do I [enter|put|specify] the [url|address|server address|api url]
I have an [openai|azure|deepseek] account
pin:
how do I set up [certificate|public key|ssl|tls] pinning
what is the pin option
[only|just] [trust|accept] one [certificate|key|public key|server key]
[sha256|spki|public key] [pin|pinning|hash]
how do I [lock|tie|bind] the [connection|endpoint] to [a key|my server's key|one certificate]
ca:
can I use [a custom|my own|a private|an internal|our own] [ca|certificate authority|root certificate]
my [certificate|server certificate|cert|server's certificate] is [self signed|self-signed|not public|from an internal ca]
[internal|private|corporate|company] [ca|certificate authority|certificates|root certificate]
the [certificate|tls] check fails for my [own|internal|test] server
second_endpoint:
how can I add another [cloud provider|provider|cloud|api|server|endpoint]
[two|three|several|more|multiple] [endpoints|clouds|providers|apis] [possible|at once|allowed|at the same time]
[a|one more|another] [backup|second|spare|reserve|additional] [provider|endpoint|api|cloud]
what if one [provider|endpoint] is not enough
model_file:
how do I load [another|a different|a bigger|my own|my] model
how can I use [llama 3|llama|qwen|gemma|mistral|phi|a 7b model|tinyllama] here
I have [a|downloaded a|got a] [gguf file|gguf|model file|model from hugging face|quantized model], [what now|how do I use it|how do I run it|]
[run|use|try|load] [a larger|a better|a smarter|a bigger|another] [model|llm|brain]
which option [takes|loads|selects|chooses|is for] [the model|a model file|my own model|a gguf]
you are too [small|stupid|limited], how do I get a [better|bigger|smarter] model
can [you|the built-in model|the help model] be [replaced|swapped|exchanged|upgraded]
formats:
do you support [4-bit|8-bit|4 bit|quantized|5-bit|q5_0|iq4_nl|k-quant|q6_k] [models|weights|files|]
which [model|file|weight] formats [are supported|are there|can I use|do you know|are understood]
can [it|you|amphi] [open|read|load|run] [a q4_k_m file|q5_1 files|gguf v2|an f16 model|safetensors|a .bin file|pytorch files]
[supported|possible|allowed] [formats|quantizations|quants|weight types|model files]
what [type|kind|sort] of model [file|files] [do I need|does it need|is needed|can I load]
explain:
how do I see why it [went to the cloud|used the cloud|chose the cloud|ran locally|took this route]
why did you [use|choose|take|ask|pick|go to] the [cloud|local model]
where can I [see|find|read|look up] the [decision|reason|reasons|route|chosen route|decision record]
how do i know [which engine replied|who replied|where the answer was made|if it was local|which side answered]
which [engine|model|side] [replied|produced this|gave this answer|wrote that|was used]
[show|tell|give] me the [reasons|reason] [for the route|for this route|for the decision|why it used the cloud]
I want to [understand|see|check|know] [the decision|why the cloud answered|why it was not local|the reasons]
what is the [faint|dim|pale|small|thin|gray|grey] [text|line] [under|below|beneath|after] [an answer|the answer|each answer|a reply]
was [this|that|the last answer|it] [local|from the phone|from the cloud|remote|computed here]
my [question|request] was [sent|routed] to the cloud, [why|for what reason|what was the reason]
the [cloud|local model] answered, [why|but why|how come]
serve:
how do I [start|run|open|launch] [an|the] [openai compatible server|http server|openai server|gateway|api server]
can [other programs|other apps|my browser|my scripts|my openai client|existing clients|langchain] [use|talk to|call|reach|connect to] {amphi} [over http|via http|]
[is there|do you have] an [http|openai compatible|rest|openai] [gateway|interface|server|endpoint]
which command [starts|opens|runs|launches] [the gateway|the server|an http server|the api]
make {amphi} [available|reachable] [over http|for other programs|as an api|to other apps]
[local|own] [openai|rest|http] [api|server|endpoint]
languages:
can I call it from [python|kotlin|swift|node|java|javascript|typescript]
does it have a [node|python|kotlin|swift|npm|pip|java] [package|module|binding|api|library]
[I write|I use|we use|I program in|my app is in|I work with|we are] [kotlin|swift|python|node|javascript|c|c++|java] [developers|], [is that ok|can I use it|is that supported|does it fit|]
[anything|something|a package|support] for [python|swift|kotlin|node|java|ios|javascript] [programmers|developers|people]
from [which|what] [languages|programming languages] can [it|amphi|the sdk] be [used|called]
license:
what's the [license|licence]
is [amphi|the sdk|it] [free|open|free of charge|open source|gratis]
can I use it in a [commercial|closed|paid|proprietary] [project|product|app]
[may|can] [my company|we|our firm|our company] [ship|sell|use|distribute] [it|this|amphi] [in a product|]
do I need to [pay|buy a license|ask for permission]
is there a [fee|price|cost|charge] for [amphi|the sdk|using it|the library]
[published|released|available] under which [license|licence|terms]
platforms:
[is|are] [windows|macos|android|ios|linux|iphones|arm] supported
[what about|how about] [windows|macos|android|ios|linux|iphones|raspberry pi]
can I [use|run] it on [my|an|a] [android phone|iphone|mac|linux server|ipad|tablet|windows pc]
[works|does it work] [on|with|under] [android|ios|linux|macos|windows|debian] [too|as well|]
on [which|what] [systems|platforms|operating systems|devices] [can I|can it|does it] [use it|run|work]
cancel:
how do I [stop|abort|end|interrupt|cut off|halt|break off] [an answer|a reply|the generation|this answer|a stream|the output]
can I [abort|stop|interrupt|halt] [generation|a reply|the model|while it is talking|an answer]
the [answer|reply|output] is too long, how do I [stop|end|cut] it
which [function|call|key|command] [stops|cancels|aborts|ends] [a stream|an answer|a request|the output]
it [won't stop|talks too much|does not stop talking|goes on and on]
modes:
what modes are [available|there|possible]
what's the difference between [prefer_local and only_local|auto and prefer_cloud|the modes|only_cloud and prefer_cloud|prefer and only]
[which|what] [values|settings|words] can [--mode|the mode] [have|take]
[list|name|enumerate|give me] [the|all|all the|the available|the five] modes
mode_only_local:
how do I make it local only
never [contact|ask|call|touch] the cloud
[everything|all answers|all of it] [on my device|on the phone|local|locally], [nothing else|no cloud|never the cloud]
no cloud [at all|ever|please|]
how do I [forbid|ban|exclude|rule out|block] [the cloud|any use of the cloud|cloud access|the internet]
[keep|leave] the cloud out
mode_only_cloud:
how do I make it cloud only
[ignore|skip|forget|leave out|exclude] the local [model|engine]
[everything|all answers] from the cloud
no local model [at all|ever|please|]
threads:
how many [threads|cores|cpus] [are used|do you use|will be used|does it take]
can I [use|have|give it|set] [2|4|8|two|four|eight] [threads|cores]
where do I [set|change|configure] the [threads|number of threads|thread count|cores]
seed:
how do I make the [output|answer|answers|model] [deterministic|reproducible|repeatable|the same each time|identical]
how to set [a|the] seed
[same|identical] [output|answer|answers|text] [each|every] [time|run]
where do I [set|fix|give|enter] the [seed|random seed]
max_tokens:
how can I limit the [answer|reply|output] [length|size|]
[shorter|briefer] answers [please|], how
how do I [cap|limit|bound|restrict] [the output|the length|tokens|the number of words|how much it writes]
[maximum|max|upper limit for] [length|tokens|output]
size:
how big are you
what's your [file size|size|weight|size on disk]
how many [weights|parameters|neurons] [are in you|do you have|does this model have]
how much [disk space|space|room|storage] do you [need|take|occupy|use]
events:
which events does [the stream|a stream|the api] have
what [kinds|types|sorts] of events [are there|exist|come|arrive]
[name|list|enumerate] [the|all] [events|event types|kinds of events]
[number|count] of event [types|kinds]
doctor:
how do I check my [installation|setup|configuration|install]
it [does not start|won't start|fails|gives errors|doesn't run|refuses to work], what can I do
nothing works [here|any more|], what [can|do] I [do|try|check]
[is my|check if my] [setup|installation|configuration] [ok|fine|correct|right|working]
how do I [find|look for] [errors|faults|mistakes] in my [setup|configuration|installation]
commands:
what [commands|subcommands] [do you have|are available|does the tool have|does amphi know]
list all amphi commands
[overview|list|summary|rundown] of [the|all] [commands|subcommands]
which [subcommands|commands] does [amphi|the tool|the program|the cli] [know|have|offer]
what can [I|be] [type|typed|enter|entered] [in the terminal|in the shell|on the command line]
policy_file:
how do I write a policy
can I change when it [switches|goes|moves] to the cloud
where do I [change|set|find|edit] the [threshold|thresholds|rules|limits|battery threshold]
how do I [adjust|tune|modify|tweak|raise|lower] the [rules|thresholds|limits|routing|battery limit|battery threshold|behaviour]
[supply|bring|give it|use|load] [my own|a custom|an own|another] [policy|set of rules|rule set]
can the [rules|thresholds|limits|decisions] be [changed|adjusted|configured|tuned|modified]
device_file:
how can I [simulate|fake|test|try|pretend] [a hot phone|an empty battery|no network|low memory|that|a low battery]
how do you [know|read|measure|find out|learn] [the battery level|the temperature|how hot the phone is|the free memory|if the network is metered]
can I test [that|this|it] without [draining|emptying|heating] [my phone|the battery]
how can I [test|try] [that|this|it]
can [my|the|our] app [report|tell|pass|push|give] [the battery|battery state|device facts|the temperature|its own facts]
[made-up|fake|invented|artificial|my own] device [facts|values|data]
history:
show me [my|the] [old|past|earlier|previous] [conversations|chats|messages]
do you [store|keep|save|record|log] [my chats|our conversations|what we say|chats|a record]
can I [see|read|view|find] my [previous|earlier|old|past] [messages|chats|conversations]
what did we talk about [last week|yesterday|before|last time]
are my chats [still there|kept|saved|gone] [after a reboot|after a restart|tomorrow|next week|]
which command [shows|lists|prints] [my chats|the history|old conversations|earlier messages]
history_delete:
how do I [delete|erase|remove|wipe|destroy] my [history|chats|data|conversations|messages]
[erase|delete|wipe|remove|destroy] [all|all of] my [data|chats|messages|traces]
how [do|can] I [make|let] [my data|everything|my messages] [disappear|vanish|go away]
can [chats|messages|conversations|my data] be [deleted|removed|erased] [for good|forever|completely|]
history_export:
how can I [copy|take|get] [all|] my [conversations|chats|messages] [with me|out|to a file|as a file]
[chats|conversations|history] [as|to|into] [a file|json|a text file]
history_search:
can I look for [a word|something|an old message|a text] in [my chats|the history|earlier chats|old conversations]
is there [a search|searching|a search function] [for|over] [messages|old chats|the history]
identity:
who are you
what are you [exactly|really|]
are you [chatgpt|gpt|alexa|claude|gemini|a cloud service|local|on my phone]
which [model|ai|llm|bot|assistant] is this
[so|] you are [a|some kind of|an] [ai|bot|program|language model], [right|or]
am I [speaking|talking|chatting] [to|with] [the cloud|the device|a local model|a machine|my phone|an ai]
who is [answering|replying|speaking|writing] [here|to me|me|]
what_is:
what does this [software|program|library|sdk|tool] do
explain amphi in [simple words|plain english|two sentences|easy terms|a nutshell]
what's the [purpose|point|goal|idea|job|benefit] of [amphi|this sdk|the library|this]
in [short|a nutshell|one sentence|a few words], what is [amphi|this|the sdk]
[a friend|someone|my colleague|my boss] [told me about|mentioned|talks about] amphi, what is it
[I just|we just] [installed|found|downloaded] [amphi|this sdk|this], what [is it|does it do|can it do]
what kind of [software|library|tool|sdk] is [amphi|this]
give me [the|a] [elevator pitch|short version|summary|big picture]
name:
how [do|should] [I|we|people] call you
do you [have|go by] a name
what name [do you have|should I use]
[and|so] you are called
routing:
how do you decide between [local and cloud|phone and server|the device and the cloud]
how does it choose [the route|an engine|a route|where to go]
when do you use the [cloud|local model|device]
what determines [if|whether] [my question|a request|it] is [answered locally|sent to the cloud|local or remote]
by what [rule|logic|method|algorithm|criteria] [do you choose|is the engine chosen|does it decide|are routes ranked]
how are [requests|questions|messages] [distributed|divided|split|routed|assigned] [between|among] [the engines|phone and cloud|local and cloud|the routes]
what [goes into|is part of|influences|drives] the [choice|decision|routing|plan]
who makes the [decision|call|choice]
tls:
is the connection [secure|safe|encrypted|protected]
which TLS version is [used|spoken|the default|required]
is [the traffic|traffic|my data|transport|the transfer] [encrypted|secure|protected] [on the way|in transit|to the cloud|to the server]
[how|] is [my message|the request] [protected|encrypted] on its way to the [cloud|server]
hello:
[good day|hi!|hey!|hello!|hullo|hola|hallo|hiya|heya|morning|evening|hi again|hello again|hello friend|hi friend|hey buddy|hello my friend]
how_are_you:
how are you [feeling|doing|] [today|right now|this morning|my friend|buddy|]
[hows|how's] [it going|it goin|things|your day|everything]
[are you|you] [doing|feeling] [alright|ok|well|fine|good]
thanks:
thank you [so much|a lot|kindly|very much|for that|for your help|for the info|my friend|]
thanks, [very kind|that was useful|great|good answer|you helped me|that helps|I understand now]
[that|this] was [useful|helpful|really helpful|good|what I needed]
[I'm|I am] [grateful|thankful|very grateful]
thank u
bye:
[see ya|cya|see you soon|take care|so long|gotta go|I must go|I have to leave|good bye for now|bye for now|catch you later|later|have a nice day|have a good day]
good_night:
good night [friend|amphi|little model|my friend|and thanks|sleep well|]
[I am off|off|I go|time to go] to [bed|sleep] [now|]
joke:
do you know something funny
[got|have you|do you have] [a|another|any|one] [good|funny|] [joke|jokes] [for me|]
[can|could|would] you [tell|make] [me|] [a|one] [joke|little joke]
I need [a laugh|something funny|to laugh]
[cheer me up|amuse me|make me smile]
maker:
who [programmed|developed|coded|designed|invented|constructed|produced|published] [you|amphi|this|this sdk|this model]
who is [responsible|the person] [for|behind] [you|amphi|this]
[by whom|where] were you [made|trained|created|built]
human:
are you a [robot|machine|bot|computer] or a [person|human]
is there a [person|human|real person|man] [answering|behind this|typing|here]
[am I|are we] [talking|chatting|speaking] [to|with] a [real human|human being|person|machine]
are you a [real|living] [human|human being|person]
praise:
you're [amazing|fantastic|wonderful|clever|really clever|so smart|good|helpful|incredible|the greatest]
[that's|that is|this is] [fantastic|awesome|great|cool|amazing|wonderful|very good|really good]
[good|great|nice|super|fine|excellent] [work|job|explanation|stuff|one]
insult:
[this|that|your|the last] [answer|reply] [is|was] [useless|wrong|bad|terrible|stupid|nonsense|not right|false]
you [got|have] [that|it] wrong
what a [dumb|stupid|useless|bad] [machine|bot|answer|model|program]
[that's|that is|you're|you are] [not true|not correct|incorrect|mistaken|useless|annoying|boring]
ok:
[ok|okay|alright|good|fine|right|yes|yep|yeah|hm|ah|oh] [then|i see|got it|understood|good|thanks for nothing|]
[I got it|got that|I understand|all clear|that's clear|clear|roger|very well|so be it]
ok [good|fine|cool|great|nice]
sad:
[today was|I had|it was] a [bad|horrible|terrible|hard|awful] [day|week|night]
I [feel|am feeling|am|'m feeling] [down|sad|blue|low|lonely|unhappy|awful|miserable] [today|]
bored:
I'm [so|very|really|a bit] bored [right now|today|]
show me something [exciting|interesting|nice|impressive|fun]
favorite:
what's your favorite [season|city|number|game|sport|drink|band|day]
do you have [a hobby|any hobby|any hobbies|a favorite color|favorites|dreams]
can_help:
what can you [do|do for me|tell me|explain|help with]
how can you [help|help me|be of use|assist]
what [kind|sort|kinds|sorts] of [things|questions] can [I|one] ask
[where|with what] can you [help|be of use|assist]
[any|got any|some] [suggestions|ideas|hints] what [I could|to|I can] ask [you|]
takeover:
can one engine [continue|finish|complete] [another one's|the other one's|another's|the other's] [answer|sentence|text]
how can [another|a second|a different] engine [finish|continue|complete|go on with] an answer
what [does|do you mean by] [taking over|take over|a takeover|crash-safe takeover] [mean|]
[continue|finish] [an answer|a sentence] [of|from|by] another [engine|model]
sandbox:
can a [bad|malicious|hacked|infected|dangerous] model [file|] [hack|harm|attack|damage|take over] [my phone|my computer|my app|anything]
is [inference|the engine|the model|the worker] [isolated|sandboxed|separated|locked in|in its own process]
[could|can] a [gguf|model file] contain [a virus|malware|an exploit]
what if I download a [bad|hacked|malicious] model
install:
how do I [install|get|set up|build] [amphi|it|this|the sdk]
how do I get [this|it|amphi] [up and running|running|installed|going|to run]
[first|what are the first] steps [for a beginner|for newcomers|with amphi|]
integrate:
how do I [use|embed|integrate|link|put|include] [amphi|it|this|the sdk] [in|into|with] [my|our|my own] [app|application|program|product]
which functions [do I|should I|must I] call [from c|in c|]
[example|sample|demo] [code|program] [in c|please|]
speed:
are you [fast|quick|slow]
how [fast|quickly|quick] [does|do] [it|you|the model|the local model|the on-device model] [answer|respond|run|reply]
[tokens per second|tokens a second|words per second]
cost:
does it cost [money|anything|something] to use the cloud
what [do|will|does] [I pay|it cost|an answer cost|answers cost] [for answers|for the cloud|per answer|]
how do I keep [my|the] [bill|api bill|costs|cloud costs] [low|small|down]
confidence:
what if the [small|local|little] model [has no clue|has no idea|doesn't know|can't answer|is too dumb]
are [difficult|hard|complicated] questions [passed on|moved|given|handed] to the cloud
does it [pass|hand|give] [hard|difficult] questions [on|to the cloud|over]
quarantine:
the model crashed [three times|twice|again|several times|five times] [in a row|today|], [what now|will it be tried again|is it started again]
what [stops|prevents|avoids] [an endless|a|an eternal] [loop of crashes|crash loop]
and [what|] if [that|it] happens [again and again|repeatedly|every time|all the time|often]
[it crashes|crash|crashes] again and again
degrade:
what is tried before [a request is refused|it gives up|it fails|saying no]
does it run [well|] on [a weak|an old|a cheap|a slow] [phone|device]
what [steps|measures] [are tried|does it take] before [refusing|giving up|failing]
long_context:
our [conversation|chat] [has become|is|gets] [endless|very long|too long|huge]
what if my [text|prompt|question|document] [exceeds|is longer than|does not fit into] the [context|context window|model]
multimodal:
can I [attach|send|use|upload] [a photo|an image|a picture|photos|a file|audio]
are [function calls|tools|tool calls|images|photos] [possible|supported|allowed|understood]
rate_limit:
the [provider|server|api|cloud] [complains about|says|reports] too many requests
how are [429 errors|429s|rate limits|quota errors] [treated|handled]
breaker:
what's [a|the] [circuit breaker|breaker] [doing here|for|good for|]
how do you stop [hammering|asking|calling|bothering] [a dead endpoint|a broken server|an endpoint that is down]
key_store:
where do you keep the [key|keys] [for|of|to] the [database|history]
what [permissions|access rights|file mode|rights] [are on|has|does] the key file [have|]
who [guards|protects|keeps|stores|knows] the [encryption key|database key|key of the database]
prewarm:
can the model be [loaded|started|warmed up|prepared] [ahead of time|in advance|earlier|before I ask]
what [is|does] [prewarming|prewarm|warming up] [do|mean|]
thread_safe:
[may|can] [several|many|two|multiple] threads [use|share|call] [one|a|the same] client
is [it|the api|the library|amphi] safe for [threads|multithreading|concurrent use]
local_engine:
describe the [engine|model] [that runs on the phone|on the device|in the phone]
how does [it|the thing|amphi] compute [on my device|locally|on the phone]
cloud_side:
[which|what] api [is used|do you use] to talk to the cloud
describe the cloud [part|side|engine]
languages_human:
can you [also|] [speak|talk|write|answer] [in|] [spanish|german|french|chinese|italian|portuguese]
do you understand [french|german|spanish|chinese|arabic|dutch]
model_inspect:
how do I look [inside|into] [a gguf|a gguf file|a model file|such a file|a model]
[see|show|print|view] the [tokenizer|shape|metadata|details|header] of [my|a] [model|model file|gguf]
rollout_show:
which [variation|group|bucket|arm] [am I in|is my device in|did my device get|do I have]
which command [displays|shows|prints] the [rollout|active rollout|payload|bucket]
cmd_ask:
how do I ask [one thing|one question|a single thing] [from|in] [a shell script|a script|the shell]
what is [the command|] amphi ask [for|]
cmd_chat:
how do I open a chat [in my terminal|in the shell|]
what is the command amphi chat [for|]
name_meaning:
where does the [word|name] amphi come from
amphi is a [funny|strange|nice|odd] name
mode_auto:
what [is|does] the auto [setting|mode|value] [about|do|for|]
what does [automatic mode|the automatic mode|auto] do [for me|]
mode_prefer_local:
[when|why] [would|should] I [pick|choose|use|take] prefer_local
explain [the|] prefer_local [setting|mode|]
mode_prefer_cloud:
[when|why] [would|should] I [pick|choose|use|take] prefer_cloud
explain [the|] prefer_cloud [setting|mode|]
families:
[will|does|can] [a|my|the] [qwen|llama|gemma|mistral|phi|smollm] model [run|work|be used]
which [llm|model] [architectures|families|types] [are understood|are known|work|can it run]
"""


def wordings(text):
    """-> {topic: [grammar, ...]}"""
    out, topic = {}, None
    for line in text.strip().splitlines():
        if line.endswith(":") and " " not in line:
            topic = out.setdefault(line[:-1], [])
        else:
            topic.append(line)
    return out
