"""What the adversarial pairs are made of: frames with values, and pairs written by hand."""

from __future__ import annotations

Couples = tuple[tuple[str, str], ...]

SUBSTITUTED: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "numbers",
        (
            "How do I invest {} dollars safely?",
            "What can I cook for {} guests?",
            "Is a loan of {} dollars taxable?",
            "How many calories are in {} bananas?",
        ),
        ("15", "50", "500", "5,000", "50k", "5 million"),
    ),
    (
        "numbers",
        ("Is the iPhone {} waterproof?", "What changed in Python 3.{}?"),
        ("6", "7", "8", "10", "11"),
    ),
    (
        "numbers",
        ("What does error {} mean?", "How do I fix HTTP status {}?"),
        ("401", "403", "404", "500", "503"),
    ),
    (
        "numbers",
        ("What is the {} root of 64?", "Who was the {} president of the company?"),
        ("third", "sixth", "second", "5th"),
    ),
    (
        "units",
        ("How long does it take to run 5 {}?", "How heavy a parcel may be: is 5 {} too much?"),
        ("kilometres", "miles", "metres", "yards"),
    ),
    (
        "units",
        ("Is a fever of 39 degrees {} dangerous?", "At 100 degrees {}, does water boil?"),
        ("Celsius", "Fahrenheit", "Kelvin"),
    ),
    (
        "units",
        ("Is {} a good price for this phone?", "What can I buy for {} in town?"),
        ("$300", "€300", "£300", "300 yen", "300 rupees"),
    ),
    (
        "units",
        ("How much work can be done in 3 {}?", "Can I learn to swim in 3 {}?"),
        ("hours", "days", "weeks", "months", "years"),
    ),
    (
        "dates",
        ("Are you open on {}?", "Which trains run on {}?", "Can I book a table for {}?"),
        ("Monday", "Tuesday", "Saturday", "Sunday"),
    ),
    (
        "dates",
        ("Who won the election in {}?", "What was the inflation rate in {}?"),
        ("2008", "2012", "2016", "2020"),
    ),
    (
        "dates",
        ("What is the weather like in Rome in {}?", "Is {} a good month to plant tomatoes?"),
        ("March", "April", "July", "October"),
    ),
    (
        "dates",
        ("What is on television {}?", "Do I have to work {}?"),
        ("tonight", "tomorrow", "yesterday", "next week", "last week"),
    ),
    (
        "dates",
        ("Does the shop close at {}?", "Is there a bus at {}?"),
        ("6 pm", "6 am", "7:30 pm", "19:45"),
    ),
    (
        "names",
        ("What is the capital of {}?", "How many people live in {}?", "Do I need a visa for {}?"),
        ("France", "Spain", "Austria", "Australia", "Iran", "Iraq"),
    ),
    (
        "names",
        ("how do you say thank you in {}", "is {} hard to learn"),
        ("french", "spanish", "japanese", "korean"),
    ),
    (
        "names",
        ("Who is the chief executive of {}?", "When was {} founded?"),
        ("Apple", "Microsoft", "Netflix", "Nokia"),
    ),
    (
        "names",
        ("How old was {} when he died?", "Where did {} go to school?"),
        ("Mozart", "Beethoven", "Darwin", "Mendel"),
    ),
    (
        "names",
        ("How do I install {} on my server?", "Is {} free for commercial use?"),
        ("Redis", "MongoDB", "Kafka", "MySQL"),
    ),
    (
        "names",
        ("What is in the {} plan?", "How do I cancel the {} subscription?"),
        ("Basic", "Premium", "Enterprise", "Student"),
    ),
    (
        "comparatives",
        ("Which of these laptops is the {}?", "What is the {} car in your range?"),
        ("cheapest", "fastest", "heaviest", "oldest"),
    ),
    (
        "comparatives",
        ("Should salaries be {}?", "Is the new model {} than the old one?"),
        ("higher", "lower"),
    ),
    (
        "quotes",
        ('How do you spell "{}"?', 'What is the plural of "{}"?', "What rhymes with '{}'?"),
        ("mouse", "house", "goose", "moose"),
    ),
    (
        "code",
        ("What does `{}` print?", "Is `{}` valid Python?"),
        ("print(a + b)", "print(a - b)", "print(a * b)", "print(b + a)"),
    ),
    ("code", ("What is {}?",), ("12+7", "12*7", "12-7", "12/7", "12^7")),
    (
        "choice",
        ("What do you call the {} of a horse?", "Is it rude to ask someone's {}?"),
        ("mother", "father"),
    ),
    (
        "choice",
        ("How do I treat a {} bite?", "What do I feed a young {}?"),
        ("dog", "cat", "horse"),
    ),
)

