"""What guards know of English: closed classes of words, and pairs that exclude each other."""

from __future__ import annotations


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _map(text: str) -> dict[str, str]:
    """`a=b c=d` as a mapping."""
    return dict(pair.split("=", 1) for pair in text.split())


EMPTY = _set(
    """a an the this that these those some any each every all both either such of to in on at by for
    with from into onto about as than then so and or but nor if whether while because though although
    is are was were be been being am do does did done doing have has had having can could will would
    shall should may might must ought need i me my mine myself we us our ours you your yours yourself
    he him his she her hers it its they them their theirs who whom whose which what when where why how
    there here very really just also too even only still yet ever quite much many more most less least
    please kindly thanks thank hi hello hey ok okay tell know want wanna like get got gets getting go
    going gonna let lets make makes made making use using used way ways best good thing things someone
    somebody anyone anybody something anything everyone everybody one ones people person explain
    s t d ll ve re m y o not no don doesn didn isn aren wasn weren won wouldn couldn shouldn can't cannot
    up out off over under vs versus between without within per via etc able possible mean means
    help give find show actual actually exactly basically currently difference different"""
)
"""Words that carry no topic by themselves: what is left of a question is its content."""

NEGATORS = _set(
    """not no never without cannot cant wont dont doesnt didnt isnt arent wasnt werent wouldnt couldnt
    shouldnt hasnt havent hadnt none nobody nothing nowhere neither nor hardly unable impossible minus
    except non isn't aren't wasn't weren't don't doesn't didn't can't couldn't won't wouldn't shouldn't
    hasn't haven't hadn't mustn't needn't ain't"""
)
ASKING_NEGATED = _set(
    """isn't aren't wasn't weren't doesn't didn't can't couldn't won't wouldn't shouldn't hasn't haven't
    hadn't don't isnt arent wasnt werent doesnt didnt wouldnt couldnt shouldnt hasnt havent"""
)
"""At the start of a question these ask for agreement: "Isn't it late?" is "Is it late?"."""
SUBJECTS = _set(
    "i you he she it we they there this that these those the a an my your his her its our their"
)
ABATING = _set("stop quit avoid prevent cease refrain")
"""What one wants to be rid of, not to have; a question with the verb is not the one without."""
ABATED = ABATING | _set(
    """end overcome beat cure treat remove eliminate rid reduce control handle fix deal fight over break
    cancel resist block protect keep curb lessen cut decrease minimize minimise manage lose give leave
    escape recover past kick restrict limit save safe solve recovery cop cope against help skip"""
)

