"""Words that exclude each other: a question is about the one or about the other."""

from __future__ import annotations

from caching.guards import wordlists

EXCLUSIVE = tuple(
    wordlists.members(line)
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
OPPOSITES = wordlists.opposites(
    """buy/purchase-sell open-close/shut increase/raise/boost/grow-decrease/reduce/lower/shrink
    gain-lose start/begin-stop/end/finish/quit add/insert-remove/delete/subtract
    enable-disable activate-deactivate allow/permit-forbid/ban/prohibit/block/deny/prevent
    accept/approve-reject/decline/refuse send-receive before-after first-last high-low
    hot-cold warm-cool big/large/huge-small/little/tiny long-short tall-short young-old
    cheap/inexpensive-expensive/costly/dear rich/wealthy-poor fast/quick-slow
    easy/simple-hard/difficult/tough good/great-bad/terrible positive-negative
    pro/advantage/benefit-con/disadvantage/drawback true-false win-lose
    love-hate like-dislike deposit-withdraw lend-borrow hire-fire arrive-depart/leave
    arrival-departure entrance-exit enter-exit push-pull find-lose forget-remember
    asset-liability income-expense profit-loss inside-outside indoor-outdoor above-below
    pass-fail success-failure strength-weakness born-die birth-death
    marry-divorce dead-alive encode-decode encrypt-decrypt compress-decompress attach-detach
    hide-show expand-collapse merge-split join-leave
    create/make-delete/destroy save-spend renew/book-cancel
    strong-weak thick-thin wide-narrow heavy-light wet-dry happy-sad friend-enemy
    attack-defend ascending-descending ascend-descend upgrade-downgrade include-exclude
    internal-external maximum/max/maximize-minimum/min/minimize introvert-extrovert
    optimist-pessimist odd-even horizontal-vertical acid-base plural-singular prefix-suffix
    loud-quiet safe-dangerous early-late near-far full-empty
    deep-shallow clean-dirty tight-loose sweet-sour victory-defeat supply-demand
    ancient-modern guilty-innocent permanent-temporary mandatory/required-optional
    inhale-exhale wake-sleep ally-enemy inner-outer upper-lower superior-inferior major-minor
    majority-minority import-export inbound-outbound incoming-outgoing offline-online
    wireless-wired manual-automatic synchronous-asynchronous static-dynamic gross-net
    winner-loser hero-villain left-right even-odd parent-child lengthen-shorten
    strengthen-weaken widen-narrow heat-cool freeze-melt/boil rise-fall/drop ascent-descent
    credit-debit pre-post prepaid-postpaid"""
)
GRADES = wordlists.opposites(
    """more/greater-less/fewer most-least/fewest better-worse best-worst larger/bigger-smaller
    largest/biggest-smallest higher-lower highest-lowest longer-shorter longest-shortest
    cheaper-dearer/pricier/costlier cheapest-dearest/priciest/costliest faster/quicker-slower
    fastest/quickest-slowest older-younger/newer oldest-youngest/newest/latest easier-harder
    easiest-hardest/toughest taller-shorter tallest-shortest earlier-later earliest-latest
    heavier-lighter heaviest-lightest richer-poorer richest-poorest stronger-weaker
    strongest-weakest safer-riskier safest-riskiest hotter/warmer-colder/cooler
    hottest-coldest nearer/closer-farther/further nearest/closest-farthest/furthest"""
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
PARTICLES = wordlists.members("on off in out up down")
PARTICLED = wordlists.members(
    "turn switch power log sign check opt clock plug zoom roll lock move phase scroll"
)
WELDED = wordlists.mapping(
    """login=log:in logon=log:in signin=sign:in logout=log:out logoff=log:out signout=sign:out
    signup=sign:up checkin=check:in checkout=check:out rollout=roll:out"""
)
