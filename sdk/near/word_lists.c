/* SPDX-License-Identifier: Apache-2.0
 *
 * What the words of English questions are, and a few of other languages. Each list says what may be
 * done with its words, so a missing word costs a hit and never a wrong answer; the exception are
 * the lists CASE, FORM and META, which forbid.
 */
#include "sdk/near/word_lists.h"

#include "sdk/near/words.h"

const amphi_word_list amphi__word_lists[] = {
    /* Question words. */
    {"what how why which when where whose whom what's how's where's when's why's who's",
        AMPHI_WORD_ENGLISH | AMPHI_WORD_FUNCTION | AMPHI_WORD_QUESTION},
    /* The same where the capitals are an acronym. */
    {"who", AMPHI_WORD_ENGLISH | AMPHI_WORD_FUNCTION | AMPHI_WORD_QUESTION | AMPHI_WORD_CASE},
    /* Auxiliaries. */
    {"do does did could should would can't don't didn't doesn't couldn't shouldn't wouldn't "
     "won't haven't hasn't must might shall",
        AMPHI_WORD_ENGLISH | AMPHI_WORD_FUNCTION | AMPHI_WORD_AUXILIARY | AMPHI_WORD_WITH_I},
    {"can am was were have had", AMPHI_WORD_FUNCTION | AMPHI_WORD_AUXILIARY | AMPHI_WORD_WITH_I},
    {"are is has isn't aren't wasn't weren't",
        AMPHI_WORD_ENGLISH | AMPHI_WORD_FUNCTION | AMPHI_WORD_AUXILIARY},
    {"may will", AMPHI_WORD_FUNCTION | AMPHI_WORD_AUXILIARY | AMPHI_WORD_CASE | AMPHI_WORD_WITH_I},
    /* Beside the pronoun I. */
    {"if that because want need like think know get use feel see",
        AMPHI_WORD_FUNCTION | AMPHI_WORD_WITH_I},
    /* Other function words; those of the first list are seen in English only. */
    {"the of and to my your our their his this that these those with from into by about than "
     "then there here while after before during between among through above below under over "
     "without within because although though since until unless whether such other another "
     "each every some any many much more most very too also only just really actually please "
     "it's i'm i've i'll you're we're they're he's she's that's there's let's you they she "
     "we i",
        AMPHI_WORD_ENGLISH | AMPHI_WORD_FUNCTION},
    {"a an in on at for as or but so be been being not no nor off up down out again all both "
     "few own same me him her them its he yes",
        AMPHI_WORD_FUNCTION},
    /* Function words that are also something else in capitals. */
    {"us it or in on am pm no so i ok", AMPHI_WORD_FUNCTION | AMPHI_WORD_CASE},
    /* Requests to the assistant. */
    {"tell explain write give summarize summarise describe suggest recommend compare define "
     "provide outline",
        AMPHI_WORD_ENGLISH | AMPHI_WORD_FUNCTION | AMPHI_WORD_REQUEST},
    {"list show name find make create draw help teach calculate compute solve convert draft "
     "generate plan design build",
        AMPHI_WORD_FUNCTION | AMPHI_WORD_REQUEST},
    /* What asks for a way to do something. */
    {"make cook bake fix install uninstall remove delete reset change create build write "
     "learn tie clean boil calculate convert find open close sort restart reboot update "
     "upgrade download upload cancel apply start stop improve reduce increase lower lose "
     "gain save invest prepare plan paint grow plant cut wash dry store freeze fry grill "
     "roast peel set setup configure connect disconnect enable disable format partition back "
     "transfer send receive print scan copy paste move rename merge split sign register "
     "login log pay buy sell rent replace repair treat prevent avoid get choose measure "
     "solve prove train run test debug deploy compile sleep study memorize practice teach",
        AMPHI_WORD_FUNCTION | AMPHI_WORD_ACTION},
    /* What is done by hand. */
    {"boil bake cook tie fry grill roast peel install uninstall format reboot restart reset "
     "plant",
        AMPHI_WORD_HANDWORK},
    /* The NOUN of Y, with the article. */
    {"capital population currency gdp president king queen author founder ceo director "
     "height area size depth color colour age flag anthem birthplace origin cause purpose "
     "history density mass radius diameter circumference temperature speed formula",
        AMPHI_WORD_RELATION},
    /* The same, also without it. */
    {"capital population currency gdp president founder ceo", AMPHI_WORD_PLAIN_REL},
    /* Names that are nothing else in lower case. */
    {"japan japanese hungary niger mali cuba tonga togo jordan georgia chad brazil manila "
     "morocco panama boston chicago kansas france paris germany berlin italy rome spain "
     "madrid portugal lisbon england london scotland edinburgh wales ireland dublin britain "
     "europe european asia asian africa african america american americas australia "
     "australian austria vienna belgium brussels netherlands amsterdam denmark copenhagen "
     "norway norwegian oslo sweden swedish stockholm finland finnish helsinki iceland "
     "reykjavik poland warsaw czechia prague slovakia bratislava budapest romania bucharest "
     "bulgaria sofia greece greek athens serbia belgrade croatia zagreb slovenia ljubljana "
     "bosnia albania tirana ukraine ukrainian kyiv kiev russia russian moscow belarus minsk "
     "lithuania vilnius latvia riga estonia tallinn turkish ankara istanbul cyprus israel "
     "jerusalem palestine lebanon beirut syria damascus iraq baghdad iran tehran kuwait "
     "qatar doha bahrain yemen oman muscat dubai afghanistan kabul pakistan islamabad india "
     "indian delhi mumbai bangladesh dhaka nepal kathmandu bhutan thimphu myanmar thailand "
     "bangkok vietnam vietnamese hanoi laos cambodia malaysia indonesia jakarta philippines "
     "singapore taiwan taipei korea korean seoul pyongyang tokyo kyoto osaka beijing "
     "shanghai mongolia kazakhstan uzbekistan turkmenistan kyrgyzstan tajikistan azerbaijan "
     "baku armenia yerevan egypt egyptian cairo libya tripoli tunisia algeria algiers rabat "
     "sudan khartoum ethiopia somalia mogadishu kenya nairobi uganda kampala rwanda kigali "
     "tanzania zambia lusaka zimbabwe harare botswana namibia angola luanda congo kinshasa "
     "gabon cameroon nigeria nigerian abuja lagos ghana accra liberia monrovia senegal dakar "
     "madagascar mozambique canada canadian ottawa toronto vancouver montreal quebec mexico "
     "mexican guatemala honduras nicaragua managua havana jamaica haiti colombia bogota "
     "venezuela caracas ecuador quito peru bolivia paraguay uruguay montevideo argentina "
     "brasilia zealand wellington auckland sydney melbourne canberra fiji washington "
     "california texas florida seattle houston philadelphia york angeles francisco hawaii "
     "alaska everest sahara himalayas andes alps atlantic mediterranean english french "
     "german italian spanish portuguese dutch danish czech hungarian romanian bulgarian "
     "arabic hebrew hindi urdu bengali chinese thai latin einstein shakespeare mozart "
     "beethoven napoleon hitler obama trump biden churchill gandhi mandela darwin galileo "
     "picasso aristotle plato socrates monday tuesday wednesday thursday friday saturday "
     "sunday january february april june july september october november december christmas "
     "easter ramadan jupiter saturn neptune uranus venus pluto christian christianity islam "
     "muslim buddhism buddhist hinduism jewish judaism google facebook microsoft youtube "
     "wikipedia netflix",
        AMPHI_WORD_NAME},
    /* Spelled in either case. */
    {"nasa html css json xml http https url pdf usb cpu gpu ram uk usa eu dna rna fbi cia "
     "nba nfl nhl mlb fifa gdp ceo iq vpn atm bmw ibm php sql api faq diy gps hiv adhd covid "
     "nato unesco unicef opec",
        AMPHI_WORD_ACRONYM},
    /* Case tells two meanings apart (names, zodiac, products, units, German pronouns). */
    {"polish turkey china march august japan java python ruby rust go swift dart scala "
     "mercury mars earth sun moon apple amazon windows word excel access outlook office "
     "teams oracle target gap shell visa chase subway orange sprint mobile nice reading bath "
     "cork split hull deal rugby worms essen cologne lima chad jordan georgia guinea chile "
     "hungary niger mali cuba tonga togo bill mark rose frank grant jack hope grace joy "
     "faith bush page jobs gates banks black white brown green smith baker cook cooper mason "
     "carter hunter fisher potter taylor turner walker porter parker king queen prince duke "
     "pope bishop knight rush rich art drew gene guy hank jean jimmy john josh lance miles "
     "nick norm pat peg penny rob robin rod roger rusty sally sandy skip sue ted tom tony "
     "victor violet wade warren will woody dick dolly don ella eve fanny flora ginger hazel "
     "heather holly iris ivy jade jasmine jersey lily olive pearl poppy april june may "
     "summer autumn dawn amber crystal daisy destiny cherry candy angel christian cancer leo "
     "virgo libra aries gemini taurus pisces god lord bible catholic orthodox democrat "
     "democratic republican conservative labour liberal internet web signal slack zoom "
     "discord tinder time people guardian fox sky times post oasis blur cream pink kiss "
     "heart boston chicago kansas europe america asia america's friends lost heroes house "
     "suits severance frozen up cars alien her jaws gravity titanic avatar inception matrix "
     "rocky saw speed ghost gladiator braveheart psycho vertigo casino heat seven big thor "
     "arrow flash storm beast rogue cyclops ford lincoln dodge ram jaguar beetle mustang "
     "lynx puma fiat mini smart seat focus escort fiesta golf polo passat tesla newton watt "
     "volt joule pascal hertz kelvin ampere ohm coulomb faraday henry gray weber bell "
     "fahrenheit celsius aids cat pet sat act ira sim led ice laser pin nit cad mit bat rom "
     "cap tips aim arm nest echo alexa siri cortana edge chrome safari opera brave firefox "
     "spark kafka docker pandas flask django rails spring hibernate maven ant gradle ansible "
     "puppet chef salt vault consul nomad scratch basic logo lisp c d r s e b p q t v x y z "
     "k m n l h g f w u o j a latex tex turkey's pole poles dane finn finns swede swedes "
     "scot scots welsh brazil manila morocco panama cashmere damask sandwich hamburg "
     "hamburger frankfurt frankfurter bologna champagne bordeaux burgundy port madeira "
     "sherry cheddar brie limerick bermuda ascot derby epsom bolt balls bale rooney stone "
     "streep pitt cruise hanks depp crow crowe hawking hawk hoover dyson hummer boxer pug "
     "chihuahua labrador sie ihr ihnen ihre ihrem ihren ihrer ihres weg morgen reich laut "
     "dank mb gb kb tb mw kw ma mpa pa ph mm ml kg dr mr st gdr ai it's ms cs hr pr ad bc ce "
     "eg ie who's march's may's titan phoenix dallas austin jackson madison cleveland "
     "jefferson montgomery buffalo orlando victoria regina halifax nelson hamilton perth "
     "darwin adelaide hobart sale bury rye wells boot poole ware battle hove well hooke hook "
     "swan steam epic origin unity blender maya sketch figma notion trello bard claude llama "
     "falcon mistral bing surface galaxy pixel nexus kindle fire dot ring robot",
        AMPHI_WORD_CASE},
    /* About a text's own form. */
    {"uppercase lowercase capitalize capitalise capitalization capitals caps punctuate "
     "punctuation regex regexp glob wildcard grep sed awk spell spelled spelling spellings "
     "letters letter character characters syllable syllables vowel vowels consonant "
     "consonants anagram palindrome rhyme rhymes rhyming pronounce pronounced pronunciation "
     "grammar grammatical grammatically sentence sentences proofread rewrite rephrase "
     "paraphrase reword repeat quote verbatim hash md5 sha1 sha256 sha base64 encode encoded "
     "decode decoded encrypt decrypt cipher unicode ascii utf-8 utf8 emoji emojis string "
     "strings substring backwards acrostic haiku comma commas apostrophe hyphen semicolon "
     "colon bracket brackets parenthesis parentheses whitespace newline crossword scrabble "
     "wordle operator operators syntax regexes camelcase snake_case parse marks exclamation "
     "exclamations exclaim period periods dot dots dash dashes hyphens ellipsis ellipses "
     "semicolons colons apostrophes punctuated symbols spaces spacing spaced blank blanks tab "
     "tabs newlines indentation formatting capitalized capitalised lowercased uppercased typo "
     "typos misspell misspelled misspelling misspellings length lengths sentiment sentiments "
     "tone tones emotion emotions mood sarcasm sarcastic classify emphasis emphatic shout "
     "shouted shouting yell yelled yelling echo count counts counting message messages text "
     "texts prompt prompts input inputs typed fragezeichen ausrufezeichen satzzeichen "
     "leerzeichen großbuchstaben kleinbuchstaben ponctuation majuscule majuscules minuscule "
     "minuscules puntuación mayúscula mayúsculas minúscula minúsculas interrogación "
     "exclamación",
        AMPHI_WORD_FORM},
    /* About manners, which greetings, "please" and capitals are part of. */
    {"greet greets greeted greeting greetings greeter polite politely politeness politer "
     "politest impolite impolitely rude rudely rudeness ruder rudest manners mannered "
     "courteous courteously courtesy courtesies discourteous etiquette respectful "
     "respectfully disrespectful thanked thanking grateful gratitude",
        AMPHI_WORD_FORM},
    /* About words. */
    {"translate translation translated word words say says said saying mean means meant "
     "meaning meanings called call calls define definition definitions defined synonym "
     "synonyms antonym antonyms phrase phrases idiom expression term terms abbreviation "
     "acronym acronyms stand stands etymology slang lyrics lyric song album band quotation "
     "noun verb adjective adverb pronoun prefix suffix plural british difference-in-spelling",
        AMPHI_WORD_META},
    /* Other languages of Latin script. */
    {"der das und ist nicht wie wer wo warum wann wieviel welche welcher welches ein eine "
     "einen einem einer ich du wir sie mit für von zum zur den dem auf aus über kann gibt "
     "hauptstadt le la les et est une un que qui quoi quel quelle quels quelles comment "
     "pourquoi quand où dans avec sur ne pas je tu nous vous il elle ils elles ce cette ces "
     "mon ma mes el los las una unos unas por para como cómo qué quién cuál cuáles cuándo "
     "dónde cuánto es son está y del al lo se yo su sus gli uno di che chi cosa come perché "
     "perchè quando dove quanto quale è sono nel nella della dello delle dei o os uma do da "
     "dos em não com quem qual quais onde het een van de wat waar waarom wanneer hoe niet ik "
     "jij hoeveel och att det är hur vad vem var varför när jak co kto gdzie dlaczego kiedy "
     "ile jest nie się czy nasıl neden kim nerede kaç bir ve",
        AMPHI_WORD_FOREIGN},
    /* Question words of other languages. */
    {"wie wer wo warum wann wieviel welche welcher welches was wohin woher wem wen comment "
     "pourquoi quand où quel quelle quels quelles qui combien qué quién quiénes cuál cuáles "
     "cuándo dónde cómo cuánto cuánta cuántos cuántas che chi cosa come perché quando dove "
     "quanto quale quem qual quais onde wat waar waarom wanneer hoe hoeveel что кто где "
     "когда как почему сколько какой какая какое какие зачем куда откуда чем кому кого чей "
     "τι ποιος ποια πού πότε πώς γιατί πόσο",
        AMPHI_WORD_OPENER},
    /* For a refusal's reason. */
    {"not no never none nothing nobody neither nor without can't don't didn't doesn't "
     "couldn't shouldn't wouldn't won't isn't aren't wasn't weren't haven't hasn't cannot "
     "except unless hardly 不 没 没有 无 非 别 未 否 勿",
        AMPHI_WORD_NEGATION},
    {"km m cm mm mi mile miles kilometers kilometres kilometer kilometre meters metres meter "
     "metre feet foot ft inch inches in yard yards kg g mg lb lbs pound pounds kilogram "
     "kilograms gram grams ounce ounces oz ton tons liter liters litre litres ml l gallon "
     "gallons celsius fahrenheit kelvin c f hour hours minute minutes second seconds ms day "
     "days week weeks month months year years mph kph watt watts kw mw kwh volt volts amp "
     "amps hz khz mhz ghz kb mb gb tb byte bytes bit bits percent dollar dollars euro euros "
     "usd eur gbp yen yuan rupees bar psi pa joule joules calories 米 斤 克 元 度 岁 天 年 月 周 "
     "秒 里",
        AMPHI_WORD_UNIT},
    /* A blank between a number and these says nothing. */
    {"km cm mm kg mg lb lbs ft mph kwh ml mhz ghz percent miles meters feet minutes hours",
        AMPHI_WORD_LOOSE_UNIT},
    {"today tomorrow yesterday now currently before after during until since ago next last "
     "previous later earlier year month week day morning evening night always sometimes "
     "often already still yet monday tuesday wednesday thursday friday saturday sunday "
     "january february march april may june july august september october november december "
     "spring summer autumn winter 今 明 昨 前 后",
        AMPHI_WORD_TIME},
    {"all some any every each both many much few several most none half double only enough "
     "least little lot lots 全 都 每 些 几 半 只",
        AMPHI_WORD_QUANTITY},
    {"more less most least better worse best worst bigger smaller larger biggest smallest "
     "largest higher lower highest lowest longer shorter longest shortest faster slower "
     "fastest slowest older younger oldest youngest cheaper cheapest than 更 最 比",
        AMPHI_WORD_COMPARISON},
    {"one two three four five six seven eight nine ten eleven twelve twenty thirty forty "
     "fifty hundred thousand million billion first second third fourth fifth 一 二 三 四 五 六 七 "
     "八 "
     "九 十 百 千 万 亿 两 零",
        AMPHI_WORD_NUMBER},
    {NULL, 0}};