NUMBERS = {
    word: value
    for value, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"]
    )
} | {
    word: 10 * value
    for value, word in enumerate(["thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=3)
}
SCALES = {
    "hundred": 100,
    "thousand": 1_000,
    "lakh": 100_000,
    "lakhs": 100_000,
    "lac": 100_000,
    "lacs": 100_000,
    "million": 1_000_000,
    "millions": 1_000_000,
    "crore": 10_000_000,
    "crores": 10_000_000,
    "billion": 1_000_000_000,
    "trillion": 1_000_000_000_000,
    "dozen": 12,
}
SUFFIXES = {"k": 1_000, "m": 1_000_000, "mn": 1_000_000, "b": 1_000_000_000, "bn": 1_000_000_000}
ORDINALS = {
    word: value
    for value, word in enumerate(
        ["third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth"],
        start=3,
    )
} | {"second": 2, "first": 1}

CURRENCIES = _map(
    """$=usd dollar=usd dollars=usd usd=usd buck=usd bucks=usd €=eur euro=eur euros=eur eur=eur £=gbp
    gbp=gbp quid=gbp ¥=jpy yen=jpy jpy=jpy ₹=inr rs=inr rs.=inr inr=inr rupee=inr rupees=inr cad=cad
    aud=aud chf=chf franc=chf francs=chf yuan=cny rmb=cny cny=cny won=krw krw=krw cent=cent cents=cent
    peso=mxn pesos=mxn bitcoin=btc bitcoins=btc btc=btc ether=eth eth=eth ruble=rub rubles=rub"""
)
PERCENT = _map("%=% percent=% pct=% percentage=% percents=%")
MEASURES: dict[str, tuple[str, str]] = {
    # word: (what it measures and in which base, how many of the base it is)
    **dict.fromkeys(("millimeter", "millimetre", "mm"), ("metre", "0.001")),
    **dict.fromkeys(("centimeter", "centimetre", "cm"), ("metre", "0.01")),
    **dict.fromkeys(("meter", "metre"), ("metre", "1")),
    **dict.fromkeys(("kilometer", "kilometre", "km", "kms", "klick"), ("metre", "1000")),
    **dict.fromkeys(("inch", "inches"), ("inch", "1")),
    **dict.fromkeys(("foot", "feet", "ft"), ("foot", "1")),
    **dict.fromkeys(("yard", "yd"), ("yard", "1")),
    **dict.fromkeys(("mile", "mi"), ("mile", "1")),
    **dict.fromkeys(("milligram", "mg"), ("gram", "0.001")),
    **dict.fromkeys(("gram", "gramme"), ("gram", "1")),
    **dict.fromkeys(("kilogram", "kilo", "kg", "kgs"), ("gram", "1000")),
    **dict.fromkeys(("tonne", "ton"), ("ton", "1")),
    **dict.fromkeys(("ounce", "oz"), ("ounce", "1")),
    **dict.fromkeys(("lb", "lbs"), ("lb", "1")),
    **dict.fromkeys(("pound", "pounds"), ("pound", "1")),
    **dict.fromkeys(("milliliter", "millilitre", "ml"), ("litre", "0.001")),
    **dict.fromkeys(("liter", "litre"), ("litre", "1")),
    **dict.fromkeys(("gallon", "gal"), ("gallon", "1")),
    **dict.fromkeys(("pint",), ("pint", "1")),
    **dict.fromkeys(("cup",), ("cup", "1")),
    **dict.fromkeys(("tablespoon", "tbsp"), ("tablespoon", "1")),
    **dict.fromkeys(("teaspoon", "tsp"), ("teaspoon", "1")),
    **dict.fromkeys(("millisecond", "ms", "msec"), ("second", "0.001")),
    **dict.fromkeys(("second", "sec", "secs"), ("second", "1")),
    **dict.fromkeys(("minute", "min", "mins"), ("second", "60")),
    **dict.fromkeys(("hour", "hr", "hrs"), ("second", "3600")),
    **dict.fromkeys(("day",), ("second", "86400")),
    **dict.fromkeys(("week", "wk", "wks"), ("second", "604800")),
    **dict.fromkeys(("month", "mth"), ("month", "1")),
    **dict.fromkeys(("quarter",), ("quarter", "1")),
    **dict.fromkeys(("year", "yr", "yrs"), ("month", "12")),
    **dict.fromkeys(("decade",), ("month", "120")),
    **dict.fromkeys(("century", "centuries"), ("month", "1200")),
    **dict.fromkeys(("byte",), ("byte", "1")),
    **dict.fromkeys(("kilobyte", "kb"), ("byte", "1000")),
    **dict.fromkeys(("megabyte", "mb", "mbs"), ("byte", "1000000")),
    **dict.fromkeys(("gigabyte", "gb", "gbs", "gig", "gigs"), ("byte", "1000000000")),
    **dict.fromkeys(("terabyte", "tb"), ("byte", "1000000000000")),
    **dict.fromkeys(("watt",), ("watt", "1")),
    **dict.fromkeys(("kilowatt", "kw"), ("watt", "1000")),
    **dict.fromkeys(("kwh",), ("kwh", "1")),
    **dict.fromkeys(("volt",), ("volt", "1")),
    **dict.fromkeys(("amp", "ampere", "amps"), ("amp", "1")),
    **dict.fromkeys(("mph",), ("mph", "1")),
    **dict.fromkeys(("kmh", "kph"), ("kmh", "1")),
    **dict.fromkeys(("celsius", "centigrade", "°c"), ("celsius", "1")),
    **dict.fromkeys(("fahrenheit", "°f"), ("fahrenheit", "1")),
    **dict.fromkeys(("kelvin",), ("kelvin", "1")),
    **dict.fromkeys(("calorie", "cal", "kcal"), ("calorie", "1")),
    **dict.fromkeys(("acre",), ("acre", "1")),
    **dict.fromkeys(("hectare",), ("hectare", "1")),
    **dict.fromkeys(("hz", "hertz"), ("hertz", "1")),
    **dict.fromkeys(("mhz",), ("hertz", "1000000")),
    **dict.fromkeys(("ghz",), ("hertz", "1000000000")),
}
ATTACHED = {
    "m": ("metre", "1"), "g": ("gram", "1"), "l": ("litre", "1"), "s": ("second", "1"),
    "h": ("second", "3600"), "d": ("second", "86400"), "w": ("watt", "1"), "v": ("volt", "1"),
    "c": ("celsius", "1"), "f": ("fahrenheit", "1"), "t": ("ton", "1"), "a": ("amp", "1"),
    "in": ("inch", "1"), "yo": ("month", "12"), "p": ("pixel", "1"),
}  # fmt: skip
"""Units of a letter or two: only right behind a number."""
DIMENSIONS = _map(
    """metre=length foot=length inch=length yard=length mile=length gram=weight ton=weight ounce=weight lb=weight
    pound=weight litre=volume gallon=volume pint=volume cup=volume tablespoon=volume teaspoon=volume
    celsius=heat fahrenheit=heat kelvin=heat mph=speed kmh=speed byte=size acre=area hectare=area"""
)

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun",
            "july jul", "august aug", "september sept sep", "october oct", "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
SHY_MONTHS = _set("may march mar august jan jun sep dec apr")
"""Also ordinary words or names: months only beside a number or behind a preposition of time."""
WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday mondays", "tuesday tuesdays tues", "wednesday wednesdays", "thursday thursdays",
            "friday fridays", "saturday saturdays", "sunday sundays",
        )
    )
    for name in names.split()
}  # fmt: skip
DAYS = _map(
    """today=today tonight=tonight tomorrow=tomorrow yesterday=yesterday weekend=weekend
    weekends=weekend weekday=weekday weekdays=weekday tmrw=tomorrow noon=12:00 midday=12:00
    midnight=00:00 christmas=christmas xmas=christmas easter=easter thanksgiving=thanksgiving
    halloween=halloween diwali=diwali ramadan=ramadan"""
)
RELATIVE = _set("next last previous coming past this current upcoming following")
RELATED = _set("day week weekend month quarter year semester season century decade night")
EACH = _map(
    """daily=day everyday=day hourly=hour weekly=week monthly=month yearly=year annually=year
    annual=year quarterly=quarter nightly=night biweekly=2week"""
)
TIMELY = _set("in on since until till by during of before after from this next last every between")

