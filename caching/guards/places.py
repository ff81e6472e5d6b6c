"""Names that people write without a capital letter: countries, languages, cities, makers."""

from __future__ import annotations

from caching.guards import wordlists

COUNTRIES = wordlists.mapping(
    """indian=india american=america usa=america us=america british=britain uk=britain
    chinese=china japanese=japan german=germany french=france spanish=spain italian=italy
    russian=russia canadian=canada australian=australia mexican=mexico brazilian=brazil
    korean=korea turkish=turkey pakistani=pakistan israeli=israel iranian=iran iraqi=iraq
    egyptian=egypt greek=greece dutch=netherlands holland=netherlands swedish=sweden
    norwegian=norway danish=denmark finnish=finland polish=poland portuguese=portugal
    swiss=switzerland austrian=austria irish=ireland scottish=scotland welsh=wales
    ukrainian=ukraine vietnamese=vietnam thai=thailand indonesian=indonesia malaysian=malaysia
    filipino=philippines bangladeshi=bangladesh nepali=nepal nepalese=nepal cuban=cuba
    argentinian=argentina colombian=colombia chilean=chile peruvian=peru nigerian=nigeria
    kenyan=kenya african=africa asian=asia european=europe eu=europe nyc=york bombay=mumbai
    madras=chennai bangalore=bengaluru calcutta=kolkata uae=emirates saudi=arabia arab=arabia"""
)
"""A people or a language stands for its country: the Indian economy is the economy of India."""

PLACES = wordlists.members(
    """india america britain china japan germany france spain italy russia canada australia
    mexico brazil korea pakistan israel iran iraq egypt greece netherlands sweden norway denmark
    finland poland portugal switzerland austria ireland scotland wales england english ukraine
    vietnam thailand indonesia malaysia singapore philippines bangladesh nepal cuba argentina
    colombia chile peru nigeria kenya africa asia europe emirates arabia arabic hindi latin
    mandarin cantonese tamil telugu marathi urdu hebrew swahili zealand taiwan hungary romania
    bulgaria serbia croatia czech slovakia iceland morocco algeria ethiopia ghana syria
    afghanistan lebanon jordan qatar kuwait turkey
    london paris berlin madrid rome moscow tokyo beijing shanghai delhi mumbai bengaluru chennai
    kolkata hyderabad pune york chicago boston seattle houston dallas miami atlanta denver
    philadelphia detroit francisco angeles vegas toronto vancouver montreal sydney melbourne
    dubai amsterdam brussels vienna zurich geneva munich frankfurt hamburg barcelona milan
    istanbul athens lisbon dublin edinburgh manchester liverpool prague warsaw budapest cairo
    bangkok jakarta seoul osaka kyoto manila lagos nairobi texas california florida ohio hawaii
    alaska nevada arizona oregon michigan georgia utah
    google facebook amazon microsoft netflix twitter instagram whatsapp youtube linkedin uber
    lyft airbnb tesla toyota honda ford bmw mercedes audi nissan samsung nokia sony huawei xiaomi
    intel nvidia amd oracle ibm adobe paypal stripe ebay walmart costco starbucks mcdonalds
    spotify snapchat tiktok pinterest reddit quora wikipedia gmail outlook yahoo skype slack zoom
    dropbox github gitlab android iphone ipad macbook python javascript typescript java kotlin
    scala perl php matlab django flask rails laravel react angular vue postgres postgresql mysql
    sqlite mongodb redis kafka docker kubernetes linux ubuntu debian fedora centos wordpress
    shopify salesforce excel powerpoint photoshop illustrator tensorflow pytorch
    trump obama clinton biden modi putin hitler gandhi einstein newton"""
)
PHRASES = {
    ("united", "states"): "america",
    ("united", "kingdom"): "britain",
    ("great", "britain"): "britain",
    ("u", "s"): "america",
    ("u", "k"): "britain",
}
AMBIGUOUS = wordlists.members(
    """us polish turkey ford zoom slack oracle excel stripe flask rails react scala chile jordan
    ghana uber vue thai"""
)
"""Only with a capital letter is this a name."""
