# ruff: noqa: E501  (one row of a table is one line)
"""The words of the grammar, and who can do what to what.

A selector such as ``"fruit bread boat:2"`` names nouns by class or by their English,
with a weight (1 unless given). What a verb or adjective may go with is a selector, so
that nobody reads a stone. Korean homonyms are separate lines here, because only what
they go with tells them apart: 배 is a boat, a pear or a belly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from course_lib.data.korean_english import english
from course_lib.data.korean_english.english import Forms, forms

Table = tuple[tuple[object, float], ...]


@dataclass(frozen=True, eq=False)
class Noun:
    """``article`` is "a", "the" (even as an object), "mass" or "none"."""

    ko: str
    en: tuple[str, ...]
    plural: tuple[str, ...]
    classes: frozenset[str]
    article: str = "a"
    counter: str = ""  # Korean counts books in 권, animals in 마리
    place: str = ""  # the preposition of a place: in, at, on
    gender: str = ""  # m, f or unknown


@dataclass(frozen=True, eq=False)
class Adjective:
    ko: str
    kind: str
    en: tuple[tuple[str, float], ...]  # English words with their probabilities
    nouns: str
    scale: str = ""  # two adjectives of one scale are never said of one thing
    good: int = 0  # 1 praise, -1 blame: cheap but dirty, cheap and clean

    @property
    def stem(self) -> str:
        return self.ko


@dataclass(frozen=True, eq=False)
class Verb:
    ko: str
    kind: str
    en: Forms
    subject: str
    slots: dict[str, str] = field(default_factory=dict)  # obligatory: slot, selector
    extras: dict[str, str] = field(default_factory=dict)  # optional
    manner: tuple[str, ...] = ()  # Korean adverbs that it goes with
    state: bool = False  # no progressive, no "can" and "must"
    generic: bool = False  # its object is a kind: likes apples
    own: bool = False  # its object is the subject's own: washes his hands
    creates: bool = False  # its object is not there before: no "cake that I bought"
    consumes: bool = False  # its object is gone after it: no "apple that I ate"
    relative: bool = True  # may be the verb of a relative clause


# Korean | English / irregular plural | classes, #counter, @place, article
_NOUNS = """
학생   | student              | person young #명
아이   | child / children     | person young #명
소년   | boy                  | person young gendered m #명
소녀   | girl                 | person young gendered f #명
선생님 | teacher              | person adult elder
의사   | doctor               | person adult job #명
간호사 | nurse                | person adult job #명
여자   | woman / women        | person adult gendered f #명
남자   | man / men            | person adult gendered m #명
가수   | singer               | person adult artist job #명
화가   | painter              | person adult artist job #명
작가   | writer               | person adult artist job #명
요리사 | cook                 | person adult job #명
농부   | farmer               | person adult job #명
기자   | reporter             | person adult job #명
기사   | driver               | person adult job #명
시장   | mayor                | person adult
손님   | guest                | person adult #명
어머니   | mother             | kin adult gendered elder f
아버지   | father             | kin adult gendered elder m
할머니   | grandmother        | kin adult gendered elder f
할아버지 | grandfather        | kin adult gendered elder m
삼촌     | uncle              | kin adult gendered m
이모     | aunt               | kin adult gendered f
아들     | son                | kin gendered m
딸       | daughter           | kin gendered f
남동생   | younger brother    | kin gendered m
여동생   | younger sister     | kin gendered f
친구     | friend             | friend adult #명
고양이 | cat                  | animal pet #마리
강아지 | puppy                | animal pet #마리
개     | dog                  | animal pet #마리
새     | bird                 | animal flying #마리
말     | horse                | animal grazing ridden #마리
토끼   | rabbit               | animal grazing #마리
소     | cow                  | animal grazing #마리
곰     | bear                 | animal wild #마리
여우   | fox                  | animal wild #마리
원숭이 | monkey               | animal wild #마리
쥐     | mouse / mice         | small #마리
파리   | fly                  | small #마리
사과   | apple                | food fruit #개
배     | pear                 | food fruit #개
복숭아 | peach                | food fruit #개
귤     | tangerine            | food fruit #개
밤     | chestnut             | food roasted #개
감자   | potato               | food roasted #개
당근   | carrot               | food #개
달걀   | egg                  | food boiled #개
빵     | bread                | food baked mass
고기   | meat                 | food mass
김치   | kimchi               | food mass
밥     | rice                 | food mass
수프   | soup                 | food hot boiled mass
케이크 | cake                 | food baked #개
물     | water                | drink boiled mass cup #잔
우유   | milk                 | drink mass cup #잔
커피   | coffee               | drink hot bitter mass cup #잔
차     | tea                  | drink hot bitter boiled mass cup #잔
주스   | juice                | drink mass cup #잔
책     | book                 | text printed #권
소설   | novel                | text written #권
편지   | letter               | text written sent #통
시     | poem                 | text written #편
기사   | article              | text written #개
신문   | newspaper            | printed the
이야기 | story                | heard #개
노래   | song                 | heard #곡
소식   | news                 | mass report
말     | words                | words none owned
사과   | apology              | apology
영화   | movie                | film #편
그림   | picture              | art sent #개
사진   | photo                | art sent #장
선물   | gift                 | sent #개
꽃     | flower               | plant #송이
나무   | tree                 | plant #그루
모자   | hat                  | clothes #개
코트   | coat                 | clothes #벌
구두   | shoes / shoes        | pair
가방   | bag                  | thing #개
시계   | watch                | thing machine #개
컴퓨터 | computer             | thing machine #대
의자   | chair                | thing wooden #개
책상   | desk                 | thing wooden surface #개
식탁   | table                | wooden surface
우산   | umbrella             | thing #개
연필   | pencil               | thing #자루
공     | ball                 | thing #개
접시   | plate                | thing dish #개
차     | car                  | vehicle machine #대
자전거 | bicycle              | ridden machine #대
배     | boat                 | boarded vehicle machine #척
버스   | bus                  | boarded public the
기차   | train                | boarded public the
비행기 | airplane             | boarded flying
택시   | taxi                 | boarded public
문     | door                 | opening the
창문   | window               | opening the
눈     | snow                 | weather mass
밤     | night                | night the
집     | home                 | home none @at
집     | house                | building #채 @in
학교   | school               | public_place none @at
시장   | market               | store the @at
공원   | park                 | outdoors the @in
도서관 | library              | indoors reading the @in
병원   | hospital             | clinic the @at
식당   | restaurant           | eating indoors the @at
카페   | café                 | eating indoors reading the @in
서점   | bookstore            | store the @in
가게   | shop                 | store the @in
부엌   | kitchen              | room the @in
방     | room                 | room reading the @in
정원   | garden               | outdoors the @in
역     | station              | stop the @at
바다   | sea                  | swum the @in
강     | river                | swum crossed the @in
산     | mountain             | nature the @on
섬     | island               | settled nature @on
마을   | village              | settled @in
도시   | city                 | settled @in
다리   | bridge               | crossed the @on
길     | street               | crossed the @on
서울   | Seoul                | town none @in
부산   | Busan                | town none @in
런던   | London               | town none @in
파리   | Paris                | town none @in
한국어 | Korean               | subject language none
영어   | English              | subject language none
역사   | history              | subject none
음악   | music                | music mass
배     | stomach              | body
머리   | head                 | body
다리   | leg                  | body
눈     | eyes / eyes          | body
손     | hands / hands        | body
"""


def _noun(line: str) -> Noun:
    ko, en, marks = (part.strip() for part in line.split("|"))
    one, _, irregular = en.partition(" / ")
    singular = tuple(one.split())
    many = tuple(irregular.split()) or (*singular[:-1], english.plural(singular[-1]))
    marks = set(marks.split())
    articles = marks & {"mass", "the", "none"} or {"a"}
    return Noun(
        ko,
        singular,
        many,
        frozenset(marks - articles),
        articles.pop(),
        next((m[1:] for m in marks if m[0] == "#"), ""),
        next((m[1:] for m in marks if m[0] == "@"), ""),
        next(iter(marks & {"m", "f"}), ""),
    )


NOUNS = tuple(_noun(line) for line in _NOUNS.strip().splitlines())


@cache
def select(selector: str) -> tuple[tuple[Noun, float], ...]:
    """The nouns of ``selector`` with their weights, each once, in the lexicon's order.

    Raises ``ValueError`` for a name that is neither a class nor a noun.
    """
    wanted = {}
    for item in selector.split():
        name, _, weight = item.partition(":")
        wanted[name] = float(weight or 1)
    found, used = [], set()
    for noun in NOUNS:
        names = {"_".join(noun.en), *noun.classes} & wanted.keys()
        used |= names
        if names:
            # A noun named by itself has its own weight; else the class gives it.
            own = "_".join(noun.en)
            found.append((noun, wanted[own if own in names else min(names)]))
    if missing := set(wanted) - used:
        raise ValueError(f"selector: got {sorted(missing)}, expected classes or nouns")
    return tuple(found)


_GOOD = [
    "예쁘",
    "아름답",
    "귀엽",
    "빠르",
    "맛있",
    "달",
    "싸",
    "친절하",
    "똑똑하",
    "유명하",
    "부지런하",
    "조용하",
    "깨끗하",
    "가볍",
    "재미있",
    "쉽",
]
_BAD = ["느리", "쓰", "비싸", "더럽", "무겁", "어렵", "슬프"]


def _adjective(line: str) -> Adjective:
    ko, kind, en, nouns, scale = (part.strip() for part in line.split("|"))
    words = [word.partition(":") for word in en.split()]
    said = tuple((word, float(p or 1)) for word, _, p in words)
    good = (ko in _GOOD) - (ko in _BAD)
    return Adjective(ko, f"adjective {kind}".strip(), said, nouns, scale, good)


# stem | irregular class | English:probability | of what | scale
_ADJECTIVES = """
예쁘   |   | pretty            | bird:3 plant clothes girl house art pet garden bag | looks
아름답 | ㅂ | beautiful        | song woman garden island mountain sea city plant | looks
귀엽   | ㅂ | cute             | pet rabbit child | looks
크     |   | big:0.8 large:0.2 | animal plant house bag computer desk plate ball car boat mountain city park pear apple bear | size
작     |   | small:0.8 little:0.2 | animal plant house bag computer desk plate ball umbrella boat village island room fruit | size
높     |   | high              | mountain | height
길     |   | long              | written heard bridge river night street | length
짧     |   | short             | written heard bridge | length
빠르   | 르 | fast             | horse train car boat dog bicycle | speed
느리   |   | slow              | train bus boat car computer | speed
맛있   |   | delicious         | food coffee tea juice milk | taste
달     |   | sweet             | fruit chestnut cake juice | taste
쓰     |   | bitter            | bitter | taste
차갑   | ㅂ | cold             | water swum milk juice | heat
뜨겁   | ㅂ | hot              | hot water | heat
비싸   |   | expensive         | house clothes bag machine fruit coffee shoes | price
싸     |   | cheap             | house clothes bag machine fruit coffee shoes | price
새     | prenoun | new         | clothes car book bag house computer bicycle watch song novel movie umbrella |
친절하 |   | kind              | person friend kin | manner
똑똑하 |   | smart             | student child boy girl dog monkey friend kin writer reporter | mind
유명하 |   | famous            | artist restaurant mountain novel song movie city reporter | fame
젊     |   | young             | job woman man mayor | age
부지런하 |  | diligent         | job student friend | mind
조용하 |   | quiet             | park library café village street room house night | noise
깨끗하 |   | clean             | room kitchen water swum street plate house clothes | dirt
더럽   | ㅂ | dirty            | room kitchen street plate car window | dirt
무겁   | ㅂ | heavy            | bag wooden computer book | weight
가볍   | ㅂ | light            | bag bicycle computer chair umbrella | weight
재미있 |   | interesting       | book novel story movie history article | interest
어렵   | ㅂ | difficult        | book poem subject article | ease
쉽     | ㅂ | easy             | book subject article song | ease
슬프   |   | sad               | song story movie poem novel letter | mood
빨갛   | ㅎ | red              | apple flower car bicycle clothes bag umbrella | colour
노랗   | ㅎ | yellow           | flower bus umbrella bag hat | colour
"""
ADJECTIVES = tuple(_adjective(line) for line in _ADJECTIVES.strip().splitlines())


@cache
def adjectives(noun: Noun) -> tuple[tuple[Adjective, float], ...]:
    """What can be said of ``noun``."""
    return tuple(
        (adjective, weight)
        for adjective in ADJECTIVES
        for found, weight in select(adjective.nouns)
        if found is noun
    )


def purpose(verb: Verb) -> tuple[Noun, ...]:
    """Where somebody may go in order to do it: to the park, to run."""
    if verb.subject != "people" or verb.state or verb.ko in ("가", "울", "웃"):
        return ()
    at = select(verb.extras["at"]) if "at" in verb.extras else ()
    going = {noun for noun, _ in select(_PLACES)}
    return tuple(noun for noun, _ in at if noun in going and noun.en != ("school",))


MANNERS = {
    "빨리": (("quickly", 0.8), ("fast", 0.2)),
    "천천히": (("slowly", 1.0),),
    "조용히": (("quietly", 1.0),),
    "열심히": (("hard", 1.0),),
    "다시": (("again", 1.0),),
    "혼자": (("alone", 1.0),),
}
FREQUENCIES = {"자주": "often", "항상": "always", "가끔": "sometimes"}
DEGREES = {"아주": "very", "매우": "very", "정말": "really"}


@dataclass(frozen=True)
class Time:
    """An adverb of time. Each English word names the Korean word that it translates."""

    ko: tuple[str, ...]
    en: tuple[tuple[str, int, bool], ...]  # word, index into ko, sure?
    tenses: tuple[str, ...]
    now: bool = False  # English wants the progressive


def _time(line: str) -> Time:
    ko, en, tenses = (part.strip() for part in line.split("|"))
    words = []
    for word in en.split():
        text, _, index = word.partition("/")
        words.append((text, int(index.rstrip("?")), not index.endswith("?")))
    return Time(tuple(ko.split()), tuple(words), tuple(tenses.split()), ko == "지금")


# Korean | English/which Korean word (? = possible) | tenses
_TIMES = """
어제      | yesterday/0                   | past
오늘      | today/0                       | past present future
지금      | now/0                         | present
내일      | tomorrow/0                    | future
매일      | every/0 day/0                 | past present
아침 에   | in/1 the/0? morning/0         | past present future
저녁 에   | in/1 the/0? evening/0         | past present future
밤 에     | at/1 night/0                  | past present
주말 에   | on/1 the/0? weekend/0         | past present future
토요일 에 | on/1 Saturday/0               | past future
여름 에   | in/1 summer/0                 | past present future
겨울 에   | in/1 winter/0                 | past present
지난주 에 | last/0 week/0                 | past
작년 에   | last/0 year/0                 | past
어젯밤 에 | last/0 night/0                | past
오늘 아침 에 | this/0 morning/1           | past
다음 주 에 | next/0 week/1                | future
"""
TIMES = tuple(_time(line) for line in _TIMES.strip().splitlines())


@dataclass(frozen=True, eq=False)
class State:
    """What the weather is, or how somebody feels: the ground of a cause.

    ``idiom`` are the Korean words before the predicate (배 가 고프다). ``so`` and
    ``but`` select what then follows, or follows all the same: "go home" restricts the
    place, "drink" leaves it free. ``body`` is English "X's stomach hurts".
    """

    ko: str
    kind: str
    idiom: tuple[str, ...]
    en: Forms
    complement: str
    subject: str  # "it", "the wind", "people", or "body": X's stomach hurts
    so: tuple[tuple[str, str], ...]
    but: tuple[tuple[str, str], ...]
    body: tuple[str, str] = ("", "")  # stomach, its agreement


def _state(line: str) -> State:
    idiom, ko, en, subject, so, but = (part.strip() for part in line.split("|"))
    stem, _, kind = ko.partition(" ")
    head, _, complement = en.partition(", ")
    return State(
        stem,
        kind,
        tuple(idiom.split()),
        forms(head),
        complement,
        subject.split()[0],
        *(
            tuple((v.partition(" ")[0], v.partition(" ")[2]) for v in text.split("; "))
            for text in (so, but)
        ),
        tuple(subject.split()[1:]) or ("", ""),
    )


# idiom | stem, kind | English, complement | subject | so | but
_BE = "be was been being"
_STATES = f"""
비 가 | 오 verb           | rain       | it | read; watch; use umbrella; take taxi bus; sleep; roast potato | walk; go park market; run; play
눈 이 | 오 verb           | snow       | it | play; walk; clear; draw tree mountain house; drink tea coffee; wear hat | run; go market park school; swim
눈 이 | 내리 verb         | snow       | it | play; walk; clear; draw tree mountain house; drink tea coffee; wear hat | run; go market park school; swim
바람 이 | 불 verb         | blow blew blown | the | close; wear hat; rest home room | walk; go sea park; run
      | 춥 adjective ㅂ   | {_BE}, cold | it | close; drink tea coffee; wear hat coat; rest home room; make soup | swim; walk; open window; go sea park
      | 덥 adjective ㅂ   | {_BE}, hot | it | swim; go sea; open window; drink juice water; rest home room garden | run; walk; work; drink tea coffee
      | 따뜻하 adjective  | {_BE}, warm | it | walk; go park sea; plant; play; ride | wear hat; sleep; drink tea coffee
