"""Questions that the help model can't answer, and what it says then.

The model must learn "not about Amphi" as the default, from wordings and words of every kind, so
this file is mostly long lists of words put into many frames. NEAR holds words that Amphi's own
topics use too (battery, key, cloud ...): put into foreign frames they teach the model to look at
the whole question. All answers contain the word "offline"; which one is chosen depends on the
kind of question, so that they vary.
"""

ANSWERS = {
    "fact": "I can't answer that offline: I am a small help model and know only Amphi. With a larger model or a cloud endpoint Amphi can answer it. Ask me how Amphi picks a route, if you like.",
    "live": "I can't know that offline, because it needs fresh data from the network. I only know Amphi; ask me what happens without a network, for example.",
    "math": "I can't calculate that offline; I am a small help model and no good at numbers. I can tell you about Amphi, its routes and its options.",
    "code": "I can't write that offline. I am a small help model for Amphi; with a larger model or a cloud endpoint Amphi can do it.",
    "text": "I can't write that offline. I only know Amphi, but I can explain how it keeps a chat going when something fails.",
    "translate": "I can't translate offline. I only speak a little English about Amphi; a larger model or a cloud endpoint can do it.",
    "advice": "I can't advise you on that offline. I only know Amphi; please ask a person who knows about it, or use a larger model.",
    "gibberish": "I did not understand that, and offline I only know Amphi. Ask me, for example, what happens when the battery is low.",
}

THINGS = """
apple banana bread butter cheese chocolate coffee cookie cucumber egg fish flour garlic grape honey lemon lettuce mango milk mushroom noodle olive onion orange pasta pepper pizza potato pumpkin rice salad salt sandwich sausage soup spinach steak strawberry sugar sushi tea tomato vanilla wine yogurt zucchini lasagna pancake burger curry dumpling omelette risotto waffle
ant bear bee bird butterfly camel cat chicken cow crocodile deer dinosaur dog dolphin donkey duck eagle elephant fox frog giraffe goat goose gorilla hamster hedgehog horse kangaroo koala lion lizard monkey mouse octopus owl panda parrot penguin pig rabbit rat salmon shark sheep snail snake spider squirrel swan tiger turtle wasp whale wolf worm zebra
airplane ambulance bicycle boat bridge bus canoe car castle cathedral church elevator factory farm ferry garage harbor helicopter hospital hotel house library lighthouse motorcycle museum palace pyramid railway restaurant rocket school ship skyscraper stadium submarine subway supermarket taxi temple theater tower tractor train truck tunnel university van windmill yacht zoo
arm blood bone brain ear elbow eye finger foot hair hand heart knee liver lung muscle nose shoulder skin stomach tongue tooth allergy asthma cancer cold cough diabetes fever flu headache migraine vaccine vitamin antibiotic
atom acid carbon copper diamond electron energy gold gravity helium hydrogen iron laser lightning magnet mercury molecule neutron oxygen photon plasma proton silver steel uranium volcano earthquake hurricane tornado tsunami rainbow glacier desert forest island lake mountain ocean planet river valley comet galaxy moon star sun universe eclipse
ballet baseball basketball boxing chess cricket cycling dance fencing football golf gymnastics hockey judo karate marathon olympics poker rugby sailing skiing soccer surfing swimming tennis volleyball wrestling yoga guitar piano violin trumpet drum flute opera symphony jazz painting sculpture poem novel movie cartoon song melody
bank bond budget credit currency dividend inflation interest invoice loan mortgage pension salary share stock tax bitcoin dollar euro yen divorce contract court crime judge jury law lawyer prison police president king queen emperor parliament election democracy revolution war peace treaty army general soldier senator
bed blanket bottle box broom bucket candle carpet chair clock couch cup curtain desk door fork hammer kettle knife ladder lamp mirror needle oven pan pillow plate refrigerator scissors shelf shoe shirt skirt soap sock spoon table towel trousers umbrella vase wallet washing-machine window coat dress hat jacket glove ring necklace
baby birthday boyfriend brother child christmas cousin daughter easter family father friend girlfriend grandmother holiday husband mother neighbor party sister teacher uncle wedding wife dream fear happiness love luck religion philosophy psychology history geography biology chemistry physics mathematics astronomy economics grammar alphabet dictionary calendar
anchor angel architect artist astronaut author baker barber basket beach beard beer bell belt bishop brick bride broccoli bubble builder bus-driver butcher cactus cage camera candy canyon captain caravan carpenter carrot cave chain cherry chimney cinema circus clown coat coconut coin colony compass concert cotton cowboy crown customer dam dentist diary dictator doll dolphin-show dragon drummer dwarf engineer-degree envelope fairy farmer feather fence festival firefighter fireplace flag flea flower fog footballer fossil fountain frame fridge ghost giant glass gardener grass grave guitarist gun haircut hairdresser heaven hero hill holiday-home honeymoon hunter ice iceberg insect jungle juice kettle-bell kingdom kiss kitten ladder-truck lake-house language-school leaf legend lemonade library-card lime lip lipstick locker lottery machine-gun magician marble market marriage mayor meadow medal melon mermaid metal milkshake miner miracle monk monster moss mosquito moth mud mummy mushroom-soup nail nest newspaper nurse nut oak oasis oatmeal office orchestra orphan oyster painter passport peach peanut pear pearl peas pencil perfume photograph pilot pirate plumber pond pony pope postcard prince princess professor puppet puppy puzzle quilt raccoon raft raisin ranch raven reptile rhino ribbon riddle robin rope rose ruby ruler sailor sand sauna saxophone scarf scientist seal seagull shadow shepherd shower singer skeleton skin-cream skull smoke snow soap-opera sofa soil spaceship spice spring squid stamp statue stone storm story straw stream-train student suit summer sunflower surgeon swamp sweater sword syrup tailor tattoo teeth tent thief thumb thunder ticket tie toast toilet tomb toothbrush tourist toy trampoline tribe truffle tulip turkey twin tyre uniform unicorn vampire vegetable vet village violet virus waiter wallpaper walnut waterfall watermelon weather-station weed wheel whiskey whistle winter witch wizard wood wool writer x-ray zipper zombie
""".split()

