"""The closed lists that the open combinations are made of."""

from __future__ import annotations

FIRST = """
Anna Ben Carla David Emma Felix Grace Henry Irene Jonas Karin Leo Maria Nina Oscar Paula Quentin
Rosa Samuel Tina Uma Victor Wendy Xenia Yusuf Zoe Alice Bruno Clara Daniel Elena Frank Gina Hugo
Ivan Julia Kofi Laura Marco Nora Oliver Petra Ravi Sofia Thomas Ursula Vera Walter Yara Zach Amir
Bella Chen Diana Erik Fatima George Hana Igor James Kim Lucas Mei Noah Olga Pedro Rita Sara Tom
Lena Max Ella Paul Eva Peter John Mary Lisa Mark Susan Linda Kevin Brian Helen Simon Jack Lucy
Adam Ruth Omar Priya Sven Ingrid
""".split()
LAST = """
Smith Jones Brown Taylor Wilson Miller Davis Garcia Martin Lee Walker Hall Young King Wright Scott
Green Baker Adams Nelson Carter Turner Parker Collins Morris Cook Bell Murphy Cooper Reed Bailey
Gray Watson Brooks Kelly Price Wood Barnes Ross Hughes Foster Meyer Weber Fischer Rossi Silva
Novak Larsen Tanaka Khan
""".split()
CITIES = """
Paris London Berlin Madrid Rome Vienna Oslo Prague Lisbon Dublin Athens Warsaw Boston Chicago
Denver Toronto Tokyo Delhi Cairo Lagos Sydney Lima Helsinki Zurich Geneva Munich Hamburg Milan
Porto Seville Leeds Bristol Oxford Austin Dallas Seattle Miami Kyoto Seoul Nairobi Bern Graz Lyon
Ghent Malmo Krakow
""".split()
COUNTRIES = """
France Germany Spain Italy Norway Sweden Poland Greece Ireland Portugal Japan China India Egypt
Nigeria Brazil Peru Canada Mexico Kenya Austria Belgium Finland Denmark Turkey England Australia
America
""".split()
COMPANIES = """
Acme Globex Initech Umbra Northwind Contoso Vertex Lumina Orbit Solaris Nimbus Quanta Bluefin
Redwood Silverline Greenleaf Brightway Oakfield Stonebridge Riverton Skyline Pinnacle Harbor
Summit Delta
""".split()
JOBS = """
baker teacher doctor nurse pilot farmer lawyer painter driver writer singer dentist plumber
carpenter gardener waiter barber chemist engineer architect librarian journalist photographer
mechanic tailor
""".split()
ANIMALS = """
dog cat horse rabbit parrot goat sheep hamster turtle duck chicken donkey pony canary snake lizard
""".split()
FRUIT = """
apples pears plums bananas oranges lemons cherries grapes peaches melons figs dates mangoes limes
kiwis
""".split()
GOODS = """
milk bread butter cheese eggs flour sugar salt pepper rice pasta tea coffee honey oil onions
carrots potatoes tomatoes beans soap paper candles batteries pens books cups plates spoons nails
paint glue
""".split()
COLOURS = "red blue green black white yellow orange purple pink brown grey silver golden".split()
MATERIALS = """
cotton leather wooden steel plastic glass wool silk ceramic bamboo denim linen copper rubber paper
""".split()
THINGS = """
shirt jacket bag chair table lamp bottle mug watch wallet belt hat scarf backpack desk pillow
blanket bowl vase knife pan kettle clock mirror shelf sofa notebook pen umbrella tent bicycle
helmet phone keyboard speaker camera radio towel basket box boots gloves socks sweater dress
""".split()
FEATURES = """
light strong soft waterproof foldable washable handmade durable elegant compact modern classic
quiet warm safe simple slim wide sturdy smart
""".split()
NOUNS = """
house river garden window street mountain forest ocean bridge station market school office kitchen
village castle island valley desert harbor tower church museum library hospital airport train boat
car truck wheel engine machine letter story picture music song dance game ball team player winner
summer winter spring autumn morning evening night week month year hour minute moment road path
door wall roof floor room bed cloud rain snow wind storm sun moon star light shadow fire water
stone sand tree flower leaf grass root seed bird fish wolf bear lion tiger mouse king queen child
friend doctor teacher worker captain soldier guest neighbor family people world country city town
hand head heart eye voice word line page question answer number order plan idea dream hope fear
price money bank shop paper coffee
""".split()
VERBS = """
runs walks sings sleeps waits works plays reads writes cooks swims dances laughs smiles shines
falls grows moves stops starts turns opens closes breaks helps
""".split()
ADJECTIVES = """
big small old new young tall short long wide deep high low fast slow hot cold warm cool dry wet
clean dirty rich poor strong weak happy sad quiet loud bright dark heavy light soft hard sweet
fresh kind brave calm clever gentle proud lucky tired busy empty full open early late
""".split()
MONTHS = """
January February March April May June July August September October November December
""".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
HOSTS = """
example.com mail.org acme.io shop.net post.eu office.co web.de inbox.com team.dev north.org
""".split()
CURRENCIES = ("$", "€", "£")
