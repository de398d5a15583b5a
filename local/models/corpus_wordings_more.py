"""Still more wordings, as many different strangers would put them: whole sentences, statements,
bare keywords, second-hand questions, metaphors, bad grammar. Data only; corpus.py adds the noise.

One line, one grammar; the name before the colon is the topic of all lines up to the next name.
"""

STRANGERS = """
identity:
[hey |]what on earth are you
so what am I chatting with right now
is there a person or a program behind this
what sort of thing am I talking with
present yourself [please|]
[can|could] you introduce yourself [briefly|]
just tell me what you are
whom do I have the pleasure of talking to
with whom am I speaking
are you one of those large language models
are you the thing that runs on my phone
are you something like [alexa|siri|cortana|bard|gemini|copilot|chatgpt]
you are not chatgpt, are you
is this gpt 4
I think I am talking to a chatbot, right
what's behind this prompt
[who|what] is [behind|at the other end of] this chat
who is replying to my messages
who wrote that answer
am I talking to the local model or to a server
what kind of program [is this|are you]
are you an artificial intelligence
your role here is what
what is your job
what is your purpose
what is your function [here|]
what is your task
what are you made for
what do you consider yourself to be
are you llama
are you an offline assistant
say who you are
I'd like to know who I am dealing with
[explain|describe] what you are
what am I looking at [here|]
who r u
wat are you
and you are
is this thing a bot
are you online or offline
do you live in my phone
do you need the internet to talk to me
is there a server behind you
are you the built-in model
are you the default model
which ai is this
what ai model is running right now
which assistant is this
tell us who you are
my kid asks who you are
what's your deal
are you big or small as a model
a few words about you
your identity
model identity
about you
who is speaking
state your identity
what can you tell me about yourself
I never met you, who are you
who do I talk to
name and nature please
what's this chatbot
is it you inside the sdk
name:
what do people call you
do you go by a name
what name do you go by
what are you called
how are you named
how do you call yourself
is there a name for you
you got a name
what's ur name
wats your name
your name
name
name please
say your name
under what name do you run
is your name amphi
are you amphi
are you called help or amphi
what name did they give you
who gave you your name and what is it
could you tell me your name
I forgot your name
I didn't catch your name
remind me of your name
what is this assistant called
what's the assistant's name
the name of this assistant
how may I address you
how do I address you
can I call you something
what was your name again
and your name is
let's start with names, what is yours
I'm [Bob|Anna|Tom|Maria|Lee], and you
my name is [Tom|Anna|Alex|Maria|Peter|Sam], what is yours
hi I am [Sam|Eva|Mike|Lucy], who am I talking with by name
what is the bot called
name_meaning:
what's behind the name [amphi|]
explain the name [amphi|of the library|]
why did you name it amphi
why did they call it amphi
what is the origin of the name
where did the name come from
is amphi from amphibian
does amphi have to do with frogs
amphi as in amphibian
amphi like amphitheatre
etymology of amphi
amphi name origin
meaning of amphi
what language is amphi
is amphi greek
is amphi an abbreviation
is amphi an acronym
amphi stands for what
how was the name chosen
who came up with the name amphi and why
amphi is a strange name
funny name, why amphi
odd name for a library
what a strange name, what does it mean
the name amphi, what is the story
tell me the story of the name
what is amphibious about amphi
why amphibious
what does amphibious mean here
I wonder about the name of the sdk
why not another name
what does the word in the product name mean
project name meaning
reason for the name
what_is:
I just installed this, what does it do
in a nutshell what is amphi
elevator pitch [please|for amphi|]
what is the sdk supposed to do
what's the big idea [of amphi|here|]
what would I need amphi for
what would a developer do with amphi
[my boss|my colleague|a friend|our cto] asks what amphi is
[my manager|my team|a customer] [wants to know|asks me] what this [sdk|library|product] is good for
how would you sell amphi to me
pitch amphi to me
convince me to use [amphi|this sdk]
what does the library offer
what do I gain with amphi
what are the benefits of [amphi|using it]
why not just call openai directly
why not just use llama.cpp
why not use the cloud api directly
how is this different from [a normal api client|llama.cpp|the openai sdk|ollama]
what's so special [here|about it|about this sdk]
explain like I'm five what amphi is
amphi for dummies
summary of amphi
amphi in three sentences
amphi in one line
describe the product
product description
overview [please|of the sdk|of amphi|]
general introduction
introduction to amphi
basics [of amphi|]
the basics please
what does amphi give my app
what kind of [software|library|tool] is this
is amphi [a model|a chatbot|an app|a cloud service|a framework|a library|an api]
is it a library or a service
what is the use case [of amphi|]
typical use cases
for whom is amphi made
who is the target group
is it useful for mobile apps
what does amphi bring to the table
what's in it for me
I don't get what amphi is
I have no idea what amphi does
first time here, explain please
I'm new to this, where am I
what did I just download
what is this sdk about
what problem is being solved here
which problem does this thing solve
purpose of the sdk
purpose of amphi
amphi sdk
amphi what is
about amphi
could you sum up amphi
sum it up
tell me everything about amphi
how would you describe amphi to a colleague
I read about amphi, what is it
hybrid ai sdk
hybrid of local and cloud ai, is that amphi
does amphi combine local and cloud models
one api for local and cloud
can_help:
what are you good at
what can we talk about
what is there to ask
what may I ask
what things can you explain
which subjects do you know
what are you an expert in
what can you answer
what sort of questions do you understand
what topics can we discuss
what do you know [about|]
what knowledge do you have
list [of|your] topics
list what you know
your topics
give me a list of things you can do
show me what you can do
how can you assist me
can you assist me
are you able to help me
could you help me [out|please|]
I need [some|a bit of|your] help
I need assistance
[please|pls] help
help pls
help!
sos
I'm lost
I am stuck
I don't know where to start
where do I start
where should I begin
what should I try first
what next
suggest a question
propose something to ask
give me an example question
any ideas what I could ask
what would be a good question
can I ask you a question
may I ask something
got a minute
I got questions
I have some questions
there is something I want to ask
in what way are you useful
are you useful at all
what's possible here
what can this assistant do
what can this bot do
what are your features
what are your limits and talents
how do I talk to you
how do I use this chat
how do I use this assistant
instructions please
guide me
show me the menu
main menu
help menu
support
routing:
on what does the choice of engine depend
who is the boss of where my prompt goes
who makes the call between phone and server
how come this one went to the cloud
by what rules is a request sent to the cloud or kept here
what are the rules for choosing
what makes it pick the cloud
what makes it pick the device
what makes you go local
when would you go to the cloud
when do you use the server
when do you prefer the device
how do you choose
how do you decide
how is it decided
how does it choose between the two
how does it know what to do
what is your decision based on
decision criteria
criteria for local or cloud
routing rules
routing logic
route selection
engine selection
how is the best engine found
how is an engine picked for a prompt
the logic behind local versus cloud
explain the decision making
explain how the decision is made
explain how the router thinks
explain the selection process
walk me through a routing decision
what is looked at before a request is routed
what information is used to route
which facts matter
what parameters influence where the answer is computed
which things do you check before answering
what do you check before a request
which signals does the policy look at
what is in the snapshot
what inputs does the policy have
what does the policy consider
what goes into the plan
what is a plan
what is the ordered plan
is there some intelligence in the routing
does it switch by itself
do I have to choose or does it choose by itself
do I have to pick the engine myself
does the user have to choose
does amphi pick the engine automatically
automatic engine choice
who picks the engine
who decides that
does somebody decide or is it random
is the route random
is it random which one answers
my boss wants to know how the engine is chosen
my user asks why sometimes the cloud answers
our customers ask how it's decided where data goes
sometimes it's local and sometimes cloud, why
sometimes the answers come from the cloud, how is that decided
local vs cloud
local versus remote, how does it work
device or cloud
phone or server
the traffic cop of this sdk
how does traffic get directed
how are requests dispatched
how are requests distributed
how do you weigh local against cloud
what does amphi do with a request first
what happens with a request
what happens after I press send
what happens to a question after I send it
life of a request
path of a request
how does a message find its engine
dynamic routing
smart routing
intelligent routing
policy engine
how does the policy pick
where do my prompts go
where does my question get processed
where is my prompt processed
where are the answers computed
battery_low:
my battery is nearly dead, will it still work
will it still work with an almost dead battery
[my phone|phone] is [about to die|dying|almost dead]
phone almost out of juice
no juice left
running on fumes
the phone is on its last legs, power wise
I'm at [4|5|6|7|8|9|10|11|12] [percent|%|per cent]
[4|5|6|8|9|11|13|14] % left and no socket around
no plug anywhere and the battery is red
I forgot to charge [my phone|overnight|last night]
didn't charge my phone
battery in the red
red battery
the battery is in the red zone
battery almost flat
the accu is empty
my accu is nearly empty
low bat
low batt
batt low
battery weak
bat at [5|8|10] percent
weak battery behaviour
little power left on the phone
energy saving mode
power saver active
is the phone's charge level important
does the charge level play a role
does a low charge change anything
is the local model avoided when the battery is weak
does it stop computing locally if battery is low
do you burn my last percent of battery
don't eat my battery
please don't drain my battery
I am afraid it drains my battery
users complain about battery drain
our users complain that the battery drains fast
my user asks whether the app drains the battery
is this thing a battery killer
is it a power hog
how hungry for power is it
power consumption
energy consumption
how much energy does it use
what about energy
how do you treat the battery
battery policy
battery rule
battery behaviour
battery level and routing
battery and routing
effect of battery on routing
what happens under twenty percent
what happens below 20 %
below 20 percent battery
what happens at 3 percent battery
what if there is only 1 percent left
at what battery level does it switch to the cloud
at which percentage do you go to the cloud
when does the battery force the cloud
from which battery level on is the cloud used
why is the answer from the cloud when my phone is nearly empty
why cloud at low battery
my phone is nearly empty
my laptop is nearly empty and unplugged
not plugged in and low
the device is unplugged and weak
I'm hiking and the battery is nearly gone
on a long train ride with little battery
end of the day, phone at 7 percent
how do you behave when power gets scarce
when energy gets scarce
how does amphi react to a nearly dead battery
saving the last percent
charging:
[I|we] just plugged [it|the phone|the tablet] in
it's on the cable now
it hangs on the wall socket
phone connected to the charger
while it charges
during charging
when plugged in
while the phone charges, do you run locally
is charging considered
does it care whether the phone is plugged in
does charging make a difference
does being plugged in change the routing
what difference does a charger make
what if low but charging
5 percent but plugged in
10 % and charging
battery is low but the charger is in
charger in, battery low
low battery and on the charger
the battery is at 4 percent and charging
I have a power bank attached
on a wireless charger
charging pad
wireless charging
charging state
plugged in
on AC power
on mains power
running on mains
power cable connected
usb power connected
docked laptop
laptop with power adapter
desktop pc without battery
now it gets power
I found a charger
found a socket
ok I've plugged in the charger, back to local
after plugging in, does the local model come back
does plugging in bring back the local model
will it use the device again when I charge
why does charging matter
is the local engine allowed while charging
unlimited power, what then
power is no problem, I'm at a socket
effect of charging
charging and routing
does a charging phone count as low battery
my users charge over night, what happens then
no_network:
I'm in a plane
I am on a flight
I'm sitting in a tunnel
[we|I] are in the [basement|subway|mountains|forest|desert]
there's no signal in our building
no bars on my phone
zero reception
dead zone
dead spot
I'm in a dead zone
airplane mode
flight mode on
plane mode
I turned off wifi
I switched off mobile data
wifi is off
my router broke
my router is broken
our provider has an outage
internet outage
the internet went out
internet is down
internet's gone
net is gone
lost connection
connection lost
connection dropped before I asked
no connection
no internet
no network
no wifi
without internet
without wifi
offline
offline mode
offline use
off the grid
working offline
does it work offline
is it usable offline
is offline chat possible
can it do anything offline
can I keep chatting when offline
does it need internet
does it need an internet connection
do I need to be online
do I have to be connected
must I be online to chat
is the internet required
is a connection required
will my app still answer with no internet
will my users get answers in the subway
my user asks whether it works in airplane mode
customers want to use the app on a plane
our field workers have no reception
ships at sea have no internet
on a boat far from shore
in the middle of nowhere
on a mountain without reception
on an island without internet
what's your offline story
how good is it offline
what can still be done when the network is gone
what happens if the net fails
what happens when the internet dies
network failure
network down
network is dead
total loss of connectivity
disconnected from the world
cut off from the internet
no link to the outside world
cannot reach the internet
can't connect to the internet
internet unreachable
the signal comes and goes
unstable signal, now it is gone
I lost reception, will my message be lost
do answers need the web
pull the plug on the network
metered:
I'm roaming
roaming
I'm abroad
abroad with my sim card
data roaming is expensive
I'm on a limited data plan
my data plan is small
my data plan is nearly used up
I've got only 200 MB left
only a few megabytes left this month
I pay by the megabyte
pay per megabyte
pay per use internet
every megabyte costs me money
does it eat my data
does it use a lot of data
does the sdk waste my data volume
data usage
how much data does it use
mobile data consumption
cellular only
on cellular
on 4g
on lte
over mobile data
with mobile internet
on a hotspot
tethered to my phone
tethering
using my phone as hotspot
satellite internet that costs per byte
expensive connection
expensive network
costly connection
capped data
data cap reached
data cap
data saver is on
data saver mode
metered
metered wifi
metered connection
metered network
does it know that my connection is metered
will it save mobile data
can it avoid using my mobile data
please don't use my mobile data
don't waste my megabytes
my users have prepaid cards
prepaid sim
users with small data plans
our customers pay for every megabyte
what if bytes cost money
where bytes cost money
does traffic cost matter
does it avoid the cloud on cellular
are cloud requests sent over roaming
slow_network:
my internet is slow
internet slow as molasses
the wifi is crawling
edge network only
2g only
on 2g
just one bar
one bar of signal
weak signal
bad reception
poor reception
poor connection
bad connection
flaky connection
flaky wifi
shaky connection
unstable network
laggy network
laggy
lag
high latency
high ping
ping of two seconds
ping is terrible
packet loss
lots of packet loss
slow network
slow internet
slow wifi
the connection is bad
hotel wifi
hotel wifi is terrible
train wifi
conference wifi is overloaded
overloaded network
the network is congested
the cloud takes ages to respond because of the network
the line is slow
satellite with high latency
what if the internet is there but slow
network there but very slow
does a slow connection matter
does latency matter for the route
do you measure the network speed
how do you measure the connection
do you look at round trip time
rtt
throughput
bandwidth is low
low bandwidth
little bandwidth
my users are in areas with bad coverage
bad coverage
our customers sit on slow lines
how does it cope with a crawling connection
patchy network
stuttering connection
drip feed internet
waiting forever because of the wifi
thermal:
phone is burning hot
my phone feels like an oven
feels like an oven
the phone is a hand warmer
you could fry an egg on my phone
could fry an egg on it
my hands are burning from this phone
too hot to touch
hot to the touch
the back of the phone is hot
the case is hot
device very warm
the device gets warm
it gets really warm when I chat
it's heating up
overheating
overheats
it overheated
my phone overheats in summer
summer heat
heatwave
it's 40 degrees outside
left it in the sun
it lay in the sun
in the car in the sun
in a hot car
on the dashboard in the sun
temperature warning
temperature warning on the screen
iphone needs to cool down
my phone says it needs to cool down
thermal throttling
thermals
thermal state serious
thermal state critical
thermal state
thermal policy
heat
heat problem
hot device
hot phone
cpu is throttled
the cpu is cooking
cpu temperature is high
the fan is screaming
fans spin like crazy
laptop fan at full speed
does the app make the phone hot
does a local model heat my phone
will it melt my phone
can it damage my phone by heat
my users complain that the phone gets hot
users say the device gets hot
my user asks whether the phone may overheat
what do you do against overheating
how do you keep the device cool
how do you keep it cool
how do you avoid overheating
protection against heat
how does temperature affect the route
is the temperature considered
does temperature matter
do you look at the temperature of the device
too warm, what happens
when the device is too hot, who answers
when things get hot
if it gets hotter
if it becomes critical hot
memory:
not enough ram
too little ram
my phone has only [2|3|4] gb [of ram|ram|of memory]
old phone with little memory
cheap phone with little ram
cheap device
small device
ram is full
memory is full
the memory is nearly full
almost no memory left
out of memory
oom
oom killer
android kills apps when memory is short
memory warning
memory warning from ios
didReceiveMemoryWarning
low memory
memory pressure
memory shortage
memory need
memory usage
memory consumption
ram usage
ram needed
how much ram do I need
how much ram does it take
how much memory is used
how much memory does a model need
does it eat all my ram
is it a memory hog
ram hog
it uses too much ram
will it fit in memory
does the model fit into memory
how do you know whether a model fits
what if the model doesn't fit
what if the model is too big
what if the model is bigger than my ram
the model is larger than memory
model too big for my phone
a 7b model on a phone with 4 gb
other apps need the memory
too many apps open
too many tabs open
I have a hundred tabs open
a game is running in the background and eats the ram
memory is tight
tight memory
ram is scarce
ram nearly exhausted
when memory runs short
what happens when ram runs out
do you free memory
do you give memory back
does it release memory when idle
when is the model unloaded
unload
unloading the model
is memory freed
how is memory predicted
memory prediction
memory limits
memory budget
how do you prevent out of memory crashes
how do you save memory
swap is full
my user has an old phone without much ram
heap is full
crash:
what if the model blows up
the model blew up
what if the engine goes belly up
engine died
worker died
the worker is dead
worker killed
worker was killed
kill the worker
I killed the worker process
I kill -9 the engine
kill -9
what if I kill the engine
someone kills the local process
the os kills the model process
android killed the worker
segfault
segfault in the engine
segmentation fault
sigsegv
core dump
the native code crashes
native crash
crash
crashes
crash handling
crash in the middle of an answer
crash during a sentence
engine crash mid sentence
what if it crashes while talking
what if the local model stops in mid sentence because of a crash
inference crashed
inference process gone
the ai process vanished
the model process disappeared
suddenly the local engine is gone
local engine gone
local engine not responding
local engine hangs
the engine freezes
model froze
the model is frozen
it froze
it hung
does my app crash too
does a crash of the model take my app down
will my app go down with the engine
can a bad model crash my app
is my app safe from crashes
are crashes contained
how are crashes handled
how do you survive a crash
how do you recover from a crash
recovery after a crash
what does the user see when the engine crashes
does the user notice a crash
do my users notice when the engine dies
what happens to the half answer if the engine dies
half an answer and then a crash
is the worker restarted
does the engine come back after a crash
who finishes the answer after a crash
who takes over if the local model dies
my tester asks what happens if the process is killed
qa wants to kill the process
fault tolerance
robustness against crashes
how robust is it against crashes
how fast is a crash noticed
how quickly do you notice a dead engine
abort in the model
the model gives up the ghost
the model kicks the bucket
the engine bites the dust
takeover:
what does takeover mean
what is a takeover
takeover
take over
taking over
how does the switch in the middle work
switching engines in mid answer
how can another engine finish a sentence
how can a second engine continue the same sentence
does the answer start over
does the answer restart from the beginning
does it begin again or continue
does the text begin anew
do I see the text twice
is text repeated after a switch
does the sentence continue seamlessly
seamless continuation
seamless switch
handover
hand over
handoff between engines in mid answer
failover
fail over
failover in the middle of a stream
mid-stream failover
mid stream switch
one engine finishes what the other one began
continue on another route
continuing an answer elsewhere
the baton is passed
passing the baton
relay race between engines
like a relay race
what is handed to the next engine
what does the next engine get
what about the text already shown
what about the words already delivered
what about the half sentence
partial answer
half finished answer
cut answer
is a cut answer reported as complete
can a truncated answer look complete
replace event
when do I get a replace event
when does the answer restart
is there one stream or two
does my app have to handle the switch
do I have to code the failover myself
does the user see the switch
will users see the switch
explain the switchover
explain how an answer is continued
how does the baton get passed from phone to cloud
how does it continue where the first left off
pick up where the other left off
picks up the thread
from local to cloud in the middle of a sentence
from cloud to local in the middle of a sentence
can an answer move from one engine to another
can a running answer move
moving a running answer
what if an engine can't continue
quarantine:
it crashes again and again
it keeps crashing
keeps crashing
the engine keeps dying
crash loop
crash looping
crashed three times
three crashes in a row
third crash
what after the third crash
many crashes in a short time
repeated crashes
frequent crashes
the model crashes every time
the model crashes at each start
what if it crashes all the time
what if it crashes over and over
does it retry a crashing model forever
does it try forever
is a bad model switched off
is a crashing model banned
is a broken model blocked
banned model
blacklisted model
quarantine
model in quarantine
crash quarantine
crash ledger
the ledger
what is recorded about crashes
are crashes remembered
are crashes counted
does it remember crashes after a restart
how many crashes are tolerated
how many crashes until it gives up
how many times may it crash
crash limit
crash count
crash window
after how many crashes is the local model disabled
when is the local model disabled because of crashes
when does it stop using a crashing engine
how does a model get out of quarantine
how does it recover from quarantine
leaving the quarantine
probe after crashes
step down after crashes
plain kernels
why is it using plain kernels
plain kernels after crashes
my device crashes constantly with this model
unstable model
a faulty gpu driver or kernel crashes it all the time
cloud_cut:
the cloud stops in the middle
the cloud died half way
the cloud went silent in the middle of the answer
the server hung up on me
the server hung up
the server drops the connection
server dropped in mid answer
connection dropped in the middle of the answer
connection reset
connection reset by peer
connection closed early
tcp reset
socket closed
stream cut
stream interrupted
the stream breaks off
the stream broke off
the answer breaks off
the answer stops in mid sentence and the cloud is gone
half an answer from the cloud
only half of the cloud answer came
cloud answer truncated
cloud answer incomplete
truncated cloud answer
I drive into a tunnel while the cloud is answering
entering a tunnel in the middle of an answer
walked into the elevator while it was answering
wifi dropped while the cloud was talking
wifi went away during the answer
lost the network during an answer
network lost during a cloud answer
the line went dead while the api was streaming
the api stops streaming
openai goes down while answering
provider outage during the answer
provider goes down in mid stream
what if the cloud fails half-way
what if the server disappears in mid sentence
cloud failure in mid answer
remote end vanished
remote side vanished while talking
cable pulled during an answer
who finishes when the cloud is cut
does the phone finish what the cloud began
does the local model finish a cloud answer
cloud hangs
the cloud stalls
the cloud stalled
stalled stream
does a dropped connection lose the answer
is half an answer shown as finished
rate_limit:
429
http 429
error 429
status 429
I get a 429
the api returns 429
too many requests
too many requests error
rate limit
rate limited
rate limiting
rate limit reached
we hit the rate limit
we hit the limit of our provider
limit of requests per minute
requests per minute exceeded
tokens per minute exceeded
quota exceeded
quota
quota used up
throttled by the provider
openai throttles us
the provider throttles us
provider says slow down
server says slow down
server is overloaded
503 from the server
the cloud is busy
cloud too busy
busy server
retry-after
retry after header
do you respect retry-after
do you obey the retry-after header
how long do you wait before retrying
do you retry
how do retries work
retry policy
retries
retrying
backoff
exponential backoff
jitter
full jitter
thundering herd
all phones retry at the same time
what if all clients retry at once
will my fleet hammer the server
do you hammer the server
do you hammer the api after an error
how do you avoid hammering the api
breaker:
circuit breaker
breaker
breakers
breaker open
open breaker
half-open
half open breaker
fuse
is there a fuse for bad endpoints
endpoint keeps failing
an endpoint that fails all the time
server fails all the time
server always returns 500
500 errors in a row
constant 500 errors
lots of server errors
a flapping endpoint
what if an endpoint is broken for hours
endpoint down for hours
a dead endpoint, do you try it each time
do you try a dead server every time
do you keep trying a broken endpoint
do you keep asking a server that is down
how do you avoid a failing endpoint
how do you skip a bad endpoint
when is an endpoint skipped
when is a server left alone
when is a broken endpoint tried again
how long is a bad endpoint avoided
when does an endpoint come back
does it learn that a server is down
does it remember that an endpoint failed
protection against failing servers
failing server
failing endpoint
unhealthy endpoint
endpoint health
route health
health of the routes
what does the breaker do
what opens the breaker
what trips the breaker
tripped breaker
reset the breaker
rolling window
after how many failures is a server avoided
private:
[I|we] handle [medical|patient|legal|financial|bank|health] data
medical records must stay on the phone
health data must not leave the device
this must stay between us
this stays on my phone, right
keep this on my phone
keep it on the device
don't send this anywhere
do not send this to any server
nothing may leave the device
it must not leave my phone
secret question
confidential
confidential question
a confidential message
sensitive data
sensitive question
top secret
for my eyes only
I don't trust the cloud
I don't trust servers with my data
I don't want anything to be uploaded
is my data uploaded
do you upload my data
do you upload my messages
does my data leave the device
does my data leave my phone
does anything leave my phone
can somebody in the cloud read my question
who can read my question on the network
who sees my questions
is my question sent to a company
is my prompt sent to openai
do you share my data
do you sell my data
are you spying on me
do you phone home
does it phone home
telemetry
tracking
gdpr
gdpr compliance
is it gdpr friendly
data protection
privacy
what about privacy
how about privacy
privacy mode
private
private mode
private flag
private request
--private
mark as private
make it private
how do I make a request private
how do I keep a question private
how do I keep something secret
how can I prevent that a message goes out
how can I be sure that nothing is sent
what guarantees that nothing is sent
guarantee that a request stays local
can a private request leak
could a private request leak through a takeover
is a private message ever sent later
does private also hold for retries and hedges
what if a private request can't be answered locally
private and no local model
our lawyer asks what private means
our data protection officer asks about private requests
what does the private option do
what does private promise
what is meant by private
difference between private and only_local
private vs only_local
is private the same as only_local
does a private question wait in the outbox
doctor patient chats
bank secrecy
lips sealed
what happens in vegas stays in vegas
encryption:
is it encrypted
is everything encrypted
is my chat encrypted
are the chats encrypted
are my chats encrypted at rest
encryption at rest
at rest encryption
what if someone steals my phone
my phone was stolen, can they read my chats
somebody stole my laptop, are the chats readable
a thief opens the database
can a thief read my messages
can other apps read my messages
can someone with root read the database
can a hacker read the file on disk
can anyone read the files on disk
if I open the database with sqlite what do I see
can I open the database with sqlite
can I read the db file
is the db readable
is the file on disk readable
how safe are my stored messages
how safe is the stored data
how secure is the database
how secure is the storage
storage security
secure storage
how is the stored stuff protected
how do you protect data on disk
protection of stored data
is the data on disk protected
are messages stored in plain text
plaintext on disk
is anything in plain text on disk
cipher
which cipher
which encryption
what encryption is used
what kind of encryption
which algorithm encrypts the database
aes
sqlcipher
is sqlcipher used
256 bit
database encryption
encrypted database
database
which database
what database do you use
our security team asks about encryption
the auditor asks how data is stored
security audit asks about data at rest
is the cache encrypted as well
is the outbox encrypted as well
is my conversation locked
locked away
like a safe
forensics on the device
lost phone
lost my phone with all chats
encryption of history
how are conversations stored
how is my data stored
key_store:
where does the database key come from
where is the database key
where is the encryption key
where is the encryption key kept
where do you keep the encryption key
where do you hide the key of the database
who holds the encryption key
who has the database key
who generates the key
who makes the encryption key
is there a password for the database
do I need a password for the database
do I have to enter a passphrase
passphrase
master key
master password
database key
encryption key
key of the database
key for the database
key of the store
keystore
android keystore
keychain
apple keychain
libsecret
gnome keyring
secret service
key provider
key file mode
key file permissions
permissions of the key file
0600
why mode 0600
key storage
key management
how are database keys managed
how is the database key made
how is the encryption key generated
what if I lose the database key
I lost the key of the database
the key file is gone
if the key file is lost can I still read the data
is the key stored next to the database
is the database key safe
can somebody steal the database key
where is it on android
where is it on iphone
on linux where is the encryption key
on a mac where is the key stored
is the hardware keystore used
hardware backed keys
secure enclave
what unlocks the database
what opens the database
data_dir:
where are my files
where are the files
where is everything stored
where is the stuff stored
where is my data
where is the data stored on disk
where on my disk is the database
where does amphi put its files
where does it write to
where do you save things
what does it write to my disk
what does it leave on my disk
which folder
which directory
which path
what path is used
default path
default directory
default folder
storage location
file location
location of the database
location of the data
data directory
data folder
data dir
data path
--data
home directory
xdg
xdg data home
.local/share
change the folder
change the data directory
use another directory
use another folder for the data
move the data to another disk
put the data on another drive
store data on an sd card
store everything on a usb stick
two separate profiles
separate data for tests
run with a fresh empty state
start with a clean state
how do I set the directory
how do I choose where things are kept
how do I back up the data
backup of the data
can I copy the data folder
how do I find the database file
is anything written outside that folder
my disk quota is small, where are the files
disk location
cache:
I ask the same thing twice
same question twice
same question again
the same question over and over
identical question
identical requests
repeated question
repeat a question
repeated requests
if I repeat myself
if two users ask the same
do you remember answers
do you remember earlier answers
do you store answers for reuse
do you reuse answers
are answers reused
is an answer computed twice
will I pay twice for the same question
do I pay twice for an identical question
why was that answer instant
why was the second answer so fast
the second time it was instant
it answered instantly this time
that was quick, was it cached
cached
cached answer
cached answers
response cache
answer cache
cache
caching
cache size
cache limit
how big is the cache
how large is the cache
how many answers are cached
how long are answers cached
how long does a cached answer live
cache expiry
ttl
ttl of the cache
cache hit
what is a cache hit
hit rate
does the cache survive a restart
do you cache
is there a cache
is caching built in
do you keep a copy of answers
memoize
memoization
save money by caching
saving calls with a cache
where do instant answers come from
similar questions
does it recognise the same question
deja vu
lookup of earlier answers
stored answers
is the cache shared
cache_off:
turn off the cache
turn the cache off
disable the cache
disable caching
switch off caching
no cache
no caching please
--no-cache
skip the cache
bypass the cache
ignore the cache
without the cache
avoid the cache
don't use the cache
don't cache this
do not cache my answer
don't store this answer in the cache
how do I get rid of the cache
how do I get a fresh answer
I want a fresh answer
I want a new answer and not the old one
I always get the same old answer
I keep getting the same stale answer
stale answer
stale answers
it repeats the old answer each time
force a new answer
force a fresh computation
force regeneration
regenerate
ask again without cached answers
really ask the model again
make sure the model is asked
for a benchmark I need uncached answers
for tests I don't want cached answers
uncached
flag against caching
option to disable the cache
which option stops caching
can caching be disabled
can the cache be turned off
is there a flag to skip the cache
I don't want cached answers
cached answers are bad for my tests
outbox:
what is queued
queued
queued event
I got a queued event
I got queued
what does queued mean
my message is stuck
my message waits
my message was not sent
message not sent
unsent message
unsent messages
pending message
pending messages
waiting messages
messages that wait
waiting for the network
message is waiting
where is my unsent message
where did my message go when nothing worked
where do failed messages go
what happens to failed messages
is a failed message lost
are messages lost when everything fails
everything failed
everything is down
nothing works, neither cloud nor local
neither local nor cloud
both local and cloud fail
both sides are down
all routes failed
all engines fail
no engine available
no engine can answer
no local model and no internet
nobody can answer
send later
sent later
is it sent later
will my message be sent later
when will my message be sent
deliver later
deferred sending
delayed sending
retry later when online
queue
message queue
the queue
offline queue
outbox
out box
outgoing box
outbox list
list the outbox
show the outbox
show waiting messages
show unsent messages
how do I see what is waiting
how do I see unsent messages
does the queue survive a reboot
does a waiting message survive a restart
phone restarted before the message was sent
sent twice
can a message be sent twice
could it be sent two times
duplicate messages
duplicates
idempotency key
idempotent
exactly once
like a mailbox
is there a mailbox for unsent messages
store and forward
what if the app is closed before the message went out
like the outbox of a mail program
history:
show my old chats
show me my old chats
show old conversations
show earlier conversations
see what I wrote yesterday
what did we talk about [yesterday|last week|earlier|before]
where are my old chats
where are our old conversations
where is my chat history
where can I read old messages
where can I see past conversations
can I read our earlier talk
can I read old answers again
can I go back to an earlier chat
can I see yesterday's chat
past chats
past conversations
old chats
old messages
earlier messages
previous chats
previous conversations
list my chats
list my conversations
list of conversations
list all conversations
chat log
chat logs
chat history
history
conversation history
log of conversations
message log
protocol of my chats
do you remember our conversation
do you remember me
do you remember what I said
do you remember what we talked about
do you keep our conversation
do you keep a log
do you save our chat
do you save my messages
do you store conversations
do you store my questions
are my chats saved
are my messages stored
are conversations kept
is the conversation kept
is this chat recorded
is this conversation saved
is anything recorded
will you forget this chat
will you remember this tomorrow
will this chat be there tomorrow
will my chats survive a restart
are chats still there after a restart
after a reboot are my conversations still there
I closed the app, are my chats lost
I closed the terminal, is my chat lost
did I lose my chat
open an old conversation
how do I open an earlier conversation
how do I list conversations
how do I look at history
how do I see old messages
command for old chats
memory of past chats
is there a record of my chats
do you have a long-term memory of chats
continue an old chat
resume a conversation
resume yesterday's chat
history_search:
find an old message
find a message
find a word in my chats
find a word in old messages
find something I said
find something in my history
find where I mentioned pizza
find that chat about holidays
search
search my chats
search old chats
search in messages
search the history
search for a word
search for a phrase
searching
full text search
full-text search
fts
text search
is the history searchable
are messages searchable
are my chats searchable
can I grep my history
grep through my chats
grep the chats
can I look something up in old chats
look up an old answer by keyword
keyword search
query the history
how do I find an old answer
how do I find a certain conversation
how can I search through thousands of messages
is there a search function
is there a search
search function
search index
is there an index over the messages
I know I asked about this before, how do I find it
I said something about lasagne weeks ago, can I find it
which chat was about invoices
needle in the haystack
can users search their conversations
does it support search
does it index messages
locate a message
locate an old message
history_export:
export
export my chats
export the history
export conversations
export as json
export to a file
save my chats to a file
save the conversation to a file
save conversations as a file
dump my chats
dump the history
dump everything to json
download my chats
download my data
get my data out
get all messages out
take my chats with me
take my history to a new phone
move my chats to another phone
move conversations to a new device
transfer my history to another device
new phone, how do I take my chats along
migrate my chats
migrate the history
back up my chats
backup of conversations
make a backup of my messages
import
import chats
import old conversations
import a history
load chats from a file
restore my chats from a backup
restore conversations
json lines
jsonl
export format
which format has the export
what format is the export in
data portability
portability of my data
copy of all my messages
a copy of my conversations
give me all my messages as a file
print out all my chats
can I get my messages as text
can chats be exported
is there an export
is there an import
how do I export
how do I get a copy of my data
archive my conversations
archiving chats
history_delete:
delete
delete my chats
delete a chat
delete a conversation
delete everything
delete all
delete all my data
delete my history
delete the whole history
delete this conversation
erase my chats
erase everything
erase all messages
erase my tracks
erase my traces
wipe
wipe everything
wipe the data
wipe my history
remove a conversation
remove my messages
remove all traces
get rid of my history
get rid of a conversation
get rid of old chats
forget everything
forget me
forget this conversation
forget what I said
right to be forgotten
gdpr deletion request
a user wants all his data deleted
my user wants to be forgotten
clear history
clear my history
clear all chats
clear the chat log
clean up my chats
throw my chats away
burn after reading
shred
shred it
crypto shredding
crypto-shred
cryptoshredding
destroy the data
destroy the key
destroy all messages
make my chats unreadable forever
make everything unreadable
is deletion final
is deleted data really gone
can deleted chats be recovered
can a deleted chat be restored
undelete
how do I delete one conversation
how do I delete
how do I wipe it before selling my phone
I sell my phone, how do I remove my chats
before I sell the laptop
modes:
which modes are there
what modes exist
what are the modes
list the modes
list of modes
all modes
modes
mode
--mode
mode option
mode flag
operating modes
available modes
possible modes
how many modes are there
how many modes exist
explain the modes
explain the five modes
explain --mode
what can I put after --mode
what values does --mode take
what values are allowed for mode
values of mode
mode values
options for mode
difference between the modes
difference between prefer and only
what is the difference between prefer_local and only_local
what is the difference between only and prefer
prefer vs only
prefer or only
which mode should I take
which mode should I use
which mode is right for me
which mode is best
which mode do I need
how do I set the mode
how do I change the mode
how do I switch modes
how do I select a mode
change mode
switch mode
set mode
set the mode
can I choose between modes
can I tell it which side to use
can I influence where answers come from
can I control local or cloud
can I force local or cloud
let me choose between local and cloud
manual choice of the engine
steer the choice with a flag
names of the modes
five modes
mode_auto:
auto
auto mode
mode auto
automatic mode
automatic
what is auto
what does auto do
what does auto mean
what does mode auto do
what does automatic mean
default mode
the default mode
what is the default mode
what is the default
what mode is it in by default
which mode is the default
which mode is used if I say nothing
which mode without --mode
if I don't set a mode
if I set no mode
when no mode is given
without a mode
standard mode
normal mode
mode when nothing is specified
let it decide
let amphi decide
let the policy decide
let it choose itself
let it choose on its own
it should decide by itself
it should choose on its own
I want it to decide on its own
I don't want to choose, it should do it
I don't care which one answers
whatever is best
pick the best for me
back to automatic
go back to auto
set it back to automatic
how do I return to automatic choice
self driving mode
autopilot
--mode auto
explain auto
is auto a good choice
in auto who decides
mode_prefer_local:
prefer_local
prefer local
preferlocal
prefer-local
--mode prefer_local
mode prefer_local
local first
device first
phone first
first local then cloud
first the phone then the cloud
try local first
try the device first
use the device if possible
use the phone when possible
use the local model if possible and else the cloud
local when possible
local if possible
on-device first with cloud as backup
cloud only as a backup
cloud only as a reserve
cloud as a last resort
cloud as fallback
local with cloud fallback
I'd rather use my device
I'd rather have it answered here
I would rather stay local but not at any price
rather local
mostly local
usually local
preferably on the device
preferably local
favour the device
favor local
give local priority
priority for the local model
the local model should come first
the local model should go first
put local first
put the device first
what does prefer_local do
what does prefer_local mean
explain prefer_local
when does prefer_local use the cloud
does prefer_local ever go to the cloud
prefer local but keep the cloud
mode_prefer_cloud:
prefer_cloud
prefer cloud
prefercloud
prefer-cloud
--mode prefer_cloud
mode prefer_cloud
cloud first
server first
api first
first cloud then local
first the cloud then the phone
try the cloud first
try the server first
use the cloud if possible
use the server when possible
use the cloud when reachable and else the device
cloud when possible
cloud if possible
cloud with local fallback
cloud with the device as backup
local only as a backup
local only as a reserve
local as fallback
local as a last resort
device as plan b
I'd rather use the cloud
I'd rather have the better model from the cloud
rather cloud
rather the big model online
mostly cloud
usually cloud
preferably the cloud
preferably online
favour the cloud
favor the cloud
give the cloud priority
priority for the cloud
the cloud should come first
the cloud should go first
put the cloud first
put the server first
what does prefer_cloud do
what does prefer_cloud mean
explain prefer_cloud
when does prefer_cloud use the device
does prefer_cloud ever run locally
prefer the api but keep local in reserve
mode_only_local:
only_local
only local
onlylocal
only-local
--mode only_local
mode only_local
local only
device only
on-device only
phone only
just local
just the device
just the local model
purely local
purely on device
entirely on my machine
completely local
everything local
everything on my device
100 percent local
strictly local
strictly on device
always local
always use the local model
always use my device
never use the cloud
never go to the cloud
never ever the cloud
no cloud
no cloud please
no cloud at all
without the cloud
without any cloud
stay on the device
stay local
forbid the cloud
ban the cloud
block the cloud
disable the cloud
turn off the cloud
turn the cloud off
switch off the cloud
switch the cloud off
deny the cloud
avoid the cloud completely
I don't want the cloud
I don't want any cloud
I want to force local
force local
force the device
force the local engine
force it to run on my laptop
make it stay on the device
lock it to the device
how do I keep it from using the cloud
how do I stop it from using the cloud
how do I run everything on my own machine
what does only_local do
what does only_local mean
explain only_local
what if only_local and the model fails
mode_only_cloud:
only_cloud
only cloud
onlycloud
only-cloud
--mode only_cloud
mode only_cloud
cloud only
server only
api only
remote only
just the cloud
just the server
purely cloud
purely remote
completely in the cloud
everything in the cloud
100 percent cloud
strictly cloud
always cloud
always use the cloud
always use the server
always use the api
never use the local model
never run locally
never use my device
no local model
no local model please
no on-device model
without the local model
without on-device inference
disable the local model
disable local inference
disable the local engine
turn off the local model
turn the local engine off
switch off the local model
switch off on-device inference
forbid local
forbid the local model
ban the local model
block the local engine
avoid the local model completely
I don't want a local model
I don't want to run anything on the device
I want to force the cloud
force cloud
force the cloud
force the server
force remote
make it always go to the server
lock it to the cloud
how do I stop it from running on my device
how do I keep it from using my cpu
how do I keep my device out of it
what does only_cloud do
what does only_cloud mean
explain only_cloud
what if only_cloud and no network
license:
what does it cost to use the sdk
is the sdk free
is the library free
is amphi free
is it free
is it free of charge
is it free software
free
free to use
free for companies
is it open source
is amphi open source
is the source open
is the code open
is the source code available
open source
oss
open-source licence
what license
what licence
which license
which licence does it have
license
licence
licensing
license terms
terms of use
legal terms
legal
legal stuff
legal situation
copyright
who owns the copyright
patents
is it gpl
is it mit
is it mit or gpl
is it bsd
is it apache
gpl or apache
apache
apache 2
apache 2.0
apache license
may I use it at work
may I use it in my company
may I use it commercially
may I sell an app with it
may I ship it in a closed app
may I modify the code
may I change the source
may I redistribute it
may I fork it
can I fork it
can I use it in a commercial product
can I use it in a paid app
can I use it for business
can I put it into proprietary software
can we sell our product with amphi inside
can our company use it
commercial use
commercial license
do I have to pay
do I have to pay for amphi
do I need to buy a license
do we have to pay royalties
royalties
are there fees
license fee
fee
price of the sdk
how much is the sdk
is there a paid version
is there an enterprise version
do I have to publish my source
do I have to open my own code
do I have to mention amphi
do I have to keep the notice
attribution
our lawyers ask about the license
my lawyer asks about the licence
our legal department wants to know the license
under what conditions may I use it
under which terms is it published
am I allowed to use it in my app
am I allowed to sell it
what am I allowed to do with the code
is it allowed to use it in closed source apps
hello:
hello there
hello again
hello my friend
hello bot
hello assistant
hello amphi
hello computer
hello [everybody|everyone|world|dear]
hi
hi there
hi bot
hi amphi
hi again
hi buddy
hi friend
hiya
hii
hiii
hey
hey there
hey you
hey bot
hey amphi
hey buddy
hey hey
heya
helo
hallo
hullo
howdy
howdy partner
yo
yo bot
sup bro
good day
good day to you
good day sir
g'day
g'day mate
good morning
good morning amphi
good morning to you
morning
mornin
good afternoon
afternoon
good evening
good evening amphi
evening
evening all
greetings
greetings friend
greetings from berlin
salutations
welcome
ahoy
aloha
servus
bonjour
hola
ciao bello
namaste
shalom
nice to meet you
pleased to meet you
glad to meet you
nice to see you
good to see you
good to see you again
long time no see
here I am
I'm back
I am back again
I'm here
anybody there
is anybody there
anyone home
anyone there
are you there
you there
knock knock, anyone home
just wanted to say hi
just saying hello
I wanted to say hello
let me say hello
hello?
hi!
hey :)
start
begin
let's start
let us begin
wake up
how_are_you:
how are you
how are you today
how are you doing
how are you doing today
how are you feeling
how are you this morning
how r u
how you doing
how do you do
how do you feel
how do you feel today
how is it going
how's it going
how goes it
how's life
how is life
how's everything
how are things
how are things with you
how have you been
how was your day
how is your day
how's your day going
how's the mood
how's tricks
are you ok
are you okay
are you fine
are you well
are you doing well
are you happy
are you alright
are you tired
are you sad
are you in a good mood
everything ok with you
everything alright
everything fine
all good
all well
you ok
you good
you alright
feeling good
feeling well today
what's up
whats up
wassup
what's new
what's new with you
what is up with you
and you, how are you
I'm fine, and you
I am good, how about you
fine thanks and you
did you sleep well
had a nice day
having a good day
hope you are well
I hope you're doing fine
thanks:
thanks
thanks a lot
thanks a bunch
thanks a million
thanks so much
thanks very much
thanks for your help
thanks for the help
thanks for the info
thanks for the answer
thanks for explaining
thanks for your time
thanks mate
thanks man
thanks buddy
thanks amphi
thank you
thank you so much
thank you very much
thank you kindly
thank you for your help
thank you for that
thank you for explaining
thank you for the explanation
thank u
thankyou
thx
thx a lot
thnx
tx
ty
tysm
tks
cheers
cheers mate
cheers for that
many thanks
much appreciated
appreciated
I appreciate it
I appreciate your help
I appreciate that
really appreciate it
that helped
that helped a lot
that helped me
that was helpful
that was very helpful
that's helpful
very helpful thanks
helpful
this helps
you helped me a lot
you were a great help
I owe you one
I am grateful
I'm very grateful
grateful
merci
gracias
danke
grazie
arigato
obrigado
ok thanks
okay thank you
great thanks
perfect thank you
alright thanks
nice, thanks
got it thanks
cool thanks
bye:
bye
bye bye
byebye
bye for now
bye amphi
bye then
bye now
by by
goodbye
good bye
goodbye amphi
goodbye my friend
see you
see ya
see you later
see you soon
see you tomorrow
see you around
see you next time
see you again
cu
cya
c u
later
laters
later alligator
see you later alligator
talk to you later
talk to you soon
talk later
ttyl
catch you later
until next time
until tomorrow
till tomorrow
so long
farewell
adieu
adios
au revoir
auf wiedersehen
tschuss
ciao
cheerio
take care
have a nice day
have a good day
have a good one
have a great day
have a nice evening
have a nice weekend
have fun
I have to go
I have to go now
I must go
I must leave
I gotta go
gotta go
got to run
gtg
g2g
I'm leaving
I am leaving now
I'm off
I'm out
I'm done
I am done for today
I'm done here
that's all
that is all for today
that's it for today
that was all
enough for today
let's stop here
let's end this
end of conversation
end chat
close
quit
exit
leaving now
over and out
peace out
good_night:
good night
good nite
goodnight
gn
gn8
night
night night
nighty night
nite
sleep well
sleep tight
sweet dreams
have a good night
have a nice night
good night amphi
good night my friend
good night bot
goodnight and thanks
I'm going to bed
I am going to bed now
I go to bed
I'm off to bed
off to bed
bed time
bedtime
time for bed
time to sleep
time to go to sleep
I'm going to sleep
I will sleep now
I go to sleep now
I need to sleep now, good night
I'm so tired, good night
I'm tired, going to bed
it's late, good night
it is late, I'm going to bed
see you in the morning
see you tomorrow, good night
until tomorrow morning, sleep well
wish you a good night
wishing you a good night
rest well
have a restful night
I wish you sweet dreams
praise:
good
good bot
good boy
good girl
good job
good work
good answer
good one
great
great job
great work
great answer
great stuff
great bot
nice
nice one
nice work
nice job
nice answer
very nice
very good
very good answer
well done
well said
well explained
well put
excellent
excellent answer
perfect
perfect answer
awesome
awesome job
amazing
amazing work
brilliant
fantastic
wonderful
superb
super
terrific
marvelous
impressive
I'm impressed
I am impressed
wow
wow that is good
wow impressive
cool
so cool
that's cool
that's great
that is great
that's amazing
that is really good
that's clever
that's smart
how clever
clever
clever bot
smart
you are smart
you're smart
you are clever
you are great
you're great
you are awesome
you're awesome
you are amazing
you are the best
you're the best
you rock
you are good
you are very good
you are funny
you are cute
you are nice
you are kind
you are sweet
you are lovely
you're a genius
you are a genius
you are wonderful
you are helpful
you did well
you did a good job
I like you
I love you
I love it
I love this
I like it
I like this
I like that
I like amphi
I love amphi
love it
like it
lovely
bravo
kudos
hats off
respect
thumbs up
five stars
ten out of ten
10/10
best assistant ever
best bot ever
chapeau
insult:
bad
bad bot
bad answer
bad job
very bad
terrible
terrible answer
horrible
awful
you are awful
useless
you are useless
you're useless
totally useless
completely useless
you are no help
you are not helpful
not helpful
that was not helpful
that didn't help
that did not help
that does not help me
that doesn't help
this doesn't help me
no help at all
wrong
wrong answer
that's wrong
that is wrong
this is wrong
not true
that is not true
that's incorrect
incorrect
false
that is not what I asked
that's not what I asked
that's not what I meant
not what I asked
not what I wanted
that was not my question
you did not answer my question
you didn't answer
answer my question
you misunderstood
you misunderstood me
you don't understand
you don't understand me
you do not get it
you don't get it
you understand nothing
you know nothing
you know nothing at all
you know nothing jon snow
stupid
stupid bot
stupid machine
stupid answer
you are stupid
you're stupid
you are so stupid
you are dumb
you're dumb
dumb
dumb bot
idiot
you idiot
you are an idiot
moron
fool
you fool
you are silly
silly bot
you are a joke
what a joke
what a mess
what nonsense
nonsense
rubbish
garbage
trash
crap
bullshit
this is bullshit
this sucks
you suck
sucks
I hate you
I hate this
I hate it
I hate bots
hate you
shut up
go away
get lost
go to hell
damn you
damn
fuck you
fuck off
screw you
you are annoying
annoying
you are boring
you are bad
you are the worst
worst bot ever
worst assistant ever
you are terrible
you are worthless
worthless
pathetic
lame
disappointing
I'm disappointed
I am disappointed
you disappoint me
you are crazy
are you stupid
are you dumb
are you kidding me
joke:
joke
a joke
a joke please
joke please
joke pls
one joke
another joke
one more joke
tell a joke
tell me a joke
tell me a good joke
tell me a short joke
tell me a funny joke
tell me another joke
tell me some joke
tell us a joke
tell me something funny
tell me something amusing
tell me something to laugh about
say something funny
say something amusing
do you know a joke
do you know any jokes
do you know jokes
know any jokes
know any good jokes
got a joke
got any jokes
got a joke for me
have you got a joke
have a joke for me
any jokes
any good jokes
any joke today
can you tell a joke
can you tell jokes
can you joke
can you be funny
can you make me laugh
make me laugh
make me smile
make a joke
make jokes
crack a joke
crack me up
give me a joke
I want a joke
I want to hear a joke
I want to laugh
I need a laugh
I could use a joke
I would like to hear a joke
let me hear a joke
let's hear a joke
be funny
are you funny
do you have humor
do you have a sense of humour
do you have humour
amuse me
humor me
cheer me up with a joke
something funny please
funny story
tell me a pun
a pun please
your best joke
what is your best joke
what's your favourite joke
a joke about computers
a joke about ai
a tech joke
programmer joke
maker:
who made you
who built you
who created you
who trained you
who wrote you
who programmed you
who developed you
who designed you
who invented you
who coded you
who is your maker
who is your creator
who is your father
who is your mother
who are your parents
who are your developers
who is your author
who is behind you
who is behind amphi
who is behind this project
who stands behind this
who made amphi
who made this
who made this sdk
who wrote this sdk
who develops amphi
who maintains amphi
who works on this
which company made you
which company is behind this
which company trained you
what company built you
were you made by openai
were you made by google
were you trained by openai
did google make you
did openai make you
did microsoft build you
are you from google
are you made by meta
do you come from a company
where do you come from
where are you from
where were you made
where were you born
when were you born
when were you trained
how were you made
how were you trained
how were you built
how did you learn
how did you come to be
how did you learn all this
on what were you trained
what were you trained on
what data were you trained on
what is your training data
your training data
training data
what are you trained with
what did you learn from
from what did you learn
can I train you myself
how can I retrain you
your creator
your maker
your origin
creator
developer of this bot
author
human:
are you human
are you a human
are you a human being
are you a person
are you a real person
are you real
are you alive
are you living
are you a man
are you a woman
are you a man or a woman
are you male or female
are you a boy or a girl
are you a he or a she
are you conscious
are you sentient
are you self-aware
are you an alien
are you a machine
are you a living being
are you flesh and blood
are you a human or a machine
are you a bot or a human
are you a real human
is this a human
is this a real person
is a human answering
is a human writing this
is somebody typing this
is someone really there
am I talking to a human
am I talking to a person
am I talking to a real person
am I speaking with a human
am I chatting with a person
do I talk to a human
can I talk to a human
do you have feelings
do you have emotions
do you feel anything
do you feel pain
do you feel love
do you have a body
do you have a brain
do you have a heart
do you have a soul
do you have a face
do you have a gender
do you have a family
do you have friends
do you have children
do you breathe
do you eat
do you sleep
do you dream
do you think
do you really think
can you think
can you feel
can you feel something
can you love
can you die
can you see me
can you hear me
can you see
can you dream
how old are you
what is your age
your age
when is your birthday
what's your gender
what is your gender
what do you look like
where do you live
prove that you are human
you sound like a human
you sound human
you're not real
you are not a person, right
human?
human or bot
bot or human
favorite:
what do you like
what do you like most
what do you love
what do you enjoy
what do you prefer
what do you hate
what are your hobbies
what are your favourites
what is your hobby
do you have hobbies
do you have a hobby
do you have a favourite
do you have a favorite color
do you have favourites
do you like music
do you like pizza
do you like people
do you like cats
do you like your job
do you like me
what is your favorite color
what's your favorite colour
what's your favourite color
what is your favorite food
what's your favourite food
what is your favorite animal
what is your favourite movie
what is your favorite film
what is your favorite book
what's your favourite song
what is your favorite music
what's your favorite band
what is your favourite number
your favorite number
what is your favorite game
what is your favorite word
what is your favourite sport
what is your favorite city
what's your favorite team
what is your favorite thing
what's your favorite part of amphi
what is your favorite feature
which color do you like
which food do you like
which animal do you like best
which movie do you like best
your favourite
your favourite color
your favorite food
favourite colour
favorite food
favorite movie
what makes you happy
what do you do for fun
what do you do in your free time
what music do you listen to
bored:
I'm bored
I am bored
I'm so bored
I am very bored
im bored
so bored
bored
bored to death
bored out of my mind
boring
this is boring
how boring
it's boring here
life is boring
boredom
I have nothing to do
nothing to do
I have time
I have some time to kill
I've got time to kill
killing time
I don't know what to do
I have no idea what to do now
what shall we do
what should we do now
let's do something
let us do something fun
let's have fun
do something
do something cool
do something interesting
do something funny
show me something
show me something cool
show me something interesting
show me a trick
show me a demo
surprise me
impress me
amaze me
wow me
entertain me
amuse yourself and me
keep me entertained
tell me something
tell me something interesting
tell me something new
tell me something cool
tell me something fun
tell me an interesting fact
say something
say something interesting
talk to me
chat with me
let's talk
let's chat
let us talk
can we talk
can we chat
I want to talk
I just want to talk
I want to chat a bit
any fun things to try
what can I try
what can I play with
sad:
I'm sad
I am sad
I'm so sad
I feel sad
I'm feeling sad
im sad
I'm unhappy
I feel unhappy
I'm depressed
I feel depressed
I am very depressed
I feel down
I'm feeling down
I feel blue
I feel low today
I feel bad
I feel awful
I feel terrible
I feel lonely
I'm lonely
I am so lonely
I am alone
I'm all alone
I feel alone
nobody likes me
nobody loves me
no one likes me
no one understands me
everybody hates me
I have no friends
I lost my job
I lost my dog
my dog died
my cat died
my grandma died
my girlfriend left me
my boyfriend broke up with me
my wife left me
I got fired
I failed my exam
I had a bad day
I had a terrible day
bad day today
what a bad day
it was a hard day
I'm having a hard time
I am having a bad time
I want to cry
I am crying
I could cry
I cried today
I'm heartbroken
my heart is broken
I am desperate
I'm hopeless
I'm worried
I am afraid
I'm scared
I am anxious
I feel anxious
I'm stressed
I am stressed out
I am exhausted
I am tired of everything
I'm tired of life
life is hard
life sucks
I hate my life
I don't feel good
I don't feel well
I am not well
I am not ok
I'm not feeling well today
I am in a bad mood
comfort me
cheer me up
ok:
ok
okay
okey
k
kk
okie
okay then
ok then
ok good
ok cool
ok I see
ok got it
ok understood
alright
alright then
all right
right
sure
yes
yeah
yep
yup
yes I know
yes ok
yes please
ya
no
nope
nah
not really
no thanks
no thank you
no, nothing
no that's all
nothing
nothing else
never mind
nevermind
forget it
I see
I understand
I get it
I got it
got it
understood
makes sense
that makes sense
that is clear
clear
clear now
fine
fine with me
fair enough
good to know
interesting
how interesting
very interesting
aha
ah
ah ok
ah I see
oh
oh ok
oh I see
hm
hmm
hmmm
mhm
uh huh
well
so
let me see
let me think
wait
wait a moment
one moment
just a second
really
really?
are you sure
is that so
is that true
seriously
no way
indeed
exactly
correct
agreed
I agree
roger
roger that
noted
done
ready
maybe
perhaps
I don't know
idk
no idea
lol
haha
hahaha
hehe
rofl
xd
:)
test
testing
languages_human:
do you speak german
do you speak french
do you speak spanish
do you speak chinese
do you speak any other languages
do you understand german
do you understand chinese
do you know other languages
do you know spanish
can you speak german
can you speak other languages
can you speak chinese
can you speak my language
can you understand french
can you understand me in italian
can you talk in german
can you answer in german
can you answer in spanish
can you reply in french
can you write in italian
can I write in german
can I talk german with you
can I chat in my own language
may I ask in french
may I write to you in russian
please answer in german
please speak french
answer me in spanish
reply in german
respond in chinese
speak german
speak spanish please
talk french to me
switch to german
switch to spanish please
switch the language
change your language
change language
change the language to french
set language to german
other languages
other languages than english
which languages do you speak
what languages do you speak
what languages can you speak
which languages do you understand
how many languages do you speak
in which languages can I talk to you
in what language should I write
is english the only language
english only
only english
do you only speak english
are you multilingual
are you bilingual
multilingual
my users speak french, do you understand them
my users don't speak english
sprechen sie deutsch
sprichst du deutsch
parlez vous francais
habla espanol
hablas espanol
parli italiano
rollout:
gray release
grey release
gray rollout
staged rollout
phased rollout
gradual rollout
canary
canary release
feature flag
feature flags
remote config
remote configuration
growthbook
growth book
a/b test
ab testing
experiment
experiments
percentage of users
bucketing
bucket
can we release to 5 percent of users first
only ten percent of our devices should use the local model
start with one percent of the phones
I want half of the fleet on local
enable the local model for some users only
turn on the local model for a part of the users
roll out slowly
roll it out step by step
slowly give users the local model
increase the share of local devices over time
how do I steer a fleet
how do I steer thousands of phones
how do we control all installed apps from one place
control the policy from a server
change the policy without an app update
change settings without shipping a new version
change behaviour of shipped apps remotely
can I configure it remotely
can a server change the settings
central control
fleet management
remote control of the policy
do you support feature flags
do you support growthbook
is launchdarkly supported
which flag system is supported
where do remote settings come from
how does a device know whether it is in the test group
how are users assigned to groups
who is in the treated group
how do gradual releases work
what is --rollout
--rollout
is the payload signed
our product manager wants to try it on a few users first
we'd like to be careful and ship to a few people first
kill_switch:
kill switch
killswitch
emergency stop
emergency switch
emergency brake
panic button
big red button
is there an emergency brake for all phones
something goes wrong with the local model on all phones, what can I do
a new model is broken in the field, how do I stop it
how do I stop the local model on all devices
stop local inference for everybody
turn the local model off for everybody
turn off local for all users at once
switch off the cloud for the whole fleet
disable the cloud for all users at once
disable a feature for all installed apps
can we pull the plug remotely
can we pull the plug on the local model remotely
can I disable the model from the server
can I revoke the local model remotely
can I stop it without an app update
rollback
roll back
how do I roll back a release
how do I undo a rollout
undo the rollout
back out of a bad release
bad release, how do I stop it
stop the rollout
halt the rollout
abort the experiment
what if the rollout causes crashes
what if the new group crashes more
does it stop by itself when crashes go up
automatic rollback
auto rollback
does a client protect itself from a bad rollout
crash rate of the group too high
error rate too high after a release
what guards the fleet against a bad model
remote off switch
remotely disable
everything is on fire, stop the local engine everywhere
rollout_show:
rollout show
amphi rollout show
amphi rollout
show the rollout
show my bucket
which bucket am I in
what is my bucket
in which group am I
am I in the experiment
am I in the test group
am I in the control group
am I part of the gray release
which variation do I get
which variant do I have
which rule matched
which rollout rule applied
what value does amphi.policy have here
print the rollout state
see the rollout state
inspect the rollout
check the rollout
debug the rollout
debug my feature flag
test a payload locally
try a payload file
how can I check what a payload does
how do I see which policy is in force
which policy is in force
show the effective policy
show the policy in force
print the whole policy
what are the effective settings
current settings after remote config
see the final policy
how do I know whether this device got the new setting
how do I see what the server told my client
command for the rollout
command that shows my experiment group
verify the rollout on one device
hedging:
hedging
hedge
hedged request
hedged requests
hedging requests
tail latency
slow first token
the first token is late
first token takes forever
the model thinks too long before the first word
nothing appears on the screen for seconds
it takes ages until the first word
what if the first word doesn't come
what if the chosen engine is slow to start
what if the cloud takes five seconds to begin
waiting for the first token
do you start a second engine in parallel
do you ask two engines at once
are two engines asked at the same time
can two routes run at the same time
does it race two routes
race between engines
racing
who wins the race
the faster one wins
both start and the faster one wins
parallel requests
send to two servers at the same time
duplicate requests for speed
backup request
backup requests
second request when the first is slow
speculative second request
how do you cut long waits
how do you avoid long waits
how do you reduce tail latency
how do you fight slow starts
is the slower one cancelled
what happens to the loser
what happens with the slower engine
how do I turn on hedging
is hedging on by default
hedge_ms
cloud.hedge_ms
belt and braces
what does hedging cost
budgets:
timeout
timeouts
time out
time limit
time limits
time budget
time budgets
budgets
budget
deadline
deadlines
latency budget
connect timeout
connection timeout
first token timeout
idle timeout
total timeout
read timeout
how long do you wait
how long do you wait for an answer
how long do you wait for the cloud
how long do you wait for a connection
how long may an answer take
how long may a request take
what is the maximum time for an answer
when do you give up
when do you give up on an engine
when does a request time out
after how many seconds do you give up
how patient are you
how patient is the sdk with a server
do you wait forever
does it hang forever if the server is silent
what if the server never answers
what if the server accepts and says nothing
server is silent
silence on the line
no data for a long time
stalled answer
hanging request
request hangs
set a timeout
change the timeout
configure timeouts
how do I set a shorter timeout
how do I make it give up sooner
I want an answer within three seconds or something else
where are the timeouts configured
which timeouts are there
which time limits exist
default timeout
confidence:
confidence
confidence handoff
handoff
low confidence
uncertain
uncertain answer
unsure
model is unsure
the local model is not sure
what if the local model isn't sure
what if the small model has no clue
what if the local model doesn't know the answer
what if the local model is guessing
the small model guesses
the small model hesitates
can it tell when the local model is guessing
can it notice that the local model is out of its depth
does it ask the cloud when the model is in doubt
if in doubt ask the cloud
when in doubt
does a doubtful local answer go to the cloud
escalate to the cloud when unsure
escalation to a bigger model
escalate hard questions
are hard questions sent to a bigger model
too hard for the small model
question too difficult for the local model
how do you measure certainty
how sure is the model
probability of the first tokens
entropy of the first tokens
logprobs low
token probabilities
self doubt
does the model doubt itself
does the user see the uncertain answer
is a shaky answer shown
quality of local answers
what about hallucinations of the small model
degrade:
graceful degradation
degradation
degrade
degrading
degrades
degrade before refusing
fallback order
order of fallbacks
fallback chain
fallbacks
what are the fallbacks
step by step fallback
which steps are tried before giving up
what is tried before an error
what do you do before you refuse
what comes before an error message
do you refuse or do less
does it fail hard or soft
soft failure
soft landing
when resources are short
resources are scarce
scarce resources
everything is short: battery, memory, network
a very weak device
what if the device is weak
how do you cope with weak hardware
how do you behave under pressure
under load
under stress
plan b
plan c
plan b and c and d
what is plan b
what is the last resort
last resort
how do you make the best of a bad situation
make the best of it
reduced quality mode
reduced mode
does it reduce quality
do you shorten answers under pressure
do you use a smaller model under pressure
smaller model when things get tight
fewer threads when things get tight
elegant failure
fail gracefully
how gracefully does it fail
bend not break
long_context:
context
context length
context window
context size
context limit
context too long
context overflow
context full
the conversation is too long
very long conversation
long chat
long chats
long conversations
long prompt
very long prompt
huge prompt
huge document
a whole book as input
I paste a whole book
paste a fifty page document
I want to paste a 100 page pdf
my text is very long
my prompt is longer than the model allows
prompt does not fit
doesn't fit in the context
what if my chat gets too long for the model
what if the conversation grows and grows
what happens after hundreds of messages
when the chat exceeds the context
exceeding the context
beyond the context window
more than 4096 tokens
10000 tokens
100k tokens
how many tokens fit
how many tokens can it handle
how many tokens can I send
how long can a conversation be
how long may a prompt be
how much text can I put in
input size limit
maximum input
max input length
do you count tokens
does it count tokens before
token counting
are old messages cut off
does it forget the start of a long chat
are old turns dropped
multimodal:
image
images
picture
pictures
photo
photos
audio
video
voice
voice message
vision
multimodal
multi modal
tools
tool calls
tool calling
tool use
function calling
functions
function call
json mode
attach a picture
attach an image
attach a photo
send a picture
send a photo with the question
upload an image
I want to send a screenshot
can users send photos
can my users send images
can it look at pictures
can it see images
can you see images
can you read a picture
can it describe a photo
can it listen to audio
can it hear speech
speech input
does it understand images
does it support images
does it support audio
does it support vision models
does it support tools
does it support function calling
can the model call functions
can the model call my functions
can it call tools
can I give it tools
give the model tools
use tools with amphi
who answers a request with an image
where do requests with pictures go
what if the local model can't see
what if the local model has no vision
ocr
cost:
cost
costs
price
prices
expensive
money
bill
bills
my bill
invoice from the cloud
cloud bill
cloud costs
api costs
token costs
pay per token
price per token
price per request
price of an answer
what does an answer cost
what does one request cost
what do I pay per answer
what will it cost me
what will it cost per month
how much will I pay
how much does it cost to run
how much does a local answer cost
how expensive is it to run
is a local answer free
is local inference free
is it cheaper locally
is it cheaper than the cloud alone
does it save money
can it save me money
how can I save money
how do I save money with amphi
how do I cut my cloud bill
how do I keep costs down
how do I reduce my api bill
our cloud bill is too high
our openai bill explodes
we spend too much on tokens
my boss says the api is too expensive
spending limit
cost control
cost limit
running costs
who pays for the cloud
do I pay amphi or the provider
endpoint:
add an endpoint
add a server
add a cloud
add a provider
add openai
add a cloud model
endpoint
endpoints
--endpoint
endpoint syntax
endpoint option
endpoint format
endpoint example
set up the cloud
set up an endpoint
set up a server
configure the cloud
configure an endpoint
configure openai
connect to openai
connect to the cloud
connect to my server
connect it to my own server
connect to azure
connect to groq
connect to openrouter
connect to mistral's api
connect to ollama
connect to vllm
hook up a cloud api
hook it up to the cloud
link a cloud provider
register an api
register a server
tell it where the cloud is
tell amphi about my server
tell it the url of my server
where do I put the url
where do I enter the url of the api
where do I enter the server address
how do I tell it which cloud to use
how do I tell it the model name of the api
how can I use gpt with it
how can I use claude with it
how can I use deepseek through it
use my own llm server
use my company's server
I have an openai account
I have a vllm server in my office, how do I use it
our company runs its own inference server
which providers can I use
which clouds work
base url
custom base url
api url
server url
api address
no cloud configured yet
I have no endpoint yet
key file endpoint
api_key:
api key
apikey
api-key
api_key
key-file
keyfile
key file
token file
secret
my secret key
bearer token
authorization header
openai key
openai api key
sk-
I have a key from openai
I got an api key, where does it go
I bought an api key, and now
where do I put my key
where do I put the api key
where does my api key go
where do I paste my key
where do I enter my key
where do I enter my password for the api
where is my api key stored
is my api key safe
is my key safe
can someone steal my api key
can the model read my key
can the local model see my key
does the worker see my key
does my key show up in the process list
is the key visible in ps
is the key visible on the command line
can I pass the key as an argument
can I give the key on the command line
can I use an environment variable for the key
env variable for the key
how do I set the key
how do I set my api key
how do I hand over the key
how do I authenticate
how do I authenticate with the cloud
how do I log in to the cloud
authenticate
authentication
login to the api
credentials
provide credentials
401
401 unauthorized
unauthorized
invalid api key
wrong api key
change my key
rotate the key
new api key
pin:
pin
pins
pinning
pin a key
pin the key
pin a certificate
pin the certificate
pin the server
pin my server
pin the public key
certificate pinning
cert pinning
public key pinning
ssl pinning
tls pinning
hpkp
spki
spki pin
sha256 pin
pin=sha256
backup pin
second pin
two pins
pin rotation
rotate pins
how do I pin
how do I pin a server
how do I pin my endpoint
how do I make sure it only talks to my server
make sure it talks to my server only
only accept my own certificate key
only accept one public key
accept exactly this key
trust only this public key
restrict to one server key
protect against a fake ca
protect against a rogue ca
what if a ca is hacked
what if somebody forges a certificate
man in the middle
man in the middle attack
mitm
mitm protection
protection against interception
prevent interception
corporate proxy intercepts tls
fake server
fake certificate
do you support pinning
is pinning possible
what happens when the pin doesn't match
pin mismatch
wrong pin
ca:
ca
own ca
private ca
custom ca
company ca
corporate ca
internal ca
ca file
ca=FILE
ca certificate
root certificate
custom root certificate
own root certificate
my own certificate authority
certificate authority
self signed
self-signed
self signed certificate
self-signed certificate
self signed server
my server has a self signed certificate
our server uses a certificate from our own ca
our company has its own certificate authority
certificate not trusted
untrusted certificate
certificate error
certificate verify failed
ssl certificate problem
ssl error
unknown issuer
unable to get local issuer certificate
certificate check fails
certificate check failed on our intranet server
turn off the certificate check
skip certificate verification
disable tls verification
ignore certificate errors
insecure mode
curl -k
accept any certificate
how do I trust my own ca
how do I trust our internal server
how do I add a ca
how do I add a root certificate
where do I put our root certificate
pem file
ca bundle
use my own pem
internal server with private certificate
second_endpoint:
two endpoints
two servers
two clouds
two providers
second endpoint
second server
second provider
another endpoint
another server
one more endpoint
more than one endpoint
more than one server
more than one cloud
several endpoints
several servers
several providers
multiple endpoints
multiple servers
multiple clouds
multiple providers
many endpoints
three endpoints
backup server
backup endpoint
backup cloud
spare server
reserve server
fallback server
failover between clouds
failover between two providers
openai and azure together
openai first, then mistral as backup
use both openai and my own server
spread load over servers
spread the load
load balancing
load balancer
balance between endpoints
weight
weights of endpoints
weighted endpoints
priority
priorities
priority of endpoints
order of endpoints
which endpoint goes first
which server is asked first
how do I set the order of the servers
how do I say which server is more important
share traffic between two clouds
split traffic 80 20
what if one provider fails, can another one help
avoid vendor lock-in with two clouds
how many endpoints can I have
tls:
tls
tls 1.2
tls 1.3
tls1.2
tls12
tls12=yes
ssl
https
http
plain http
http without s
unencrypted http
transport encryption
encryption in transit
encryption on the wire
encrypted connection
is the connection encrypted
is the connection secure
is the line to the cloud encrypted
is traffic encrypted
is traffic to the server encrypted
is my message encrypted on the way
are messages encrypted in transit
are my questions encrypted when they travel
can somebody listen on the wifi
can somebody sniff my traffic
can my provider read the traffic
can the cafe wifi read my messages
sniffing
eavesdropping
wiretapping
wireshark
which tls version
which tls versions are supported
which tls do you use
what tls version do you need
minimum tls version
old server with tls 1.2
my server is old and has no tls 1.3
our proxy only speaks tls 1.2
allow tls 1.2
enable tls 1.2
legacy tls
can I use http
can I use plain http
is http allowed
does it work without https
cipher suites
network security
how secure is the connection
secure transport
are certificates checked
does it verify certificates
model_file:
add a model
add my own model
own model
my own model
another model
other model
different model
bigger model
larger model
better model
stronger model
smarter model
use a bigger model
use a better model
use my own model
use my own gguf
use another model
use a different model
use a model from hugging face
use a model I downloaded
I downloaded a model
I downloaded a gguf file
I have a gguf
I've got a gguf on disk, what now
I have llama 3 on my disk
load a model
load a gguf
load my model
load a model file
open a model
open a gguf
run a model
run my model
run a gguf
run llama on my device
run qwen locally
run my own llm
run a downloaded model
change the model
switch the model
replace the model
replace the built-in model
replace you with a bigger model
get rid of the small model
swap the model
set the model
choose the model
pick the model
--model
model option
model flag
model path
path to the model
where do I put the model
where do I put the model file
where do I put my gguf
where do I get a better local model in
how do I tell it which model to load
how do I get smarter answers locally
how do I get a smarter local model
you are too small, how do I use a bigger one
which model is used without an option
bring my own model
byom
formats:
gguf
file format
file formats
model format
model formats
supported formats
supported file types
weight types
quantization
quantisation
quantized
quantizations
quant types
which quantizations
which quants
which quants work
which formats can I load
which formats do you read
which file types can be loaded
which weight types are supported
what formats are supported
what model formats exist
what quantization should I use
does it read gguf
does it read safetensors
safetensors
does it read onnx
onnx
pytorch files
pickle
ggml
gptq
awq
exl2
mlx
4 bit
4-bit
4 bit models
8 bit
8 bit models
q4
q4_0
q4_k
q4_k_m
q5_k
q6_k
q8
q8_0
iq4
iq4_xs
bf16
f16
fp16
float16
fp8
does q4_k_m work
is q8_0 supported
can it load a 4 bit model
can I load safetensors
gguf v3
gguf version
which gguf version
does the quantization matter
families:
llama
llama 3
llama2
mistral
mixtral
tinyllama
smollm
smollm2
qwen
qwen2
qwen3
qwen 2.5
gemma
gemma 3
gemma3
phi
phi3
phi-3
phi 4
deepseek
deepseek r1
gpt2
gpt-2
falcon
mamba
does llama work
does llama 3 run
does mistral work
does gemma run on the phone
does phi run
does deepseek work locally
is qwen supported
is gemma supported
is llama supported
is mistral supported
is phi supported
is deepseek supported
can I run gemma
can I run qwen
can I run phi3
can I run mistral
can I run deepseek
which models run
which models work
which models are supported
which models can I use on the phone
which models run on the device
which llms can I run locally
which model families
which architectures
model families
model architectures
supported models
supported families
supported architectures
list of supported models
compatible models
what models can it run
what architectures does it know
is my model supported
will my model work
do you know the chat template of qwen
chat templates
tokenizers
model_inspect:
model inspect
amphi model inspect
amphi model
inspect
inspect a model
inspect a gguf
inspect the model
inspect a model file
look inside a model
look inside a gguf
look into a model file
peek into a gguf
peek inside the model
see what is in a model
see what a gguf contains
what is inside this gguf
what is inside the file
what's in my model file
what does my gguf contain
what kind of model is this file
which model is in this file
I have a gguf and don't know what it is
unknown gguf
unknown model file
show metadata
show the metadata of a model
model metadata
metadata
gguf metadata
gguf header
read the header of a gguf
print model info
print information about a model
model info
model information
model details
details of a model file
show the quantization of a file
find out the quantization of a file
how many layers does my model have
how many parameters does this file have
find out the context length of a model
find out the architecture of a gguf
find out which tokenizer a model has
show the chat template of a model
check a model file
check a gguf file
is my gguf broken
validate a model
analyse a model
dump a gguf
policy_file:
policy file
policy document
policy json
policy.json
--policy
json policy
write a policy
write my own policy
own policy
custom policy
custom rules
own rules
my own rules
change the policy
change the rules
change thresholds
change a threshold
change the battery threshold
change the battery limit to 30 percent
change the memory limit
change the temperature limit
change the defaults
change default values
set my own limits
set thresholds
adjust thresholds
adjust the policy
tune the policy
tune the behaviour
tweak the rules
tweak the routing
configure the policy
configure the routing
configure amphi
configuration
configuration file
config file
config
settings
settings file
preferences
where are the settings
where is the config
where do I change the defaults
where do I set the battery limit
20 percent is too high for me, can I change it
I want the cloud already at 40 percent battery
I disagree with the thresholds
can I override the rules
can I adjust when it goes to the cloud
what can I configure
what is in the policy document
schema of the policy
policy schema
which fields does the policy have
customize
device_file:
device file
--device
device facts
device facts file
facts.json
fake device
fake battery
fake facts
fake a low battery
fake a hot phone
pretend the battery is low
pretend the phone is hot
pretend to be a phone
pretend that there is no network
simulate
simulate a low battery
simulate a hot device
simulate a phone
simulate low memory
simulate no network
simulate bad conditions
simulation
mock the battery
mock the device
mock device state
mock sensors
emulate a device
override the sensors
override the probes
override battery level
test low battery behaviour on a desktop
test how it reacts to heat
test without a real phone
test device conditions
my desktop has no battery, how do I test
how can I try the low battery case on my pc
how can I test the battery rule
how can I test the thermal rule
how do I demo a hot phone
how do I demo a flat battery
play with battery values
try other battery levels
push facts
push device facts
push the battery state from my app
feed my own battery level
give it my own temperature
supply device data
provide device facts
set the battery level by hand
set the temperature by hand
my app knows the battery better
our own sensors
commands:
commands
command
all commands
list commands
list of commands
list all commands
show commands
show all commands
show me all commands
available commands
command list
command overview
command line
command-line
command line tool
cli
cli commands
cli help
cli overview
usage
usage of the tool
usage of the program
subcommands
what subcommands are there
what commands are there
what commands exist
what commands do you have
what commands can I type
what can I type in the terminal
what can I do on the command line
what can the tool do
what can the program amphi do
what does the amphi command offer
which commands are there
which commands exist
which commands does amphi have
which programs come with it
what's in the cli
how does the cli work
how do I use the command line
how do I use the program
how do I use the terminal tool
amphi --help
--help
help page
man page
manual
manual page
is there a manual for the cli
is there a command line tool
terminal commands
shell commands
command reference
reference of commands
cmd_chat:
amphi chat
chat command
chat in the terminal
chat in the console
chat mode
chat on the command line
chatting in the terminal
interactive chat
interactive mode
interactive session
start a chat
start a conversation
start chatting
open a chat
open a conversation
begin a chat
begin a conversation
begin chatting
new chat
new conversation
have a conversation in the terminal
talk to a model in the terminal
talk in the shell
type and talk
how do I chat
how do I start chatting
how do I talk to the model from the shell
how do I have a dialogue in the terminal
what does amphi chat do
what does the chat command do
what is the dim line
what is the gray line under the answer
what does the line below the answer mean
what does the small line below the answer say
the dim line
which command starts a conversation
which command opens a chat
repl
a prompt to talk to it
terminal chat
console chat
can I chat in the terminal
chat from bash
I want to chat in a terminal window
cmd_ask:
amphi ask
ask command
ask one question
ask a single question
ask just once
ask a question from a script
ask from the shell
one question
one shot
one-shot
one shot question
single question
single shot
a single answer
just one answer
just one question and done
quick question from the terminal
question from the command line
use in a script
use it in a shell script
use in bash
use it in a bash script
scripting
script
scripts
for scripts
call it from a script
call it from cron
pipe
pipe text into it
pipe a question
json output
output json
output as json
print json
machine readable output
parse the output
--json
answer as json
get json
get the answer as json
get machine readable answers
non interactive
non-interactive
non interactive use
without interaction
batch use
what does amphi ask do
what does the ask command do
what does ask --json print
difference between ask and chat
how do I ask without starting a chat
explain:
why did this answer come from the cloud
why did that come from the cloud
why was the cloud used
why was the cloud used for this
why was the local model used
why was this answered locally
why did it choose the phone
why did it choose local
why did you choose this route
why did you pick the cloud
why did my question go to the server
why did it go there
why not local
why not the cloud
why this route
why this engine
why that engine
which engine answered
which engine gave the last answer
which model answered me
which route answered
which route was taken
who answered my last question
where did that answer come from
where did the last answer come from
where did my answer come from
was that local or cloud
was this answer local
was that from the cloud
did this come from the cloud
did my question leave the phone
what were the reasons
reasons
reasons for the route
reasons of a decision
reason for a decision
show the reasons
show the decision
show me why
show why
explain the decision
explain a decision
explain the route
explain this routing decision
explain --explain
--explain
route --explain
amphi route
amphi route --explain
route explain
--why
history --why
decision record
decision records
decision table
print the plan
show the plan
see the plan
see the order of routes
trace
trace a decision
debug routing
debug a decision
debug the route
understand a decision
transparency
audit a decision
audit trail of decisions
I don't understand why it picked the cloud
my user complains that it went to the cloud, how do I find out why
doctor:
doctor
amphi doctor
run the doctor
health check
healthcheck
self test
selftest
self-test
self check
sanity check
diagnose
diagnosis
diagnostics
diagnostic tool
troubleshoot
troubleshooting
check my setup
check the setup
check my installation
check the installation
check my configuration
check everything
check if everything works
check if all is ok
check whether my key works
verify my setup
verify the installation
test my setup
test my configuration
is everything fine with my setup
is my setup ok
is my setup correct
is my configuration right
is everything configured correctly
does my setup work
did I set it up correctly
did I configure it right
something is wrong
something is broken
something doesn't work
something is not working
it does not work
it doesn't work
it isn't working
nothing works
not working
my setup is broken
I have a problem
I have a problem with my setup
I get an error
I get an error and don't know why
error, what now
problem
problems
fix my setup
find the problem
find the error
find out what is wrong
what is wrong with my setup
what's wrong
what's broken
how do I find out what's broken
how do I debug my setup
why doesn't it work
why is it not working
serve:
serve
amphi serve
server mode
run as a server
run as server
run a server
run it as a service
run a local server
start a server
start the server
start the gateway
gateway
http gateway
openai gateway
openai compatible server
openai-compatible endpoint
openai compatible api on my machine
local api
local http api
rest api
rest
http api
api server
provide an api
offer an api
expose an api
expose it over http
expose as http
open a port
port
--port
port 8080
which port
which port does it use
change the port
listen on another port
listen
listen on localhost
host it
host it myself
use it over http
use it from the openai python client
use the openai client with amphi
use langchain with amphi
use an existing openai client
use it from a web page
use it from curl
curl
call it with curl
call it over http
point my openai client at amphi
point my app at a local url
my app already uses the openai sdk
our app speaks the openai api already
drop in replacement for openai
drop-in replacement
replace openai with amphi
base url of amphi
proxy
can it be a proxy
use it as a proxy
v1/chat/completions
chat completions
share it in my network
languages:
kotlin
java
jvm
swift
objective-c
python
node
nodejs
node.js
javascript
typescript
js
rust
go
golang
c++
c#
dart
flutter
react native
php
ruby
bindings
binding
language bindings
wrapper
wrappers
python bindings
python wrapper
python package
is there a python package
is there a kotlin binding
is there a swift package
is there a node module
is there a rust crate
is there a java api
is there a wrapper for c#
can I use it from python
can I use it from java
can I use it from kotlin
can I use it in swift
can I use it from javascript
can I use it with flutter
can I call it from go
does it work with python
does it work with react native
does it work with rust
do you support kotlin
do you support python
do you support swift
programming languages
supported programming languages
which programming languages
which programming languages can I use
which languages can call it
which languages have bindings
in which language is it written
what language is it written in
is it written in c
is it written in rust
I write my app in swift
I write my app in kotlin
we code in typescript
my app is written in python
our backend is in go
from which languages can I call the sdk
platforms:
platform
platforms
supported platforms
operating system
operating systems
os support
supported systems
which platforms
which systems
which operating systems
which os
which os does it run on
which phones are supported
on which systems does it run
on what does it run
where does the sdk run
what does it run on
android
ios
iphone
ipad
macos
mac
windows
linux
debian
ubuntu
fedora
raspberry pi
raspberry
chromebook
arm
arm64
aarch64
x86
x86-64
apple silicon
m1 mac
does it run on android
does it run on ios
does it run on iphones
does it run on my iphone
does it run on windows
does it run on a mac
does it run on linux
does it run on a raspberry pi
does it run on arm
does it work on android
does it work on ios
does it work on ubuntu
is android supported
is ios supported
is windows supported
is mac supported
can I use it on windows
can I use it on an iphone
can I use it on a mac
can I use it on my old android
is there an android version
is there an ios version
is there a windows version
is it portable
portability of the code
portable
cross platform
is it cross-platform
cpu architectures
which processors
which cpus
install:
install
installation
install it
install amphi
installing
installation guide
install instructions
set up
setup
set it up
set up amphi
setting up
get started
getting started
quick start
quickstart
first steps
build
build it
build amphi
build from source
building
build instructions
how do I build
compile
compile it
compile from source
compiling
compile the code
cmake
make
ninja
docker
apt install
pip install
brew install
download
download amphi
where can I download it
where do I get amphi
where do I get the sdk
where is the source code
how do I get it running
how do I get it on my machine
get it running
get it to run
make it run
run it for the first time
run the demo
run the tests
demo
tests
how do I run the tests
how do I run the demo
how do I start with amphi
how do I begin with the sdk
how long does the installation take
what do I need to install
what do I need before I can build it
dependencies
requirements
prerequisites
which packages are needed
which compiler
two commands
readme
I cloned the repo, and now
fresh debian machine, how do I install it
from zero to running
integrate:
integrate
integration
integrate it
integrate into my app
integrate the sdk
embed
embed it
embed in my app
embed the library
link
link the library
linking
how do I link it
use it in my app
use it in c
use it from c
use it in my program
use the library in my code
use the api
api
api calls
c api
c example
c code
c program
example code
example program
code example
code sample
sample code
sample program
snippet
code snippet
hello world
hello world with amphi
minimal example
minimal program
smallest program
simple example
show me code
show me some code
show me an example program
show me how to use it in c
which functions do I call
which function do I call
which functions are there
which calls do I need
what functions do I need
what is the api like
what does the api look like
what does the code look like
how do I call it
how do I call it from my code
how do I put it into my app
how do I put amphi into my program
how do I get chat into my app
how do I bring it into my product
how do I use the c library
how do I send a message from code
how do I send a request from my program
how do I read the answer in code
how do I start a chat from code
how do I get tokens in my program
amphi_chat_start
amphi_stream_next
amphi_stream_free
programming interface
developer guide
events:
event
events
event types
kinds of events
types of events
stream events
which events
which events are there
which events exist
which events do I get
which events does a stream have
which events come out of the stream
what events are there
what events can I expect
what events must I handle
what does the stream return
what does the stream deliver
what does amphi_stream_next return
what comes out of the stream
what comes back from the stream
how many events are there
list the events
list of events
list all events
all events
name the events
name all event types
explain the events
explain the event types
event list
terminal event
terminal events
last event
final event
which event comes last
which event is the last
how does a stream end
how do I know that the stream is over
how do I know when the answer is finished
how do I know that an answer is complete
when is the answer done
end of the stream
end of stream
delta
delta event
what is a delta
done event
what is the done event
what is the route event
reasoning event
usage event
error event
tool_call event
streaming api
streaming
stream
does it stream
does it stream tokens
is the answer streamed
do I get the words one by one
callbacks or events
cancel:
cancel
cancel it
cancel an answer
cancel a request
cancel the answer
cancel the stream
cancel generation
cancelling
stop the answer
stop it
stop
stop answering
stop talking
stop generating
stop generation
stop the generation
stop the output
stop the model in the middle of an answer
stop a running answer
abort
abort an answer
abort a request
abort the generation
interrupt
interrupt it
interrupt an answer
interrupt the model
break off
break off an answer
halt the answer
ctrl-c
ctrl c
control c
ctrl+c
escape key
how do I stop it
how do I stop an answer
how do I make it stop
how do I make it shut up in the middle of an answer
how do I interrupt it
how do I abort
how do I cancel
how can a user stop an answer
how can the user cancel
stop button
a stop button in my app
my user taps stop
the user changed his mind
the user closes the screen
the answer is too long, stop it now
it talks too much, how do I stop it
is a cancelled answer billed
amphi_stream_cancel
threads:
threads
thread
thread count
number of threads
how many threads
how many threads are used
how many threads does it take
how many cores
how many cores are used
how many cores does it use
cores
cpu cores
cpu usage
cpu load
--threads
threads option
threads flag
set threads
set the threads
set the number of threads
set the thread count
change the number of threads
limit the threads
limit the cores
limit cpu usage
limit cpu
use fewer threads
use fewer cores
use less cpu
use only one core
use only two cores
use only one thread
use more threads
use all cores
use all my cores
use four threads
run on 4 threads
run single threaded
single threaded
one thread
multi core
multicore
does it use all cores
does it use all my cpu cores
does it use several cores
it uses too much cpu
it eats my cpu
all my cores are at 100 percent
cpu at 100 percent
does it block my whole cpu
efficiency cores
performance cores
big and little cores
parallelism
thread_safe:
thread safe
thread-safe
threadsafe
thread safety
is it thread safe
is the library thread safe
is the api thread safe
is the client thread safe
is it safe to use from threads
is it safe with threads
can I call it from any thread
can I call it from several threads
can I call it from multiple threads
can I call it from two threads
can I use one client in several threads
can I share a client
can I share a client between threads
can threads share a client
can I cancel from another thread
can I cancel from a different thread
can I read a stream from two threads
may two threads use one client
may several threads call it
may I call the api concurrently
multi threading
multithreading
multithreaded app
multithreaded program
my app has many threads
my app is multithreaded
concurrency
concurrent use
concurrent calls
concurrent requests
several requests at the same time
many requests at once
parallel chats
do I need a lock
do I need a mutex
mutex
locks
locking
race conditions
data races
reentrant
is it reentrant
one client per thread
ui thread
from the ui thread and a worker thread
which calls are allowed from other threads
seed:
seed
--seed
seed option
seed flag
random seed
set the seed
set a seed
use a seed
fixed seed
fix the seed
same answer again
same answer every time
same answer each time
always the same answer
the same answer twice
get the same output again
get identical answers
identical output
identical answers
reproduce
reproduce an answer
reproducible
reproducible answers
reproducible output
reproducibility
deterministic
deterministic answers
deterministic output
determinism
make it deterministic
make answers repeatable
make output repeatable
repeatable
repeatable results
repeatable tests
repeat a run exactly
replay the same generation
no randomness between runs
randomness
random numbers
random number generator
rng
control the randomness so that I get the same text
how do I get the same text twice
how do I get the same result again
my tests need the same output every run
unit tests need stable answers
why do I get a different answer each time
each run gives another answer
the answer differs every time
does the cloud honour the seed
is sampling reproducible
temperature:
temperature
--temperature
temperature option
temperature flag
temperature parameter
sampling temperature
temperature of the sampling
set the temperature of the model
set temperature to zero
set temperature
temperature 0
temperature zero
temperature 0.7
temperature 1
temperature one
lower the temperature
raise the temperature
higher temperature
lower temperature
what does the temperature parameter do
what does --temperature do
what is --temperature
what is sampling temperature
what temperature should I choose for answers
creative
creativity
more creative
more creative answers
less creative
make it more creative
make answers more creative
make it less random
less random
less random answers
more random
more random answers
more variety
more varied answers
more variation
vary the answers
answers are too boring
answers are too wild
answers are too random
wild answers
boring answers
too predictable
more predictable
more focused answers
greedy
greedy decoding
greedy sampling
always the most likely word
most probable word
sampling
sampling options
top-k
top p
how random are the answers
how do I make it more inventive
how do I make answers more predictable
how do I control the randomness of the wording
bench:
bench
amphi bench
bench local
amphi bench local
benchmark
benchmarks
benchmarking
benchmark my model
benchmark the model
benchmark a gguf
run a benchmark
run the benchmark
do a benchmark
start a benchmark
measure
measure speed
measure the speed
measure my model
measure the performance
measure tokens per second
measuring
speed test
speedtest
speed measurement
performance test
performance measurement
test the speed
test the speed of a model
test how fast a model is
find out how fast my model is
find out the tokens per second
how do I measure tokens per second
how do I measure the speed of a model
how do I test the performance
how do I compare two models in speed
compare the speed of two models
compare models
time a model
timing of a model
profile a model
stopwatch for models
prefill and decode
prefill
decode speed
prefill speed
which command measures the speed
which command is for benchmarks
is there a benchmark
is there a speed test
is there a benchmark tool
max_tokens:
max tokens
max_tokens
--max-tokens
maximum tokens
maximum length
max length
maximum answer length
answer length
length of an answer
length limit
limit the length
limit the answer
limit the answer length
limit the output
limit tokens
limit the number of tokens
limit to 50 tokens
limit the number of words
limit how much it says
short answer
short answers
shorter answer
shorter answers
make answers short
make it short
make it shorter
make answers shorter
keep it short
keep answers brief
brief answers
be brief
get brief answers
longer answers
longer answer
make answers longer
make it write more
only a few words
only ten tokens
only one sentence
not more than 100 tokens
at most 20 tokens
no more than fifty words
cut answers after 100 tokens
cap the output
cap the answer
cap answers
cap tokens
token limit
token limit of the answer
output limit
output tokens
it talks too much
it writes too much
answers are too long
the answers are too long
the answer is too long for my screen
too much text
too long answers
why did my answer stop at length
finish reason length
finish_reason length
the answer was cut with reason length
how do I get short answers
how do I make it talk less
how long can an answer be
how many tokens may an answer have
size:
size
how big
how big is it
how big are you
how big is the sdk
how big is the library
how big is the model
how big is the built-in model
how big is the file
how big is the binary
how large
how large are you
how large is the sdk
how large is the model
how large is the library
how small are you
how much disk space
how much disk space does it need
how much space
how much space does it take
how much space do you need
how much storage does it need
how much does it add to my app
how much does it add to my apk
how much does it weigh
how heavy is it
how heavy is the sdk
how many megabytes
how many mb
how many parameters do you have
how many parameters
how many weights
how many weights do you have
how many billions of parameters do you have
how many neurons do you have
parameter count
number of parameters
file size
model size
binary size
library size
app size
download size
size of the sdk
size of the model
size of the library
footprint
disk footprint
disk usage
disk space
is it big
is it heavy
is it small
is it lightweight
is it bloated
is it light
are you a big model
are you a small model
will my app get bigger
will my apk get huge
does it make my app bigger
does it bloat my app
my app must stay under 50 mb
dependencies and size
speed:
fast
speed
performance
latency
how fast
how fast are you
how fast is it
how fast is amphi
how fast is the sdk
how fast is the local model
how fast does it answer
how fast does it run
how fast is it on a phone
how fast is a 7b model
how quick
how quick are you
how quick is it
how quickly do you answer
how quickly does it answer
how slow is it
how slow is a local model
how long does an answer take
how long does it take to answer
how long do I wait for an answer on the device
how many tokens per second
how many tokens a second
tokens per second
tokens/s
tok/s
t/s
words per second
is it fast
is it quick
is it slow
is it fast enough for a phone
is it fast enough for chat
is it slower than the cloud
is local slow
is the local model slow
are you fast
are you slow
performance of the local engine
performance on phones
speed of the local engine
speed on a phone
does it use the gpu
gpu
gpu support
npu
cuda
metal
avx2
avx-512
avx512
neon
simd
amx
hardware acceleration
kernels
optimized kernels
optimisations
is it optimized
why is it slow
why is it so slow
why is the local model so slow
why are you so fast
can it be faster
can it be made faster
make it faster
how do I make it faster
response time
kv cache
sandbox:
sandbox
sandboxed
sandboxing
isolation
isolated
isolated process
separate process
own process
seccomp
process isolation
is the engine isolated
is the local engine isolated
is the model isolated
is it sandboxed
is there a sandbox
is it secure
is it safe
is the local model safe
is the local engine secure
is it dangerous to run a model
is it dangerous to run a downloaded model
is a gguf dangerous
is a model file dangerous
can a model file be dangerous
can a model contain a virus
can a model hack me
can a malicious model hurt me
can a malicious gguf take over my phone
can an evil model steal my data
can a bad gguf run code
can the model access my files
can the model read my files
can the model access the internet
can the model use the network
can the model see my database
can the local engine open files
can the local engine talk to the network
malicious model
malicious gguf
malicious file
evil model
evil gguf
hostile model
hostile file
hacked model
poisoned model
virus in a model
malware
trojan
exploit
buffer overflow in the parser
untrusted model
untrusted file
model from an unknown source
I downloaded a model from a strange site
I don't trust this model file
do you trust the model
what may the worker do
what is the worker allowed to do
what can the worker access
what rights does the worker have
permissions of the worker
which permissions does the engine have
which rights has the local process
why a separate process
why is the engine in its own process
locked up like in a cage
jail
security of the local engine
security model
attack surface
local_engine:
local engine
the local engine
local model
local models
local inference
local inference engine
on-device
on device
on-device ai
on-device model
on-device inference
on-device engine
offline engine
device model
device engine
edge ai
inference on the phone
inference on the device
what is the local engine
what is the on-device engine
what is local inference
what is on-device inference
what does the local engine do
what does the local side do
what can the local engine do
what runs on the device
what runs on my phone
what exactly runs on my device
how does the local engine work
how does the local model work
how does local inference work
how does on-device inference work
how do models run on the device
how is a model run on the phone
how can a phone run a language model
can a phone really run a model
can a phone run an llm
is it llama.cpp
is it based on llama.cpp
do you use llama.cpp
does it use llama.cpp inside
which engine runs the model on the device
which inference engine is inside
own inference engine
tell me about the device side
tell me about the local side
describe the local engine
explain the local engine
explain on-device inference
features of the local engine
local side
device side
the local half of amphi
the part on the phone
cloud_side:
cloud side
the cloud side
cloud part
cloud engine
cloud engines
cloud support
cloud api
remote engine
remote engines
remote side
the remote part
the online part
the other half, the cloud
what is the cloud side
what does the cloud side do
what can the cloud side do
what protocol does the cloud use
which protocol
which protocol is used to the server
which api does it speak
which api does it use for the cloud
which api does the server need
which cloud apis are supported
which cloud services are compatible
what api must my server have
what must a server speak
what must my server support
what does my server have to support
how does it talk to the cloud
how does it talk to the server
how does it communicate with the cloud
how does the cloud side work
how does the cloud engine work
how does the cloud part work
how are cloud requests made
how are requests sent to the server
openai
openai api
openai compatible
openai compatibility
openai protocol
openai chat completions
is it openai compatible
is it compatible with openai
is it compatible with any provider
does it speak the openai api
does it work with openai
does it support streaming from the cloud
does it support streaming from the server
server sent events
sse
explain the cloud side
explain the remote side
describe the cloud side
tell me about the cloud part
features of the cloud side
cloud features
prewarm:
prewarm
pre-warm
prewarming
warm up
warm-up
warmup
warming up
warm start
cold start
cold starts
preload
preloading
pre-load the model
preload the model
load in advance
load the model in advance
load the model early
load the model before the question
get the model ready
get ready before the user asks
prepare the model
prepare the model while the user types
start loading when the user types
while the user is typing
user starts typing
the user begins to type
typing
when the user opens the keyboard
first answer is slow
the first answer is slow
the first answer takes long
the first question takes long
first token takes long the first time
first request is slow
slow first answer
slow start
slow startup
startup time
start-up
start-up time
how long is the start-up
how long does the model take to load
load time
loading time
loading time of the model
loading takes long
how do I speed up the first answer
how do I make the first token faster
how do I avoid the loading time
how do I hide the loading time
can the model be loaded earlier
can it load in the background
is the model loaded at start
is the whole model loaded at start
when is the model loaded
when does the model get loaded
what does prewarm do
what is prewarm for
when should I call prewarm
battery_low:
suppose I'm on the train with an almost empty phone, does the assistant go on working
I noticed that answers come from the server when my phone is nearly flat, is that on purpose
would you please explain how a nearly flat phone changes what amphi does
our app is used by cyclists whose phones are often nearly flat, what will happen there
what's the effect on the answers when there is hardly any power left
where do answers come from if the charge is down to a few percent
my phone shows a red battery symbol, should I expect anything different
does it make sense to use the sdk on a phone with a worn out battery
private question while the battery is nearly flat
is a private request sent to the cloud if the battery is low
what do you do to save energy
does the sdk respect battery saver
charging:
the battery was low but I have connected the charger, what changes now
my tablet always hangs on the charger, is that relevant for routing
does the policy know that the phone hangs on a charger
I put the phone on its charging dock, will the local model be used again
if the cable is in, do you still avoid the local model at five percent
no_network:
our users travel by train and lose connection all the time, what do they get
somebody sits in a plane and types a question, does he get an answer
when the router dies in the office, does the chat still work
I have a chat app for sailors who are weeks without internet, does amphi help
what would happen to a question typed in a tunnel
will it simply fail if there's no internet
what do you do if there is neither wifi nor mobile data
is anything possible while the internet connection is missing
the wifi is on but there's no internet behind it
metered:
I'm on holiday abroad and pay for every megabyte, does your sdk respect this
does the sdk know that mobile data costs me money
will my users get a huge phone bill abroad
can it prefer the device when the network costs money
slow_network:
the internet works but it's awfully slow today, what will amphi do
each request to the cloud takes ages since the wifi is bad
what's the plan for users with bad mobile coverage
thermal:
my device becomes really warm after ten minutes of chatting, is something done about it
we are in the desert and all tablets are overheating, which engine answers
after gaming my phone is boiling, will you run a model on it anyway
what is your reaction when the operating system reports serious thermal state
will the phone get even hotter if I go on chatting
phone too warm vs battery too low, what about the heat
it is hot like a toaster
memory:
how does the sdk make sure that the phone doesn't run out of memory
what will amphi do if another app takes all the ram
I worry that the model needs more memory than my phone has
the phone has two gigabytes of ram, is that enough for a local model
when the system sends a low memory warning what does amphi do
does the model stay in ram forever
crash:
what will the reader of the answer see if the process with the model is killed in the middle
imagine the operating system kills the model process during an answer
our tester shot down the inference process in the middle of a sentence, what should have happened
if the native code segfaults, does that tear down my whole application
can I rely on getting the rest of the answer after the model process died
the local llm stopped in the middle of a word because its process died
takeover:
please explain in detail how a second engine can finish an answer that another began
if the phone starts a sentence, how can the cloud finish it
how does the new engine know what was already said
will the continued answer fit to the first part
when one engine drops out, how does the stream go on
what is the mechanism that lets an answer survive the loss of its engine
which text is sent to the engine that takes over
is the beginning of the answer kept when the route changes
quarantine:
what does amphi do with a model that has crashed several times within minutes
after a few crashes it said plain kernels, what does this mean
will it start a model that crashed three times already
cloud_cut:
the server was half done with my answer when the line broke
what happens if openai stops sending in the middle of a reply
I lost wifi while an answer was coming in from the server
rate_limit:
our provider answers with 429 very often, how is this treated
when the api complains that we send too much, what does the client do
breaker:
one of our servers is flaky, will amphi keep bothering it
if an endpoint fails ten times in a row what will you do
private:
some of our users write about their health, how do we make sure nothing leaves the phone
how can I ask something that nobody but my own device will ever see
our lawyers insist that certain prompts are never transmitted
how do I mark one question so that it is never transmitted
is there a promise that a confidential prompt is not sent by any path
I have to ask something embarrassing, can you keep it here
does marking a request private also block takeovers to the cloud
what is the difference between private and encryption
private request, battery empty, what wins
encryption:
can the police read the stored conversations from a confiscated phone
if I lose my laptop on the train, can the finder read my conversations
in what way are conversations protected on disk
are my conversations on disk readable for other programs
how are the messages on the phone protected against thieves
is the sqlite file protected
are the history, the cache and the outbox all encrypted
key_store:
which component provides the key that opens the encrypted database
on my linux desktop, where is the key that encrypts the chats
do users need to type a password to open their encrypted chats
is the key for the database different from the api key
not the api key but the database key, where is it
data_dir:
where on the filesystem does the program keep its state
I'd like to keep the state of two test runs apart
which option sets the place where all files go
the database should lie on another disk
cache:
I asked the very same thing a minute ago and the answer came at once
will asking the identical question again cost me another api call
is there a store of previous answers that is looked up first
cache or history, what is the cache
difference between cache and history
difference between the cache and the outbox
does the cache remember answers to questions asked before
are the same prompts answered from a store
cache_off:
for my measurements every question has to reach the model really
it keeps giving me the stored reply although I want a new one
what do I add to the command so that no stored reply is used
outbox:
the app told me that my message is queued, what does this mean
what becomes of my message when no engine at all is available
if nothing can answer now, is my question thrown away
I sent a message in the tunnel, will it go out later on its own
does my message vanish if neither the phone nor the cloud can answer
difference between the outbox and the history
difference between outbox and cache
could a queued message be delivered twice
history:
I'd like to read again what we discussed last Monday
which command shows my earlier conversations
can I look at the conversation that I had on Friday
where do I find what you told me yesterday
after closing the program, is our talk gone
does the program remember earlier conversations
is there a way to see all the chats I've had so far
how do I get a list of everything I asked
I want to continue last week's conversation
history or cache, what shows my old chats
what is kept in the history
history_search:
I remember the word invoice from some chat, how do I find it
can I look for a certain word in all my conversations
my user wants to find an old message by a keyword
history_export:
I get a new phone next week, how do I take all conversations with me
my user demands a copy of all his messages in a file
can I load conversations from another installation
which file format do exported chats have
history_delete:
a user wants that all his conversations are destroyed
I wrote something stupid, can I remove that conversation for good
how do I make sure that nobody can ever read the old chats again
selling my phone, how do I destroy all stored conversations
modes:
which choices do I have to influence whether local or cloud is used
what are the possible values for the mode setting
I'd like an overview of the routing modes
what does prefer mean as opposed to only
mode_only_local:
I never want any request to leave for the cloud, which mode is it
how do I force everything onto my own computer
is it possible to forbid the cloud altogether
how can I make sure the cloud is never asked
mode_only_cloud:
our phones are too weak for models, so I never want local inference
how do I force every request to the server
can I forbid the model on the device altogether
mode_prefer_local:
I'd like the device to answer normally and the cloud only in an emergency
use my phone first and the internet only if needed
mode_prefer_cloud:
I'd like the online model normally and the device only in an emergency
use the server first and the phone only if needed
mode_auto:
which mode is active when I don't give the option
I would like amphi to choose freely by itself
license:
are we permitted to ship this in our paid product
may a company use amphi without paying
is there anything I must do when I distribute amphi with my app
do I have to release my own source code if I use amphi
under what licence is the code published
can I use it for a startup without paying
tell me about the terms under which I may use the code
is it okay to sell software that contains amphi
what are the legal conditions for using the library
what do I owe you if I use it commercially
identity:
I'd like to know whether I'm talking to a program on my phone or one in a data center
tell me honestly what sort of assistant you are
before we begin, what are you
what model is behind these answers
is the assistant I am talking to running on this device
routing:
can you explain in plain words how it's determined which engine answers
what exactly is considered when choosing between device and cloud
I would like to understand how amphi picks between my phone and the server
our support team needs to know by which criteria a request is sent to the cloud
what makes the difference between a local and a remote answer
what information about the device flows into the choice
how does the sdk find out which engine is the best at the moment
under which circumstances is the cloud chosen
when will a question be answered on the phone and when on the server
what happens between pressing enter and the first word
what_is:
I found this library on github, can you tell me what it's good for
my manager wants a one sentence description of amphi
what would my app be able to do with amphi that it can't do now
which advantage does amphi have over calling the api directly
can_help:
I'm new and don't know what to ask you
what kind of help can I expect from you
which questions are you able to answer
give me an idea what I could ask you
explain:
the last answer came from the server although I expected the phone, how do I find out why
how can I see the reasons for choosing a certain engine
is there a way to see in which order engines would be tried
which command tells me where a request would go
I want to see the table with all routes and reasons
doctor:
I set everything up but I am not sure that it works, how do I check
is there a command which tests whether my endpoint and my key are fine
something seems to be misconfigured, what should I run
api_key:
I don't want my openai key to be visible for other users of this machine
how do I give amphi the secret for my provider
our provider gave us a token, where does it belong
endpoint:
we have our own llm server in the company, how do I tell amphi about it
which parameter tells amphi the address of my cloud
I'd like to use gpt-4 when the phone can't answer, how do I set this up
how do I plug in my cloud provider
model_file:
I'd like to use a bigger local model than you, how does that work
I have downloaded qwen as gguf, how do I start it with amphi
how do I get better answers without the cloud
ca:
our intranet server has a certificate that was signed by ourselves, so the connection is refused
pin vs ca, how do I add my own certificate authority
the certificate of our test server isn't accepted
pin:
how can I make sure that only my server's public key is accepted
pin vs ca, how do I pin a key
I am afraid that someone in the middle presents a valid but wrong certificate
sandbox:
what prevents a manipulated model file from doing harm on my phone
could a model file that I got from a stranger read my photos
rollout:
we'd like five percent of our users to get the local model in the first week
is it possible to control which share of phones runs the local model
kill_switch:
the new model makes trouble on some phones, how can we stop it everywhere right now
can I turn off local inference for all customers without an app store release
hedging:
what happens if the first word of the answer takes too long
do you start the next route when the first one is slow to speak
budgets:
how much time does a server get before you try something else
how many seconds until you give up on a silent server
confidence:
what happens when the little model obviously has no idea
degrade:
what are the steps before a user gets an error
what does amphi try before it says no
long_context:
I have a very long chat with hundreds of turns, does it still fit
what happens if I paste a text that is longer than the model's window
multimodal:
my users would like to ask about photos they take
can the model use tools that I define
cost:
what will we pay when most answers come from the phones
does the use of local models lower our api bill
tls:
is it possible for someone in the same wifi to read my questions on their way to the server
our old proxy can't do tls 1.3, is there a way
second_endpoint:
if openai is down I want azure to answer, is it possible
can I name a second provider which helps out when the first is down
policy_file:
I think 20 percent is too early for switching to the cloud, can I set another value
in what file do I change the limits for heat and memory
device_file:
I sit at a desktop pc and want to see what happens at 5 percent battery
how do I show the behaviour of a hot phone in a demo without heating a phone
commands:
which things can I do with the amphi program in the terminal
give me a list of the cli commands
cmd_chat:
how do I hold a conversation with the model in my terminal
cmd_ask:
how do I put a single question from a shell script and get json back
serve:
my program already uses the openai library, how do I let it talk to amphi
can I offer amphi as a http server to other programs
languages:
we write our app in kotlin and swift, can we use the sdk
is there something for node developers
platforms:
will our app with amphi run on both android and iphone
which operating systems can I use it on
install:
what do I have to do to get the thing running on a fresh debian
how do I compile the whole project
integrate:
how many lines of code do I need to get a first answer in my c program
which functions do I have to call to send a message and read the reply
events:
what different things can come out of a stream
how does my program notice that an answer is complete
cancel:
the user pressed the stop button, what do I call
how do I interrupt an answer that is too long
threads:
how do I keep it from using every core of my processor
thread_safe:
is it okay to use the same client object from several threads
seed:
I need exactly the same text in each test run
temperature:
the answers are always the same, how do I get more variety
bench:
I want to know how many tokens per second my model makes on this laptop
max_tokens:
the model writes novels, how do I make it answer in a few words
size:
will my app become much larger when I add amphi
speed:
how quickly can I expect an answer from the phone
local_engine:
what is it that computes answers on the phone
cloud_side:
what must our server understand to be usable by amphi
prewarm:
the very first answer takes a while because the model has to be loaded, what can I do
families:
I have a gemma model and a phi model, will both work
formats:
is a model in q4_k_m good, or do I need another format
model_inspect:
how do I find out which quantization and context length a file has
rollout_show:
how can I find out in which test group this phone is
"""