EXCLUSIVE = tuple(
    _set(line)
    for line in """morning afternoon evening night
    north south east west
    northern southern eastern western
    left right
    red green blue yellow orange purple pink brown black white grey gray
    mother father
    mom dad
    sister brother
    son daughter
    uncle aunt
    husband wife
    boyfriend girlfriend
    king queen
    boy girl
    man woman
    male female
    dog cat horse rabbit hamster parrot
    puppy kitten
    breakfast lunch dinner
    summer winter autumn
    car bike motorcycle truck bus train
    phone laptop tablet
    savings checking
    debit credit
    visa mastercard amex
    iphone android
    ios android
    windows mac linux macos
    bachelor master phd mba
    bachelors masters phd
    undergraduate graduate postgraduate
    private public
    domestic international
    solid liquid gas
    employer employee
    buyer seller
    teacher student
    doctor patient
    landlord tenant
    lender borrower
    import export
    upload download
    input output
    frontend backend
    client server
    symptom cause treatment
    chicken beef pork fish
    tea coffee
    beer wine
    monday tuesday wednesday thursday friday saturday sunday
    single married divorced
    rent mortgage
    username password
    email phone address
    refund exchange
    checkin checkout""".splitlines()
)
"""Of such a row a question is about the one or the other: tea is no coffee."""

