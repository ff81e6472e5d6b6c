"""Numbers in words, units and what they measure, currencies."""

from __future__ import annotations

from caching.guards import wordlists

NUMBERS = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
} | {
    word: 10 * value
    for value, word in enumerate(
        ["thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=3
    )
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
        [
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
            "eleventh",
            "twelfth",
            "thirteenth",
            "fourteenth",
            "fifteenth",
            "sixteenth",
            "seventeenth",
            "eighteenth",
            "nineteenth",
            "twentieth",
        ],
        start=3,
    )
} | {"second": 2, "first": 1}
CURRENCIES = wordlists.mapping(
    """$=usd dollar=usd dollars=usd usd=usd buck=usd bucks=usd €=eur euro=eur euros=eur eur=eur
    £=gbp gbp=gbp quid=gbp ¥=jpy yen=jpy jpy=jpy ₹=inr rs=inr rs.=inr inr=inr rupee=inr
    rupees=inr cad=cad aud=aud chf=chf franc=chf francs=chf yuan=cny rmb=cny cny=cny won=krw
    krw=krw cent=cent cents=cent peso=mxn pesos=mxn bitcoin=btc bitcoins=btc btc=btc ether=eth
    eth=eth ruble=rub rubles=rub"""
)
PERCENT = wordlists.mapping("%=% percent=% pct=% percentage=% percents=%")
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
DIMENSIONS = wordlists.mapping(
    """metre=length foot=length inch=length yard=length mile=length gram=weight ton=weight
    ounce=weight lb=weight pound=weight litre=volume gallon=volume pint=volume cup=volume
    tablespoon=volume teaspoon=volume celsius=heat fahrenheit=heat kelvin=heat mph=speed
    kmh=speed byte=size acre=area hectare=area"""
)