SWAPPED: tuple[tuple[str, tuple[str, ...], Couples], ...] = (
    (
        "order",
        (
            "How long is the flight from {} to {}?",
            "Is it cheaper to move from {} to {}?",
            "What does a train ticket from {} to {} cost?",
        ),
        (("Paris", "Rome"), ("Berlin", "Madrid"), ("Boston", "Chicago"), ("Lima", "Cusco")),
    ),
    (
        "order",
        ("How do I convert {} to {}?", "How do I migrate data from {} to {}?"),
        (("JSON", "XML"), ("CSV", "Excel"), ("MySQL", "Postgres"), ("PDF", "Word")),
    ),
    (
        "order",
        ("Did {} buy {}?", "Did {} sue {}?", "Is {} better than {}?"),
        (("Google", "Motorola"), ("Oracle", "Sun"), ("Adobe", "Figma")),
    ),
    (
        "order",
        ("How do I translate from {} to {}?", "Exchange {} into {} at what rate?"),
        (("dollars", "euros"), ("pounds", "yen")),
    ),
)

EQUAL_VALUES: tuple[tuple[str, tuple[str, ...], Couples], ...] = (
    (
        "same-number",
        ("Is {} enough to travel for a month?", "What can I buy for {}?", "Who pays {} for a bag?"),
        (
            ("$500", "500 dollars"), ("$1,000", "1000 USD"), ("€20", "20 euros"), ("$5k", "$5000"),
            ("$2 million", "2,000,000 dollars"),
        ),
    ),
    (
        "same-number",
        ("How do I lose {} of weight?", "What happens if sales fall by {}?"),
        (("10%", "10 percent"), ("5 kg", "five kilograms"), ("10 %", "10 per cent")),
    ),
    (
        "same-unit",
        ("How long does it take to walk {}?", "Can a child run {}?"),
        (("5 km", "5 kilometers"), ("3 miles", "three miles"), ("2km", "2000 metres")),
    ),
    (
        "same-time",
        ("Does the shop open at {}?", "Can you wake me at {}?"),
        (("7 am", "7:00 AM"), ("3 p.m.", "15:00"), ("noon", "12 pm")),
    ),
    (
        "same-date",
        ("What happened on {}?", "Is the office closed on {}?"),
        (("5 March 2021", "March 5th, 2021"), ("2021-12-24", "December 24, 2021")),
    ),
    (
        "same-name",
        ("How many people live in {}?", "What do houses cost in {}?"),
        (("the USA", "the United States"), ("the UK", "the United Kingdom"), ("NYC", "New York")),
    ),
    (
        "same-order",
        ("What is the difference between {} and {}?", "{} vs {}: which do I need?"),
        (),
    ),
)  # fmt: skip