OPPOSITES = tuple(
    tuple(frozenset(side.split("/")) for side in pair.split("-"))
    for pair in ["buy/purchase-sell", "open-close/shut", "increase/raise/boost/grow-decrease/reduce/lower/shrink", "gain-lose", "start/begin-stop/end/finish/quit", "add/insert-remove/delete/subtract", "enable-disable", "activate-deactivate", "allow/permit-forbid/ban/prohibit/block/deny/prevent", "accept/approve-reject/decline/refuse", "send-receive", "before-after", "first-last", "high-low", "hot-cold", "warm-cool", "big/large/huge-small/little/tiny", "long-short", "tall-short", "young-old", "cheap/inexpensive-expensive/costly/dear", "rich/wealthy-poor", "fast/quick-slow", "easy/simple-hard/difficult/tough", "positive-negative", "pro/advantage/benefit-con/disadvantage/drawback", "legal-illegal", "true-false", "win-lose", "love-hate", "like-dislike", "deposit-withdraw", "lend-borrow", "hire-fire", "arrive-depart/leave", "arrival-departure", "entrance-exit", "enter-exit", "push-pull", "find-lose", "forget-remember", "asset-liability", "income-expense", "profit-loss", "inside-outside", "indoor-outdoor", "above-below", "always-never", "pass-fail", "success-failure", "strength-weakness", "born-die", "birth-death", "marry-divorce", "dead-alive", "encode-decode", "encrypt-decrypt", "compress-decompress", "attach-detach", "connect-disconnect", "hide-show", "expand-collapse", "merge-split", "join-leave", "create/make-delete/destroy", "save-spend", "lock-unlock", "freeze-unfreeze", "renew/book-cancel", "strong-weak", "thick-thin", "wide-narrow", "heavy-light", "wet-dry", "happy-sad", "friend-enemy", "attack-defend", "ascending-descending", "ascend-descend", "upgrade-downgrade", "include-exclude", "internal-external", "maximum/max/maximize-minimum/min/minimize", "introvert-extrovert", "optimist-pessimist", "odd-even", "horizontal-vertical", "acid-base", "plural-singular", "prefix-suffix", "loud-quiet", "safe-dangerous/unsafe", "healthy-unhealthy", "early-late", "near-far", "full-empty", "deep-shallow", "clean-dirty", "tight-loose", "sweet-sour", "victory-defeat", "supply-demand", "ancient-modern", "guilty-innocent", "permanent-temporary", "mandatory/required-optional", "inhale-exhale", "wake-sleep", "ally-enemy", "inner-outer", "upper-lower", "superior-inferior", "major-minor", "majority-minority", "import-export", "inbound-outbound", "incoming-outgoing", "offline-online", "wireless-wired", "manual-automatic", "synchronous-asynchronous", "static-dynamic", "lend-borrow", "gross-net", "winner-loser", "hero-villain", "left-right", "even-odd", "parent-child", "lengthen-shorten", "strengthen-weaken", "widen-narrow", "heat-cool", "freeze-melt/boil", "rise-fall/drop", "ascent-descent", "credit-debit", "pre-post", "prepaid-postpaid"]
)
GRADES = tuple(
    tuple(frozenset(side.split("/")) for side in pair.split("-"))
    for pair in ["more/greater-less/fewer", "most-least/fewest", "better-worse", "best-worst", "larger/bigger-smaller", "largest/biggest-smallest", "higher-lower", "highest-lowest", "longer-shorter", "longest-shortest", "cheaper-dearer/pricier/costlier", "cheapest-dearest/priciest/costliest", "faster/quicker-slower", "fastest/quickest-slowest", "older-younger/newer", "oldest-youngest/newest/latest", "easier-harder", "easiest-hardest/toughest", "taller-shorter", "tallest-shortest", "earlier-later", "earliest-latest", "heavier-lighter", "heaviest-lightest", "richer-poorer", "richest-poorest", "stronger-weaker", "strongest-weakest", "safer-riskier", "safest-riskiest", "hotter/warmer-colder/cooler", "hottest-coldest", "nearer/closer-farther/further", "nearest/closest-farthest/furthest"]
)
SUPERLATIVES = {
    word: name
    for name, words in (
        ("good", "best greatest finest top"),
        ("bad", "worst"),
        ("cheap", "cheapest"),
        ("dear", "dearest priciest costliest"),
        ("fast", "fastest quickest"),
        ("slow", "slowest"),
        ("big", "biggest largest"),
        ("small", "smallest tiniest"),
        ("tall", "tallest"),
        ("short", "shortest"),
        ("long", "longest"),
        ("old", "oldest"),
        ("new", "newest latest"),
        ("young", "youngest"),
        ("easy", "easiest simplest"),
        ("hard", "hardest toughest"),
        ("strong", "strongest"),
        ("weak", "weakest"),
        ("safe", "safest"),
        ("rich", "richest wealthiest"),
        ("poor", "poorest"),
        ("hot", "hottest"),
        ("cold", "coldest"),
        ("near", "nearest closest"),
        ("far", "farthest furthest"),
        ("early", "earliest"),
        ("heavy", "heaviest"),
        ("light", "lightest"),
        ("high", "highest"),
        ("low", "lowest"),
    )
    for word in words.split()
}
BOUNDS = _map(
    """over=> above=> exceeding=> minimum=> under=< below=< within=< maximum=< upto=<
    least=> most=< more=> less=< fewer=< greater=> higher=> lower=<"""
)