NAMES = """
Einstein Shakespeare Napoleon Mozart Beethoven Darwin Newton Picasso Gandhi Lincoln Churchill Cleopatra Caesar Columbus Galileo Aristotle Plato Socrates Tesla Edison Freud Marx Kant Goethe Dante Homer Hemingway Tolstoy Austen Dickens Mandela Obama Trump Biden Putin Merkel Madonna Messi Ronaldo Federer Elvis Beatles Rihanna Beyonce Spielberg Hitchcock Chaplin Tarantino Batman Superman Sherlock Gandalf Hamlet Dracula Frankenstein Zeus Odin Buddha Confucius Curie Turing Lovelace Hawking Musk Gates Jobs Bezos Zuckerberg Bach Chopin Vivaldi Wagner Rembrandt Monet Dali Leonardo Michelangelo Euler Gauss Euclid Pythagoras Archimedes Copernicus Kepler Pasteur Fleming Magellan Attila Alexander Victoria Elizabeth
""".split()

PLACES = """
France Germany Spain Italy Portugal Greece Turkey Poland Sweden Norway Finland Denmark Iceland Ireland England Scotland Russia Ukraine China Japan Korea India Pakistan Iran Iraq Egypt Morocco Kenya Nigeria Ethiopia Ghana Brazil Argentina Chile Peru Colombia Mexico Canada Australia Thailand Vietnam Indonesia Mongolia Nepal Switzerland Austria Belgium Hungary Romania Bulgaria Croatia Serbia Cuba Jamaica Bolivia Ecuador Uruguay Paraguay Malaysia Singapore Philippines Paris London Berlin Madrid Rome Lisbon Athens Istanbul Moscow Beijing Shanghai Tokyo Osaka Seoul Delhi Mumbai Cairo Lagos Nairobi Sydney Melbourne Toronto Chicago Boston Seattle Texas California Florida Hawaii Alaska Hamburg Munich Vienna Prague Warsaw Budapest Zurich Geneva Oslo Stockholm Helsinki Dublin Edinburgh Barcelona Venice Naples Africa Asia Europe Antarctica Mars Jupiter Saturn Venus Pluto
""".split()