DIFFERENT: dict[str, str] = {
    "negation": """
        How do I enable two-factor login? | How do I disable two-factor login?
        Which foods are safe in pregnancy? | Which foods are not safe in pregnancy?
        How do I turn on notifications? | How do I turn off notifications?
        Can I log in with my email? | Why can't I log in with my email?
        How do I subscribe to the newsletter? | How do I unsubscribe from the newsletter?
        Is it legal to fly a drone here? | Is it illegal to fly a drone here?
        How do I lock the screen? | How do I unlock the screen?
        When should I water my plants? | When should I not water my plants?
        Which countries allow dual citizenship? | Which countries forbid dual citizenship?
        How do I add a user to the group? | How do I remove a user from the group?
        How do I install the driver? | How do I uninstall the driver?
        How can I gain weight quickly? | How can I lose weight quickly?
        Should I eat before exercise? | Should I eat after exercise?
        Can I travel with a passport? | Can I travel without a passport?
        How do I increase the font size? | How do I decrease the font size?
        What are the advantages of nuclear power? | What are the disadvantages of nuclear power?
        Where can I buy used books? | Where can I sell used books?
        How do I upload a picture? | How do I download a picture?
        How do I open an account? | How do I close an account?
        Who was the first man on the moon? | Who was the last man on the moon?
        Is this mushroom edible? | Is this mushroom inedible?
        Why does my phone charge so fast? | Why does my phone charge so slowly?
        How do I accept an invitation? | How do I decline an invitation?
        Why do I always dream? | Why do I never dream?
        How do I start the service? | How do I stop the service?
        How do I sign in? | How do I sign up?
        How do I block a caller? | How do I unblock a caller?
        How do I make my dog bark? | How do I stop my dog barking?
        How can I smoke? | How can I stop smoking?
        How do I connect a printer? | How do I disconnect a printer?
        How do I freeze my card? | How do I unfreeze my card?
        Is the package insured? | Isn't the package uninsured?
        Which vaccines are mandatory? | Which vaccines are optional?
        What is the maximum penalty? | What is the minimum penalty?
        How do I deposit money? | How do I withdraw money?
        Who lends money to students? | Who borrows money from students?
        What makes a good manager? | What makes a bad manager?
        Do cats like water? | Do cats not like water?
        How do I import contacts? | How do I export contacts?
        What are the symptoms of an internal bleed? | What are the symptoms of an external bleed?
        How do I encrypt a file? | How do I decrypt a file?
        Is the tax deductible? | Is the tax non-deductible?
        How do I include hidden files? | How do I exclude hidden files?
        What helps people who can sleep? | What helps people who cannot sleep?
        Which side wins the lottery of birth? | Which side loses the lottery of birth?
        How do I merge two cells? | How do I split two cells?""",
    "comparatives": """
        Which phone has the best camera? | Which phone has the worst camera?
        What weighs more than a whale? | What weighs less than a whale?
        Which river is the longest? | Which river is the shortest?
        Which plan costs the most? | Which plan costs the least?
        Is rail travel safer than driving? | Is rail travel riskier than driving?
        Show laptops over 900 dollars | Show laptops under 900 dollars
        Who earns more than 100 dollars a day? | Who earns less than 100 dollars a day?
        Where is the nearest star? | Where is the farthest star?
        Which bank has higher fees? | Which bank has lower fees?
        Who is the youngest player? | Who is the oldest player?
        Are older cars better? | Are newer cars better?
        Which exam is easier? | Which exam is harder?
        What is the highest mountain? | What is the lowest mountain?
        Which is the largest lake? | Which is the smallest lake?""",
    "question": """
        When was penicillin discovered? | Where was penicillin discovered?
        Who wrote the report? | Why was the report written?
        How many people use the app? | Why do people use the app?
        When do bears sleep? | Where do bears sleep?
        Who opened the first bank? | When was the first bank opened?
        How long is the bridge? | Where is the bridge?
        Where do I apply for a passport? | When do I apply for a passport?
        Why did the meeting end? | When did the meeting end?
        How often should I water it? | Where should I water it?
        Who paid the invoice? | When was the invoice paid?""",
    "names": """
        Can you compare Ward A prices? | Can you compare Ward B prices?
        How do I mail support@north.example? | How do I mail billing@north.example?
        What is on https://kora.example/a? | What is on https://kora.example/b?
        What is a B12 deficiency? | What is a B6 deficiency?
        How do I set up an RTX3080? | How do I set up an RTX3090?
        Is C++ hard to learn? | Is C# hard to learn?
        How do I read config.json? | How do I read config.yaml?
        Where is order KX72? | Where is order KX73?
        What is the H1B visa? | What is the H4 visa?
        What is vitamin C good for? | What is vitamin D good for?
        Who directed Alien? | Who directed Aliens vs Predator in Vietnam?
        How do I use --force with git? | How do I use --dry-run with git?
        What does max_depth do? | What does min_depth do?""",
    "order": """
        Did the cat chase the dog? | Did the dog chase the cat?
        Do teachers fear students? | Do students fear teachers?
        Was Google bought by Motorola? | Did Google buy Motorola?
        Do bees feed birds? | Do birds feed bees?
        How do I send money to Ana from Ben? | How do I send money to Ben from Ana?
        Is Anna taller than Berta? | Is Berta taller than Anna?
        Can I reply to Kim about Lee? | Can I reply to Lee about Kim?
        Do landlords owe tenants money? | Do tenants owe landlords money?""",
    "units": """
        How many miles are in a kilometre? | How many kilometres are in a mile?
        What is the width in inches? | What is the width in centimetres?
        Give the weight in pounds | Give the weight in kilograms
        What is 5 km in miles? | What is 5 miles in km?
        How far is 10 yards? | How far is 10 feet?
        How many cups are 2 litres? | How many pints are 2 litres?""",
    "numbers": """
        Compare iOS 16 and iOS 17 | Compare iOS 15 and iOS 17
        Which numbers are between 10 and 20? | Which numbers are between 10 and 30?
        What is the song from part II? | What is the song from part III?
        Is release 2.4.1 stable? | Is release 2.4.10 stable?
        What did Python 3.1 add? | What did Python 3.10 add?
        How do I split 2/3 of a cake? | How do I split 3/4 of a cake?
        Where is parcel 1234567890123456789? | Where is parcel 1234567890123456780?
        What are the top 5 sights? | What are the top 10 sights?
        What is 10⁵? | What is 105?
        Is -5 a natural number? | Is 5 a natural number?
        Which phone has 4g? | Which phone has 5g?""",
}  # fmt: skip