PARTICLES = _set("on off in out up down")
PARTICLED = _set("turn switch power log sign check opt clock plug zoom roll lock move phase scroll")
WELDED = _map(
    """login=log:in logon=log:in signin=sign:in logout=log:out logoff=log:out signout=sign:out
    signup=sign:up checkin=check:in checkout=check:out rollout=roll:out"""
)

IRREGULAR = _map(
    """bought=buy sold=sell men=man women=woman children=child kids=child kid=child people=person
    went=go gone=go lost=lose won=win left=leave found=find sent=send spent=spend built=build
    wrote=write written=write ate=eat eaten=eat drank=drink drunk=drink drove=drive driven=drive
    flew=fly flown=fly grew=grow grown=grow began=begin begun=begin broke=break broken=break
    chose=choose chosen=choose spoke=speak spoken=speak stole=steal stolen=steal taught=teach
    thought=think told=tell understood=understand died=die dying=die dies=die lying=lie lies=lie
    paid=pay said=say sang=sing sung=sing slept=sleep swam=swim swum=swim took=take taken=take
    wore=wear worn=wear feet=foot teeth=tooth mice=mouse wives=wife lives=life lived=live knives=knife
    better=better best=best studies=study studied=study met=meet kept=keep held=hold heard=hear
    beaten=beat hit=hit cut=cut put=put led=lead read=read ran=run became=become came=come
    advantages=advantage pros=pro cons=con movies=movie cookies=cookie species=species news=news
    series=series physics=physics business=business gas=gas bus=bus lens=lens windows=windows
    ios=ios aws=aws always=always maths=math analyses=analysis crises=crisis
    laid=lay lent=lend shot=shoot shown=show swore=swear threw=throw thrown=throw froze=freeze
    frozen=freeze forgot=forget forgotten=forget hid=hide hidden=hide gave=give given=give"""
)
NOT_NEGATED = _set(
    """under until unit union unique universe universal uncle into inform income intense instance inside
    indeed index interest internal internet invest india import important discuss disease distance
    display district discover disc dish discipline impact improve immune install inn input insight
    invent involve improper understand university intent intend increase infect influence insure
    individual industry initial inject inspire instruct insurance invite immigrant impress imply"""
)