NEAR = """
battery phone network cloud memory model cache key engine crash policy history thread seed token event platform language pin certificate server endpoint port charger temperature heat device stream route queue budget license data file folder encryption privacy message chat command policy-maker router signal wifi internet computer laptop tablet software app cpu processor disk database api smartphone roaming outbox hedge rollout takeover conversation
""".split()

VERBS = """
adopt bend boil bury carry catch chop comb count cross cure decorate dig dress eat escape explore feed-up fight find fill forget frame grill grind hang hatch hit hunt inflate inherit jump kick kiss knock laugh lend lock measure mix mow open organise pack park peel pick plan play pray preserve print pull push raise record roast sand sail scare season serve-up shave shoot slice smoke sneeze spread squeeze stretch sweep teach throw tie tow trim trap visit wax weigh win woo write wrestle
cook bake fry build repair paint sew knit draw dance sing swim ski drive ride climb grow plant water feed train wash clean iron fold sell buy rent lose win cut polish carve juggle whistle meditate invest sleep run lift wrap melt freeze dye glue sharpen assemble negotiate
""".split()

CODE = "python java javascript rust haskell sql html css bash c++ go php ruby perl lisp fortran matlab excel regex".split()
TONGUES = "french german spanish italian chinese japanese korean russian arabic hindi latin greek turkish dutch polish swedish portuguese hebrew".split()
NUMBERS = "2 3 4 5 7 8 9 10 12 13 15 17 23 25 37 42 48 64 77 88 99 100 128 144 256 365 512 999 1000 1024 12345".split()