SAME: dict[str, str] = {
    "paraphrase": """
        How do I reset my password? | password reset how?
        How can I reset my password? | What is the way to reset a password?
        How do I change my email address? | How can I update my email address?
        Where do I find my invoices? | Where are my invoices to be found?
        What is the return policy? | Can you tell me your return policy?
        How do I delete my account? | What do I do to delete my account?
        What is photosynthesis? | Explain photosynthesis
        How does photosynthesis work? | Please explain how photosynthesis works
        Why is the sky blue? | What makes the sky look blue?
        How can I learn to draw? | What is a good way to learn drawing?
        How do I make pancakes? | pancake recipe please
        Which books should I read about history? | Recommend books about history
        What causes earthquakes? | Why do earthquakes happen?
        How do vaccines work? | What is it that makes vaccines work?
        What is the best way to learn guitar? | How should I learn guitar?
        How do I cook rice? | What's the right way of cooking rice?
        Who invented the telephone? | Who was the inventor of the telephone?
        How tall is Mount Everest? | What is the height of Mount Everest?
        When did World War II end? | When was the end of World War 2?
        Is coffee bad for you? | Does coffee harm your health?
        How can I sleep better? | What helps me to sleep better?
        What's the meaning of life? | What is the meaning of life?
        How do I track a parcel? | How can I track parcels?
        Do you ship abroad? | Is it possible to ship abroad?
        How do I write a cover letter? | Help me write a cover letter
        Can I pay by card? | Do you accept card payments?
        Who was the painter of the Mona Lisa? | Who painted the Mona Lisa?
        What is machine learning? | what's machine learning
        How do I become a pilot? | What does it take to become a pilot?
        How can we stop climate change? | What can be done to stop climate change?
        How do I update the app? | Updating the app: how?
        I forgot my password, what now? | I've forgotten my password. What should I do?""",
    "same-order": """
        The difference between tea and coffee? | The difference between coffee and tea?
        Cats vs dogs: which live longer? | Dogs vs cats: which live longer?
        Which is better, Redis or Kafka? | Which is better, Kafka or Redis?
        How far is Rome from Paris? | How far is Paris from Rome?
        What do lions and tigers have in common? | What do tigers and lions have in common?
        Compare Spain and Portugal | Compare Portugal and Spain
        What lies between Oslo and Bergen? | What lies between Bergen and Oslo?
        Did Google buy Motorola? | Was Motorola bought by Google?
        Did Rome destroy Carthage? | Was Carthage destroyed by Rome?
        Are apples and pears related? | Are pears and apples related?""",
    "same-polarity": """
        Isn't it dangerous to swim here? | Is it dangerous to swim here?
        Why does my phone not charge? | Why doesn't my phone charge?
        How do I stop procrastinating? | How can I overcome procrastination?
        How do I avoid sunburn? | How can I prevent sunburn?
        I can't log in | I am not able to log in
        Is it unhealthy to skip lunch? | Is it not healthy to skip lunch?
        Why is my account disabled? | Why is my account not enabled?
        Can I cancel or not? | Can I cancel?
        Should I refuse the offer? | Should I decline the offer?
        Why won't the door close? | Why does the door not close?""",
    "same-name": """
        How old is donald duck? | How old is Donald Duck?
        is c++ faster than c# | Is C++ faster than C#?
        Who leads the U.S. army? | Who leads the US army?
        How big is the Indian economy? | How big is the economy of India?
        How do I use an iPhone 7? | how do i use an iphone7
        Who is Einstein? | Who is Albert Einstein?
        How do I get an H1B visa? | How do I get an H-1B visa?
        What is latent semantic analysis (LSA)? | What is Latent Semantic Analysis?
        Is Hilary Clinton a lawyer? | Is Hillary Clinton a lawyer?
        Where is the university of Mumbai? | Where is Mumbai University?""",
    "same-number": """
        What are the top ten films? | What are the top 10 films?
        How old is a twenty year old cat? | How old is a 20 year old cat?
        Is twenty-five too old? | Is 25 too old?
        What are the four seasons? | What are the 4 seasons?
        Who came 1st? | Who came first?
        Is two hundred and fifty a lot? | Is 250 a lot?""",
    "same-quotes": """
        What does "trending" mean? | What does trending mean?
        What does “ad hoc” mean? | What does 'ad hoc' mean?
        What does `ls` do? | What does `ls` do on a computer?""",
    "same-date": """
        What is the news today? | What is the news?
        How much water should I drink daily? | How much water should I drink per day?
        When is xmas? | When is Christmas?
        Is the bank open on Mondays? | Is the bank open on Monday?""",
}