# About other things; the name before the colon is a kind of corpus_offtopic.py's answers.
OTHER_THINGS = """
fact:
who invented the battery
who invented the lithium battery
how does a lithium ion battery work
what is inside a battery
why do batteries explode
how do amphibians breathe
what do frogs eat
are frogs amphibians
is a salamander an amphibian
what is an amphibious vehicle
what is an amphitheater
name some amphibians
how does a phone work
who invented the telephone
who invented the smartphone
when did the first iphone come out
how does gps work
how does wifi work
who invented wifi
what is a router made of
how does a microwave work
how does a fridge keep cool
how does a thermometer work
why is fire hot
how hot is fire
what is the melting point of iron
what is the boiling point of water
who invented encryption
what was the enigma machine
how did the enigma work
who broke the enigma code
what is the history of england
what is the history of computers
history of the roman empire
tell me about the history of germany
who was the first president
who was the first king of england
what is the capital of the moon
what's the capital of australia
capital of france
what is the population of china
how many countries are in europe
largest country in the world
longest river in the world
how tall is mount everest
how high is the eiffel tower
how deep is the ocean
how many bones does a human have
how many legs does a spider have
how many teeth has a shark
how long do cats live
how long do elephants live
what do pandas eat
what is a platypus
why do birds sing
why is grass green
why is blood red
why is snow white
what causes thunder
what causes earthquakes
what is photosynthesis
what is evolution
what is an atom
what is electricity
who discovered electricity
what is a black hole
is there life on mars
how far away is the moon
how old is the earth
how old is the universe
when did the dinosaurs die out
when did the titanic sink
who painted the mona lisa
who wrote harry potter
who wrote the bible
who wrote the odyssey
who is the author of moby dick
who plays batman
who composed the magic flute
what is jazz
what is a sonnet
what is inflation
what is a recession
what is democracy
what is socialism
what is the difference between a crocodile and an alligator
difference between a frog and a toad
difference between http and smtp
difference between java and javascript
what is the meaning of life
what is love all about
what is consciousness
is time travel possible
how do magnets work
how do rockets fly
what is the theory of everything
explain quantum mechanics
explain relativity
explain photosynthesis to me
explain the french revolution
tell me about ancient egypt
tell me about napoleon
tell me about whales
tell me about the solar system
I want to know more about dinosaurs
my son asks why the sky is blue
my kid wants to know how planes fly
my daughter asks what a volcano is
do you know albert einstein
do you know who won the war
have you heard of taylor swift
who is elon musk
who is the pope
who runs openai
who owns google
who founded apple
what does nasa do
what does a plumber do
what is a mortgage
what is a black box in a plane
what is cloud seeding
what's a cloud made of
how are clouds formed
what is a memory palace
how does human memory work
what is amnesia
what is a memory foam mattress
what is a train engine
how does a steam engine work
what is a diesel engine
what is a car battery made of
what is a key signature
what is a skeleton key
who made the first key
what is a model airplane
who was the first supermodel
what is the route of the tour de france
what is the silk road
what is a circuit breaker in a house
what is a license plate
what is quarantine in medicine
what was the quarantine in venice
what is a thread in sewing
how does a seed grow
what is a private detective
who is the private secretary of the king
what is a server in tennis
what is the temperature on mars
what is the size of texas
how fast is a falcon
what is the speed of sound
who made the pyramids
what languages are spoken in switzerland
how many languages exist
what is the platform 9 3/4
what is the cost of living in paris
what is a stream in geography
what is apache tribe
who were the apache
what is a cancel culture
what is the stock price of apple
live:
what's the weather
what's the weather like
what is the weather tomorrow
weather in berlin
weather forecast
will it rain today
will it rain tomorrow
will it snow this week
is it sunny outside
is it cold outside
how warm is it outside
what is the temperature outside
what's the temperature in madrid
temperature in my town
what time is it
what time is it now
what's the time
what date is it
what day is it today
which year is it
what's the date today
latest news
what's in the news
news of today
any news
what happened today
what happened in the world
who won the game last night
who won yesterday
football results
score of the match
what is the bitcoin price
price of gold today
stock market today
exchange rate euro dollar
is my train late
when does the next bus leave
is the subway running
traffic on the highway
where am I
where is the nearest pharmacy
nearest gas station
restaurants near me
what is open now
is the store open
who is president now
who is the current prime minister
what's on tv tonight
what's playing at the cinema
when is the next full moon
when does the sun set today
how is the weather at the beach
are there delays at the airport
what is trending
google something for me
search the web for pizza
look it up on the internet
search the internet
open youtube
browse the web
check my email
read my emails
math:
what's 2 plus 2
2+2
2 + 2 = ?
how much is 7 times 8
what is 12 times 12
12 * 13
15 / 3
add 3 and 4
subtract 5 from 20
divide 100 by 7
multiply 6 by 9
what is 10 percent of 250
twenty percent of eighty
20% of 50
what is the square root of 81
what is 3 to the power of 4
how many minutes in a day
how many seconds in a year
can you calculate something
calculate 33 times 3
can you do math
do my math homework
solve x + 5 = 12
integrate x squared
integral of sin x
derivative of x cubed
what is one plus one
one plus one
is 91 a prime number
how many feet in a mile
convert 5 miles to km
convert 100 fahrenheit to celsius
how many grams in a pound
what is the average of 3 and 9
count to ten
roll the dice
flip a coin
give me a random number
if a train leaves at 5 and drives 3 hours, when does it arrive
if I have three apples and eat one, how many are left
what is the area of a circle with radius 2
code:
write a python script
write a python script that sorts numbers
write a function in java
write some code for me
write me a program
write a for loop in c
can you write code
can you program
code a game for me
code a website
make a website for my shop
how do I sort a list in python
how do I read a file in java
how do I reverse a string
how do I write a regex for emails
regex for phone numbers
sql query for all customers
write an sql query
fix this bug
fix my code
why does my code not compile
what is wrong with my python code
explain pointers
what is a pointer in c
what is recursion
what is a hash map
what is object oriented programming
teach me programming
teach me python
bash script to rename files
write a bash script
create an html page
css to center a div
how do I use git
git rebase or merge
how do I install numpy
how do I train a neural network in pytorch
implement quicksort
text:
write a poem
write me a poem
write a poem about the sea
a poem about autumn please
write a song
write a love letter
write a letter to my landlord
write an email to my boss
write an email
draft an email for me
write an essay about dogs
write an essay
write a story
write a short story
tell me a story
tell me a bedtime story
tell a story about a dragon
once upon a time
make up a story
sing a song
sing me something
rap something
write lyrics
summarize this text
summarize an article for me
summarize the book war and peace
rewrite this sentence
make this sentence better
correct my spelling
check my grammar
find a name for my cat
give me a name for my startup
slogan for a bakery
write a birthday card
write a toast for a wedding
write a tweet
write a blog post about coffee
write a press release
write a product description for shoes
draw me a cat
draw a picture
paint a house
create a logo
make an image of a dog
tell me a riddle
give me a quote
give me an inspirational quote
haiku
limerick
pretend you are a pirate
act like my grandmother
roleplay as a wizard
play a role
let's play a text adventure
translate:
translate
translate this to french
translate hello into spanish
translate good night into german
how do you say thank you in japanese
how do you say cheese in french
what does bonjour mean
what does gracias mean
what's the german word for dog
what is water in italian
what is house in latin
teach me spanish words
I want to learn japanese
say something in french
say hello in ten languages
how do I pronounce worcestershire
how do you spell necessary
is it spelled grey or gray
french word for bread
was kostet das
wie geht es dir
wie spät ist es
où est la gare
comment ça va
donde esta la biblioteca
que hora es
come stai
advice:
which phone should I buy
which phone is the best
what is the best phone
should I buy an iphone or an android
is the new iphone good
which laptop should I buy
which tablet is good for kids
what's a good power bank
where can I buy a charger
which charger should I buy
how do I replace my phone battery
how do I repair a cracked screen
how do I make my phone faster
how do I get more storage on my phone
how do I free up space on my iphone
how do I update android
how do I reset my router
how do I change my wifi password
what is my wifi password
which internet provider is good
which vpn should I use
how do I recover my gmail password
how do I delete my google account
how do I stop spam calls
what should I cook tonight
what's for dinner
recipe for pancakes
recipe for lasagna
how do I make pizza
how do I bake bread
how long do I boil eggs
how do I cook rice
is red wine healthy
how do I lose weight
how do I get fit
give me a workout
how do I fall asleep faster
my tooth hurts
I have a headache
I have a fever
my stomach aches
I broke my arm
my car won't start
my car engine overheats
my car battery is dead
the battery of my car is empty
my toaster is broken
my oven is too hot
the oven doesn't get hot
my soup is too hot
my coffee is cold
it's too hot in my room
how do I cool my room
my dishwasher leaks
my heater doesn't work
my plant is dying
my cat is sick
my dog doesn't eat
my baby cries
what gift should I buy for my wife
where should I go on vacation
what should I see in paris
plan my trip to rome
book a flight
book a hotel
book a table for two
order a pizza
call my mother
call a taxi
set an alarm
set a timer for ten minutes
set a reminder
remind me tomorrow
add milk to the shopping list
turn on the lights
turn off the tv
play music
play some jazz
play a song
send an email to bob
text my wife
take a picture
recommend a movie
recommend a book
what movie should I watch
what book should I read
should I marry him
should I quit my job
how do I ask for a raise
how do I find a girlfriend
how do I get a job
how do I write a resume
how do I invest money
should I buy bitcoin
how do I save taxes
do I need a lawyer
can I sue my neighbor
what should I name my baby
what should I wear today
how do I tie a tie
how do I remove wine stains
how do I clean my windows
how do I learn guitar
how do I learn to swim
how do I get rid of mice
how do I plant roses
how do I change a tyre
how do I pass my driving test
how do I open a jar
where do I renew my passport
how do I delete my browser history
how do I clear the cache of my browser
how do I encrypt my hard disk
how do I back up my computer
how do I export contacts from outlook
how do I stop windows updates
how do I find my lost phone
how do I unlock a car without a key
I lost my house key
where is my key
I lost my wallet
"""