# kind -> frames; {t} thing, {T} name, {p} place, {n} near word, {v} verb, {c} code, {l} tongue, {d} number
FRAMES = {
    "fact": """
what is the capital of {p}
capital of {p}
who [was|is] {T}
when [was|did] {T} [born|die]
where was {T} born
what did {T} [do|write|invent|say|discover|paint|believe]
tell me about {T}
tell me about {p}
tell me about [a|the] {t}
tell me about {t}s
what is a {t}
what is the {t}
what are {t}s
what is {t}
explain {t}
explain the {t}
explain [{t}|{n}] to a child
how does a {t} work
how do {t}s work
how [big|old|heavy|tall|long|fast|deep|far] is [a|the] {t}
how [big|old|large|far] is {p}
how many {t}s [are there|exist|live] in {p}
how many [legs|eyes|teeth|bones] does a {t} have
who invented the {t}
who invented the {n}
who discovered {t}
who wrote the {t}
who painted the {t}
who is the [president|king|queen|prime minister|mayor|chancellor] of {p}
who won the {t} [championship|world cup|tournament|match|final]
who won the {n} championship
when was the {t} invented
when was the first {n} [built|invented|sold|made]
when did the {t} [begin|end|start]
what is the history of {p}
what is the history of the {t}
the history of {t}s in {p}
why is the {t} [blue|red|green|so big|so expensive|important|round]
why do {t}s [sleep|fly|exist|sing|jump|bite|hurt]
why does {p} have [so many|no] {t}s
where is {p}
where do {t}s come from
where can I find {t}s in {p}
which {t} is the [best|biggest|fastest|oldest|smallest|most expensive]
which country has the most {t}s
what is the [longest|highest|largest|deepest] [river|mountain|lake|city] in {p}
what language do they speak in {p}
what is the population of {p}
what is the currency of {p}
what is the meaning of life
what does {t} mean
what does {n} mean in [economics|biology|music|football|law|medicine|cooking|art]
what is a {n} in [economics|biology|music|football|law|medicine|chess|psychology]
what is the {n} effect in [economics|physics|biology|psychology]
what is the chemical formula of {t}
what is the difference between a {t} and a {t}
what is the difference between {t} and {t}
what color is a {t}
what do {t}s eat
is a {t} [a mammal|a fruit|dangerous|edible|poisonous|heavy|alive]
is {p} [bigger|older|richer|colder] than {p}
is {T} [still alive|dead|famous|a good actor]
are {t}s [dangerous|intelligent|healthy|extinct]
do {t}s [sleep|have teeth|like {t}]
can a {t} [swim|fly|think|break]
can {t}s [swim|fly|think]
did {T} [really exist|like {t}s|live in {p}|win]
does {p} have [a king|an army|a {t}]
in which year did {T} [die|win|arrive|visit {p}]
name [three|five|ten] {t}s
list all [kings|rivers|cities] of {p}
give me facts about {t}s
how was the {t} made
how was {p} founded
how is {t} made
how is a {n} made in a factory
how are {t}s made
how did {T} [die|become famous|get rich]
what happened in [1066|1492|1789|1815|1914|1945|1969|1989|2001]
what happened in {p} in [1848|1918|1968|1999|2010]
what happens when a {t} [dies|falls|gets wet|meets a {t}|breaks|melts|is hungry]
what happens when you [eat|drop|freeze|burn|hit] a {t}
what happens if the {t} [explodes|disappears|stops]
what happens after death
[quiz|trivia] about {t}s
do you know {T}
do you know {p}
have you heard of {T}
have you ever seen a {t}
[is there|does there exist] life on {p}
what is {T} famous for
what kind of {t} is [this|that|best]
what's [a|the] {t}
{T}
{t}s in {p}
the {t} of {p}
{t}
what causes {t}
what causes a {t}
which {n} company is the [biggest|oldest|richest]
who is the inventor of the {n} [battery|phone|car]
which {n} is the [best|fastest|cheapest|oldest|largest|most popular] in {p}
what is the [best|fastest|cheapest|biggest|oldest] {n} in [{p}|the world|town|europe]
how much {n} does a [human|dog|cat|{t}|baby] have
how long does the {n} of a [car|toy|watch|{t}|camera|tesla] last
what is the [{t}|{n}] [ring|chain|museum|festival|industry|cake] [in {p}|]
tell me about the [history|culture|cities|food|wars|economy] of {p}
tell me the history of {t}
who owns the {n} [shop|company|factory|industry]
who is the [owner|boss|founder|ceo] of the {n} [company|shop|club]
the {n} in the {t}
is there a {n} in {p}
what did {T} say about the {n}
how do {n}s work in [nature|the body|a {t}]
why do {t}s need a {n}
what is the role of the {n} in [biology|history|music|football]
which {t} has the [longest|biggest|best] {n}
what about {t}s
and {t}s
and {p}
and what about {T}
""",
    "live": """
what is the weather [today|tomorrow|like|in {p}|now|in {p} today|]
what's the weather [like|in {p}|today]
will it [rain|snow|be sunny|be hot|be cold] [today|tomorrow|in {p}|on sunday]
how [hot|cold|warm] is it [in {p}|outside|today] 
weather {p}
weather forecast for {p}
temperature in {p} [today|now|]
what time is it [in {p}|now|]
what [day|date] is [it|today]
what is the date
current time
what is the news
any news [today|from {p}|]
what are the headlines
latest news about {T}
latest news about {t}s
what is the [price|rate|value] of [gold|silver|bitcoin|oil|a dollar] [now|today|]
[stock|share] price of [apple|google|tesla|microsoft|a {t} company]
who won the [game|match|election|race] [yesterday|today|last night]
who won [yesterday|last night|on sunday]
what is on tv tonight
when is the next [train|bus|flight|ferry] to {p}
is there a [train|bus|flight] to {p} [today|tomorrow]
is the {t} open [today|now|on sunday]
what is the exchange rate [of the euro|of the dollar|to {p}|]
traffic in {p}
where is the nearest [{t}|restaurant|gas station|pharmacy]
find me a [hotel|restaurant|doctor] in {p}
find a {t} near me
book a [flight|hotel|table|taxi] [to {p}|in {p}]
order [a pizza|a {t}|some food]
call [my mother|my wife|a taxi|the police|{T}]
set [an alarm|a timer|a reminder] [for {d} minutes|for tomorrow|at {d}]
play [music|some jazz|a song|a song by {T}|the {t}]
google {t}
search the web for {t}s
look up {T}
open [youtube|the calendar|facebook|the {t}]
what is trending [on twitter|today]
where am I
what is my ip address
send an email to {T}
turn on the [light|lights|tv|heating|{t}]
turn off the [light|lights|tv|heating|{t}|alarm]
""",
    "math": """
what is {d} [plus|minus|times|divided by] {d}
what is {d} [+|-|*|x|/] {d}
{d} [+|-|*|/] {d}
{d}+{d}
how much is {d} [plus|times|and|minus] {d}
calculate {d} [times|plus|*|/] {d}
compute {d} [times|plus|*|/] {d}
what is the square root of {d}
square root of {d}
solve [x + {d} = {d}|{d}x = {d}|the equation x^2 = {d}]
is {d} a prime [number|]
what is {d} percent of {d}
what is {d} percent of my salary
convert {d} [miles|pounds|feet|fahrenheit|dollars|inches] to [kilometers|kilograms|meters|celsius|euros]
how many [seconds|minutes|hours] are in [a day|a week|{d} days]
how many [cups|grams|liters] in [a gallon|a pound]
what is the [derivative|integral] of [x^2|sin x|e^x|x]
what is pi
count to {d}
what comes after {d}
roll a dice
pick a [random|] number between {d} and {d}
what is the sum of {d} and {d}
if I have {d} {t}s and eat {d}, how many are left
""",
    "code": """
write [a|some] {c} [code|program|script|function] [that sorts a list|that prints hello world|to sort numbers|for a {t} shop|to count {t}s|]
write a function [that|which] [sorts|reverses|counts] {t}s
write code [for|about|to draw] a {t}
how do I [reverse a string|sort a list|read a file|write a loop|parse json] in {c}
fix [my|this] {c} [code|bug|script]
debug my {c} program
what is a [loop|class|pointer|monad|variable|lambda] in {c}
is {c} better than {c}
teach me {c}
learn {c}
explain recursion
make [a|me a] [website|web page|game|spreadsheet] [about {t}s|]
how do I center a div
what is the best programming language
generate a {c} [query|regex|macro|snippet]
how do I install {c}
hello world in {c}
""",
    "text": """
write [a|me a] [poem|story|song|letter|haiku|essay|novel|speech|limerick] [about {t}s|about a {t}|about {T}|about {p}|about my {n}|about the {n}|]
write an [essay|article|email|advert] [about {t}s|about {p}|to my boss|about a {n}]
a poem about [a {t}|{p}|the {n}|love]
tell me a story [about a {t}|about {T}|about a {n}|]
tell me a fairy tale
sing [a song|me a song|something]
compose a [song|melody] about {t}s
summarize [the book|the movie|the {t}|{T}|this article|the news|this text]
rewrite this [text|sentence|email]
correct my [grammar|english|essay]
give me [a|some] [name|names] for my [{t}|baby|dog|cat|company|band]
invent a story about {T}
imagine you are a {t}
pretend to be {T}
act as a [lawyer|doctor|pirate|{t}]
draw [a {t}|me a {t}|a picture of {T}]
make a picture of a {t}
paint [a {t}|{p}]
give me a quote [by {T}|about {t}|]
what rhymes with {t}
write my homework [about {t}s|]
continue this story
a riddle [please|about a {t}]
a slogan for my {t} [shop|company]
""",
    "translate": """
translate [{t}|hello|good morning|{n}|this|thank you|this text] [into|to] {l}
translate this
how do you say [{t}|hello|thank you|{n}|good night|i love you] in {l}
what is [{t}|hello|{n}|{v}] in {l}
what does [{t}|amour|gato|hund|ciao] mean in {l}
[{t}|{n}] in {l}
say [hello|{t}|something] in {l}
teach me {l}
I want to learn {l}
how do I spell {t}
spell {t}
was ist die hauptstadt von {p}
wie ist das wetter in {p}
wo ist der bahnhof
quelle est la capitale de {p}
comment faire une omelette
cual es la capital de {p}
donde esta {p}
come si fa la {t}
""",
    "advice": """
how do I {v} [a|my|the] {t}
how do I {v}
how to {v} a {t}
how can I {v} [better|faster|a {t}|my {t}]
how do you {v} a {t}
can you {v} [a {t}|my {t}|{t}s]
can you {v}
teach me to {v}
what is the best way to {v} a {t}
I want to {v} a {t}
help me {v} my {t}
should I {v} [a {t}|my {t}|{t}s|today]
recipe for {t} [soup|cake|salad|]
a recipe with {t} and {t}
how do I make {t} [soup|cake|salad|juice|]
what can I cook with {t} and {t}
what should I [eat|wear|cook|read|watch|buy] [today|tonight|in {p}|for my birthday]
what is the best {t} to buy
what is the best {n} to buy
best {n} to buy
best {t} [in {p}|for my {t}]
which {n} should I buy
which [phone|laptop|tablet|camera|car|smartphone|tv|router|charger] [should I buy|is the best|do you recommend|is better]
which [iphone|samsung|pixel|android phone] is [best|better|the cheapest]
how much does a {t} cost
how much does a {n} cost [in {p}|in a shop|]
where can I buy [a {t}|a {n}|{t}s|cheap {t}s]
where can I buy a [new battery|phone battery|charger|phone|router]
recommend [a movie|a book|a {t}|a restaurant in {p}|some music]
can you recommend a [film|hotel|{t}|{n}]
I have [a headache|a fever|a cold|back pain|a cough|pain in my {t}|a broken {t}]
what helps against [a headache|a cold|a cough|{t}]
is it [healthy|safe|dangerous|legal] to eat {t}s
is [{t}|{t} juice] good for [my|the] [health|skin|{t}]
how do I lose weight
how do I get rich
how do I find [a job|a girlfriend|a boyfriend|a flat|friends]
how do I fix [my car|a broken {t}|my {t}|a flat tire]
how do I clean [my {t}|a {t}|a phone screen|my laptop keyboard]
how do I replace [the battery of my car|a phone battery|a {t}|a broken screen]
my {t} [is broken|hurts|is ill|does not work|is dirty|died]
my {t} is [too|very] [hot|cold|slow|low|big|small]
am I [ill|pregnant|too old|right]
what is a good gift for [my {t}|a {t}|my wife]
how many [calories|vitamins] [are in|has] [a|an] {t}
how long [do I|should I] [cook|bake|boil|wash] [a {t}|{t}s]
should I [buy|sell] [bitcoin|gold|stocks|a house|a {t}]
do I need [a visa for {p}|a lawyer|a doctor|an umbrella]
what should I do [in {p}|with my life|on sunday|with a {t}]
plan a trip to {p}
give me a [workout|diet|training|travel|meal|study] plan
make me a [list|plan|schedule] for [the week|{p}|my {t}]
what should I know about {t}s
my {t} smells
my {t} won't [start|open|stop|sleep|eat]
my [dog|cat|baby|child|boss] [is ill|hates me|cries|does not sleep|is angry]
how do I get my {t} to [sleep|eat|work|stop]
how do I hide from a {t}
how do I keep {t}s fresh
how do I choose a [good|] {t}
how do I get to {p}
is it safe to travel to {p}
how do I improve my [english|{t}|sleep|memory]
how can I train my memory
what is good for the memory of old people
how do I recycle a {n}
how do I tie a tie
where should I go on holiday
""",
}

