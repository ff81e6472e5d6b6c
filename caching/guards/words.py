"""Closed classes of English words, and forms that no rule makes."""

from __future__ import annotations

from caching.guards import wordlists

EMPTY = wordlists.members(
    """a an the this that these those some any each every all both either such of to in on at by
    for with from into onto about as than then so and or but nor if whether while because
    though although is are was were be been being am do does did done doing have has had
    having can could will would shall should may might must ought need i me my mine myself we
    us our ours you your yours yourself he him his she her hers it its they them their theirs
    who whom whose which what when where why how there here very really just also too even
    only still yet ever quite much many more most less least please kindly thanks thank hi
    hello hey ok okay tell know want wanna like get got gets getting go going gonna let lets
    make makes made making use using used way ways best good thing things someone somebody
    anyone anybody something anything everyone everybody one ones people person explain s t d
    ll ve re m y o not no don doesn didn isn aren wasn weren won wouldn couldn shouldn can't
    cannot up out off over under vs versus between without within per via etc able possible
    mean means help give find show actual actually exactly basically currently difference
    different"""
)
"""Words that carry no topic by themselves: what is left of a question is its content."""
NEGATORS = wordlists.members(
    """not no never without cannot cant wont dont doesnt didnt isnt arent wasnt werent wouldnt
    couldnt shouldnt hasnt havent hadnt none nobody nothing nowhere neither nor hardly unable
    impossible minus except isn't aren't wasn't weren't don't doesn't didn't can't
    couldn't won't wouldn't shouldn't hasn't haven't hadn't mustn't needn't ain't"""
)
ASKING_NEGATED = wordlists.members(
    """isn't aren't wasn't weren't doesn't didn't can't couldn't won't wouldn't shouldn't hasn't
    haven't hadn't don't isnt arent wasnt werent doesnt didnt wouldnt couldnt shouldnt hasnt
    havent"""
)
"""At the start of a question these ask for agreement: "Isn't it late?" is "Is it late?"."""
SUBJECTS = wordlists.members(
    "i you he she it we they there this that these those the a an my your his her its our their"
)
ABATING = wordlists.members("stop quit avoid prevent cease refrain")
"""What one wants to be rid of, not to have; a question with the verb is not the one without."""
ABATED = ABATING | wordlists.members(
    """end overcome beat cure treat remove eliminate rid reduce control handle fix deal fight
    over break cancel resist block protect keep curb lessen cut decrease minimize minimise
    manage lose give leave escape recover past kick restrict limit save safe solve recovery
    cop cope against help skip"""
)
IRREGULAR = wordlists.mapping(
    """bought=buy sold=sell men=man women=woman children=child kids=child kid=child people=person
    went=go gone=go lost=lose won=win left=leave found=find sent=send spent=spend built=build
    wrote=write written=write ate=eat eaten=eat drank=drink drunk=drink drove=drive
    driven=drive flew=fly flown=fly grew=grow grown=grow began=begin begun=begin broke=break
    broken=break chose=choose chosen=choose spoke=speak spoken=speak stole=steal stolen=steal
    taught=teach thought=think told=tell understood=understand died=die dying=die dies=die
    lying=lie lies=lie paid=pay said=say sang=sing sung=sing slept=sleep swam=swim swum=swim
    took=take taken=take wore=wear worn=wear feet=foot teeth=tooth mice=mouse wives=wife
    lives=life lived=live knives=knife better=better best=best studies=study studied=study
    met=meet kept=keep held=hold heard=hear beaten=beat hit=hit cut=cut put=put led=lead
    read=read ran=run became=become came=come advantages=advantage pros=pro cons=con
    movies=movie cookies=cookie species=species news=news series=series physics=physics
    business=business gas=gas bus=bus lens=lens windows=windows ios=ios aws=aws always=always
    maths=math analyses=analysis crises=crisis laid=lay lent=lend shot=shoot shown=show
    swore=swear threw=throw thrown=throw froze=freeze frozen=freeze forgot=forget
    forgotten=forget hid=hide hidden=hide gave=give given=give"""
)
NOT_NEGATED = wordlists.members(
    """under until unit union unique universe universal uncle into inform income intense instance
    inside indeed index interest internal internet invest india import important discuss
    disease distance display district discover disc dish discipline impact improve immune
    install inn input insight invent involve improper understand university intent intend
    increase infect influence insure individual industry initial inject inspire instruct
    insurance invite immigrant impress imply"""
)