배 가 | 고프 adjective    | {_BE}, hungry | people | eat; buy bread cake apple potato pear; go restaurant market; roast; make bread soup | work; sleep; read; walk
목 이 | 마르 adjective 르 | {_BE}, thirsty | people | drink water juice milk tea; buy juice milk; boil water | run; work; walk
      | 피곤하 adjective  | {_BE}, tired | people | sleep; rest; go home; drink coffee; return home; take taxi bus | work; read; run; make bread cake; write
      | 바쁘 adjective    | {_BE}, busy | people | work; take taxi bus; eat bread | meet; play; watch; help; rest
      | 행복하 adjective  | {_BE}, happy | people | smile; dance; sing | cry; work
      | 슬프 adjective    | {_BE}, sad | people | cry; listen music song; meet; write letter poem | smile; dance; work; sing
      | 아프 adjective    | {_BE}, sick | people | go hospital; rest; sleep; call doctor | work; go school; dance; walk
배 가 | 아프 adjective    | hurt hurt hurt | body stomach 3s | go hospital; rest; drink tea water; call doctor | eat; work; run; go school
머리 가 | 아프 adjective  | hurt hurt hurt | body head 3s | rest; sleep; go hospital; drink water | work; read; watch; go school
다리 가 | 아프 adjective  | hurt hurt hurt | body leg 3s | rest; sit; take taxi bus; go hospital | run; walk; dance; swim
눈 이 | 아프 adjective    | hurt hurt hurt | body eyes 3p | close eyes; rest; sleep; go hospital | read; watch; write
"""
STATES = tuple(_state(line) for line in _STATES.strip("\n").splitlines())


_PLACES = "home public_place store outdoors indoors clinic stop swum nature town"
_BUYABLE = "fruit food juice milk clothes flower bag watch umbrella shoes"

# stem, class | English | subject | obligatory | optional | manner | flags
#
# Subject: "people" is anybody, "grown" no child, "gendered" whose pronoun is known.
# Slots: object 을/를, to and in 에, from 에서, at 에서, on and under, means and tool
# (으)로, recipient 에게, giver 에게서, companion 와 함께. "." is any person.
_VERBS = f"""
먹     | eat ate eaten         | people | object food | at eating home kitchen park; companion . | 빨리 천천히 혼자 | consumes
먹     | eat ate eaten         | dog cat puppy | object meat bread | | 빨리 천천히 | consumes
먹     | eat ate eaten         | grazing monkey | object carrot apple | | 빨리 천천히 | consumes
마시   | drink drank drunk     | people | object water milk juice tea | at eating home park; companion . | 천천히 빨리 혼자 | consumes
마시   | drink drank drunk     | grown | object coffee tea | at eating home park; companion . | 천천히 혼자 | consumes
마시   | drink drank drunk     | animal | object water milk | | 천천히 | consumes
사     | buy bought bought     | people | object {_BUYABLE} | at market shop | |
사     | buy bought bought     | people | object book novel newspaper | at bookstore | |
사     | buy bought bought     | grown | object car:2 house:2 boat horse bicycle computer | | |
팔     | sell sold sold        | grown | object fruit flower bread car house boat horse book | at market | |
팔     | sell sold sold        | grown | recipient guest friend farmer; object car house boat horse | | |
읽     | read read read        | people | object text:2 newspaper | at home library café room park; companion . | 조용히 천천히 다시 혼자 |
쓰     | write wrote written   | people | object letter:3 poem | at home library café room; tool pencil | 천천히 다시 혼자 | creates
쓰     | write wrote written   | grown | object novel article | at home library café room; tool computer | 천천히 다시 혼자 | creates
쓰     | wear wore worn        | people | object hat | | |
쓰     | use                   | people | object computer umbrella | | |
입     | wear wore worn        | people | object coat | | |
보     | watch                 | people | object film | at home; companion . | 다시 혼자 |
보     | see saw seen          | people | object animal small boat:2 pear flower snow art airplane | at outdoors sea mountain | 다시 | state
듣 ㄷ  | listen+to             | people | object music song story words:3 | at home library café room park | 조용히 다시 혼자 |
듣 ㄷ  | hear heard heard      | people | object news | | 다시 | state
좋아하 | like                  | people | object fruit chestnut drink car:0.5 boat:0.5 animal flower film music subject Paris kimchi snow | | | state generic
싫어하 | hate                  | people | object coffee tea milk carrot kimchi fruit mouse fly car:0.5 snow history | | | state generic
사랑하 | love                  | named | object named | | | state
믿     | believe               | people | object words:3 story news | | | state
이해하 | understand understood understood | people | object words story poem | | | state
기억하 | remember              | people | object words:3 song story poem | | | state
잊     | forget forgot forgotten forgetting | people | object words:3 song story | | | state
만나   | meet met met          | people | object . | at park eating station library market | 다시 |
기다리 | wait+for              | people | object . | at station park café home | 조용히 혼자 |
기다리 | wait+for              | people | object bus train taxi boat | at station | 조용히 혼자 |
돕 ㅂ  | help                  | people | object . | at home school hospital market | |
찾     | look+for              | people | object bag watch umbrella hat book pencil photo puppy cat | at room home garden park | 다시 |
그리   | draw drew drawn       | people | object animal plant house mountain boat:2 pear fruit girl boy | at park garden room; tool pencil | 천천히 다시 혼자 |
만들   | make made made        | people | object cake bread soup chair desk hat coat | at home | 빨리 천천히 다시 | creates
굽 ㅂ  | roast                 | people | object roasted meat | at kitchen garden | 천천히 |
굽 ㅂ  | bake                  | people | object baked | at kitchen home | | creates
끓이   | boil                  | people | object water soup | at kitchen | 천천히 | creates
끓이   | make made made        | people | object tea | at kitchen | | creates
깎     | peel                  | people | object apple pear peach potato carrot | at kitchen | 천천히 빨리 |
따     | pick                  | people | object apple pear peach tangerine | at garden; companion . | | creates
줍 ㅂ  | pick+up               | people | object chestnut ball pencil photo hat | at street park mountain | |
심     | plant                 | people | object plant | at garden park; companion . | | creates
타     | ride rode ridden riding | people | object ridden | at park | 빨리 천천히 혼자 |
타     | take took taken       | people | object boarded | companion . | 혼자 |
타     | ride+in rode ridden riding | people | object car | companion . | |
운전하 | drive drove driven    | grown | object car bus taxi | | 빨리 천천히 |
고치   | repair                | grown | object machine bridge chair door window | | 빨리 다시 |
닦     | wipe                  | people | object window plate surface car | | 빨리 천천히 다시 |
열     | open                  | people | object opening bag | | 천천히 조용히 다시 |
닫     | close                 | people | object opening | | 천천히 조용히 다시 |
건너   | cross                 | people | object crossed | companion . | 빨리 천천히 |
배우   | learn                 | people | object subject | at school | 빨리 열심히 |
가르치 | teach taught taught   | grown | recipient student child friend; object subject | at school home | 열심히 |
부르 르 | sing sang sung       | people | object song | at park home school; companion . | 조용히 다시 혼자 |
부르 르 | call                 | people | object friend teacher doctor taxi child kin | | 다시 |
키우   | keep kept kept        | people | object pet rabbit bird | at home | |
치우   | clear                 | people | object snow | at street garden | 빨리 열심히 |
돌보   | take+care+of took taken taking | grown | object child puppy horse cow grandmother grandfather son daughter | at home hospital | |
잡     | catch caught caught   | people | object fly mouse | | 빨리 다시 |
잡     | catch caught caught   | cat fox | object mouse bird rabbit | | 빨리 조용히 |
씻     | wash                  | people | object apple pear plate carrot peach | at kitchen | 빨리 다시 |
씻     | wash                  | gendered | object hands | at kitchen home | 빨리 다시 | own norelative
감     | close                 | gendered | object eyes | | 천천히 다시 | own norelative state
다치   | hurt hurt hurt        | gendered | object leg head | at park mountain street | | own norelative state
주     | give gave given       | people | recipient .; object sent flower book hat pear apple watch | | |
보내   | send sent sent        | people | recipient .; object sent book | | 다시 |
받     | receive               | people | giver .; object sent book watch apology:2 apple | | |
자     | sleep slept slept     | people | | at home room | 조용히 혼자 |
자     | sleep slept slept     | animal | | under tree table; at garden room | 조용히 |
웃     | smile                 | people | | | 조용히 다시 |
울     | cry                   | people | | at room home | 조용히 다시 혼자 |
울     | sing sang sung        | bird | | at garden park mountain | 조용히 다시 |
달리   | run ran run running   | people | | at park street; companion . | 빨리 천천히 혼자 |
달리   | run ran run running   | horse dog rabbit fox | | | 빨리 |
걷 ㄷ  | walk                  | people | | at park street mountain garden; companion . | 빨리 천천히 혼자 |
수영하 | swim swam swum swimming | people | | at sea river; companion . | 빨리 혼자 |
춤추   | dance                 | people | | at park street room; companion . | 혼자 |
놀     | play                  | people | | at park sea garden home; companion . | 조용히 혼자 |
놀     | play                  | pet monkey | | at garden park | |
쉬     | rest                  | people | | at home room park garden; companion . | 조용히 혼자 |
일하   | work                  | grown | | at hospital restaurant store library station town | 열심히 혼자 |
앉     | sit sat sat sitting   | people | on chair | | 조용히 천천히 다시 |
살     | live                  | people | in settled town | companion . | 혼자 | state
가     | go went gone          | people | to {_PLACES} | means bus train taxi bicycle boat car; companion . | 빨리 다시 혼자 |
오     | come came come        | people | to home school park library café | means bus train taxi bicycle; companion . | 빨리 다시 혼자 |
오     | come came come        | people | from school town hospital market library sea | means bus train boat | 빨리 |
돌아가 | return                | people | toward home school village town | means bus train; companion . | 빨리 천천히 |
도착하 | arrive                | people | arrival station hospital park restaurant town | means bus train taxi; companion . | |
떠나   | leave left left       | people | object town village city island | | 빨리 조용히 |
이사하 | move                  | grown | toward town village city island | | |
날아가 | fly+away flew flown   | bird | | | 빨리 다시 |
피     | bloom                 | flower | | at garden park mountain | | state
출발하 | depart                | train bus boat airplane | | | | state
"""


def _verb(line: str) -> Verb:
    ko, en, subject, slots, extras, manner, flags = (s.strip() for s in line.split("|"))
    stem, _, irregular = ko.partition(" ")
    given = set(flags.split())
    return Verb(
        stem,
        f"verb {irregular}".strip(),
        forms(en),
        subject,
        _slots(slots),
        _slots(extras),
        tuple(manner.split()),
        **dict.fromkeys(given - {"norelative"}, True),
        relative="norelative" not in given,
    )


def _slots(text: str) -> dict[str, str]:
    pairs = (item.strip().partition(" ") for item in text.split(";") if item.strip())
    return {name: selector for name, _, selector in pairs}


VERBS = tuple(_verb(line) for line in _VERBS.strip().splitlines())