# Whole questions, many of which look like Amphi's topics and are not.
HARD = """
who is the richest person in the world
how many days are in february
what is the tallest mountain in the world
how many people live on earth
what is the largest animal
who was the first man on the moon
when does summer begin
how does a plane stay in the air
what is gravity
why is the sea salty
why do cats purr
what are black holes
what is a haiku
how deep is the mariana trench
is pluto a planet
which is the smallest country
what is the biggest desert
who discovered america
who invented the light bulb
what is dna
how does the human heart work
how old do turtles get
which animals lay eggs
can pigs fly
why do we dream
what is the theory of relativity
how long is the great wall
what was the cold war
when did world war two end
who wrote romeo and juliet
who sang thriller
who played james bond
who directed titanic
what is the plot of hamlet
how does the film end
which band wrote yesterday
what is the best book ever
what is the offside rule
how many players are in a football team
who won the last world cup
who is the best footballer
when are the next olympics
what is a touchdown
how do I win at chess
rules of poker
how do I get rid of ants
how do I get a stain out of a carpet
how do I unclog a sink
how do I change a tire
how do I grow tomatoes
when do I plant tulips
how often should I water a cactus
how do I sharpen a knife
how do I peel garlic
how long does pasta take
how do you make pancakes
can I freeze cheese
is sugar bad for you
how much water should I drink
how many hours should I sleep
I can't sleep
my head hurts
my back hurts, what should I do
what medicine helps with fever
is my mole dangerous
am I too fat
how do I stop coughing
can I take aspirin with alcohol
should I see a doctor
should I quit my job
should I break up with my boyfriend
how do I write a cv
what should I say in a job interview
how do I make friends
what is a good present for my mother
what shall I wear tonight
what is the dress code at a wedding
how do I file my taxes
what is the minimum wage
how do I open a bank account
is it a good time to buy a house
which shares should I buy
what is the interest rate
how does insurance work
who is the chancellor of germany
who is the us president
who will win the election
when is the next election
what is the european union
what does the un do
is there a war in europe
what is climate change
how do vaccines work
what is covid
what is the speed limit in germany
how far is it from paris to london
how long does the flight to tokyo take
do I need a visa
what is the best time to visit iceland
cheap hotels in barcelona
what can I see in rome
is there a pharmacy near me
when does the supermarket close
what is on at the cinema
are the shops open on sunday
what is the time in london
what day is today
is it raining
do I need an umbrella today
how is the traffic
what is my horoscope
what is my name
how old am I
what did I eat yesterday
where are my glasses
who is my father
read my mind
can you drive a car
can you cook
make me a coffee
order a taxi
call my mum
wake me up at six
remind me to buy milk
add eggs to my shopping list
what is on my calendar
send a message to anna
take a photo
turn on the light
open the window
play a game with me
let us play chess
tell me about yourself and napoleon
describe a sunset
describe the taste of a banana
what is art
what is happiness
do aliens exist
is there a god
what happens when we die
what came first the chicken or the egg
how much wood would a woodchuck chuck
spell onomatopoeia
what is a synonym for happy
what is the plural of mouse
what is the past tense of go
is it who or whom
define serendipity
how do you pronounce croissant
give me ten baby names
write a speech for a wedding
write a tweet about coffee
help me with my homework
what is pythagoras theorem
what is half of ninety
is seven a prime number
how many inches in a foot
what is a billion in words
how do I calculate the area of a circle
convert ten euros to dollars
what is the roman number for fifty
what is binary
how do computers work
who invented the computer
what is a cpu made of
what is the best laptop for students
which tv should I buy
which smartphone has the best camera
which phone battery lasts longest
how do I clean my phone screen
how do I transfer photos to a new phone
how do I change my email password
how do I delete my instagram account
how do I edit a video
how do I make a website
how do I learn programming
what is the best programming language for beginners
what is photoshop
is linux better than windows
how do I take a screenshot on a mac
why is my computer slow
my printer does not print
how do I scan a document
what is bluetooth
what is 5g
who founded microsoft
when was facebook founded
what is bitcoin mining
what is a podcast
what should I watch on netflix
who is the main character in star wars
sing happy birthday
knock knock
ping pong rules
what is the color of the sky
who won the battery championship
how do I charge an electric car
what is cloud computing stock worth
which clouds bring rain
what is a cumulus cloud
why are clouds white
what is the memory of an elephant like
who wrote the history of rome
what is the private life of the queen like
where did I leave my keys
what key is this song in
how do I play in the key of c
how do I open a door without a key
how does a car engine work
why does my car engine overheat
how hot is the sun
what is the hottest place on earth
how hot is lava
how does the stock market crash happen
why did the airplane crash
what happened in the crash of 1929
which train route goes to paris
what is the shortest route to berlin
what is route 66
what is the foreign policy of france
who decides the policy of the government
what is insurance policy
what is a social network
how do neurons form a network
which tv network shows football
what is the network effect in economics
how do I plant tomato seeds
what is the seed of an apple
which thread do I use for sewing
how strong is a spider thread
what is a token in board games
what events are in town
which events led to the war
how do I hedge my stocks
what is a hedge fund
how do I cut a hedge in the garden
what is a model railway
who is the best fashion model
what is the best car model
where is the cache of the pirates
how do I find a geocache
how do I get a driving license
what is a fishing license
who sings the song private dancer
what is private equity
how do I join a private school
which port is the biggest in europe
where is the port of hamburg
what is port wine
what is the language of dolphins
how many languages are spoken in india
what is the platform for my train
how do I bring down a fever
what is the temperature of boiling water
what is the capital of the cloud
how do I pin a note to the wall
who invented the safety pin
what is the budget of nasa
how is the budget of germany
what is the size of the moon
how big is a blue whale
how fast is a cheetah
what is the speed of light
who is the fastest man
what is the biggest company
what is a chat noir
which phone has the best camera
is samsung better than apple
how do I unlock my iphone
how do I reset my phone
how do I take a screenshot
why is my wifi password wrong
how do I connect my printer to wifi
what is the price of an iphone
how do I install windows
how do I install a printer
how do I use excel
how do I delete my facebook account
how do I block a number
how do I change my ringtone
who founded google
who is the ceo of openai
who invented the internet
when was the internet invented
how does the internet work
what is quantum computing
how do neural networks learn
what is machine learning
what is a transformer in electricity
what is blockchain
what is the fastest computer in the world
how many people use the internet
what is the outback
what is a battery in baseball
what is the charge of an electron
what is the heat of fusion
who kills the president in the movie
why do people die
how do I kill weeds
how do I stop smoking
how do I stop a nosebleed
what is a local anesthetic
which local food is good in spain
what do locals eat
where does the stream flow
how do I swim in a stream
what is a budget airline
who commands the army
what are the ten commandments
what is the release date of the movie
when is the new season released
what is a gray whale
why is my hair gray
is the earth flat
does god exist
what is love
""".strip().splitlines()

FOLLOW_UPS = {
    "why": ("why|why not|why can't you|how come|what a pity, why|but why", "Because I am a small model that was trained on sentences about Amphi only, and I have no network. Offline I know nothing else."),
    "try": ("please|try anyway|just try|please try|come on|guess|but you are an ai|I know you can|just answer it", "I would only invent something. Offline I know Amphi and nothing else, so I rather say no."),
    "how": ("who can answer it then|which model can|what can I do then|how can I get an answer then|who knows it|and with a bigger model|how do I get a better answer", "Use a larger model with --model FILE, or add a cloud endpoint with --endpoint NAME=URL,model=M,key-file=FILE. I can only help with Amphi offline."),
}
