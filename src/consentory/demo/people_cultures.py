"""Names in many scripts, places and telephone plans for the people of the demo.

All people are invented. Their email addresses are in the domains that RFC 2606 reserves for examples. Their North
American numbers have the exchange 555.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A town. A postal code is `postal`, then `digits` random digits, then `postal_end`."""

    city: str
    state: str
    postal: str
    digits: int
    postal_end: str = ""


@dataclass(frozen=True, slots=True)
class Culture:
    """Names and places that belong together. `share`: the number of its people, of the sum of all shares."""

    share: int
    locale: str
    country: tuple[str, str]
    """ISO 3166-1 alpha-2 and alpha-3."""
    given: tuple[str, ...]
    family: tuple[str, ...]
    handles: tuple[str, ...]
    """The parts before the @ of these people's email addresses."""
    streets: tuple[str, ...]
    """Address lines; `{}` is the house number."""
    places: tuple[Place, ...]
    phone: tuple[str, int]
    """A prefix of the international form, and the number of digits after it."""
    domains: tuple[str, ...] = ("example.com", "example.org", "example.net")


AREA_CODES = (202, 206, 212, 213, 305, 312, 404, 415, 503, 512, 602, 617, 702, 713, 773, 808, 816, 901, 971)
"""Area codes of the United States, for numbers in the national form."""

_COMMON = ("example.com", "example.org", "example.net", "mail.example.com", "post.example.org")

CULTURES: tuple[Culture, ...] = (
    Culture(
        34,
        "en_US",
        ("US", "USA"),
        given=(
            "Mary",
            "James",
            "Zoë",
            "Chloë",
            "Aaliyah",
            "Liam",
            "Ka'iulani",
            "DeShawn",
            "Renée",
            "Anne-Marie",
        ),
        family=(
            "Smith",
            "O'Brien",
            "Washington",
            "Kealoha",
            "Fitz-Gerald",
            "van Buren",
            "Nuñez",
            "Begay",
            "Lee",
        ),
        handles=("mary.smith", "j.obrien", "zoe", "aaliyah_w", "liam.lee", "renee+shop", "anne-marie"),
        streets=("{} Maple St", "{} N 3rd Ave Apt 12", "{} Martin Luther King Jr Blvd", "PO Box {}"),
        places=(
            Place("Fairview", "CA", "902", 2),
            Place("Springfield", "IL", "627", 2),
            Place("St. Louis", "MO", "631", 2),
            Place("New York", "NY", "100", 2),
            Place("Hilo", "HI", "9672", 1),
        ),
        phone=("+1202555", 4),
        domains=_COMMON,
    ),
    Culture(
        9,
        "es_US",
        ("US", "USA"),
        given=("José", "María", "Íñigo", "Begoña", "Ángel", "Lucía", "Jesús", "Inés"),
        family=("García Márquez", "Ibáñez", "Muñoz", "de la Cruz", "Peña", "Núñez", "Güell"),
        handles=("jose.garcia", "maria", "begona.munoz", "angel_pena", "lucia.ibanez"),
        streets=("{} Calle Ocho", "{} Camino Real", "{} Paseo del Río"),
        places=(
            Place("Miami", "FL", "331", 2),
            Place("San Antonio", "TX", "782", 2),
            Place("El Paso", "TX", "799", 2),
        ),
        phone=("+1305555", 4),
        domains=(*_COMMON, "españa.example.com"),
    ),
    Culture(
        5,
        "fr_CA",
        ("CA", "CAN"),
        given=("François", "Geneviève", "Benoît", "Maëlle", "Noël", "Cœur-Aimée", "Anaïs"),
        family=("Tremblay", "Gagné", "Côté", "Lévesque", "Bélanger", "L'Écuyer", "Lefebvre"),
        handles=("francois.tremblay", "g.gagne", "benoit", "maelle.cote", "anais"),
        streets=("{} rue Saint-Denis", "{} chemin de la Côte-des-Neiges", "{} boul. René-Lévesque E."),
        places=(Place("Montréal", "QC", "H2X ", 1, "K4"), Place("Québec", "QC", "G1R ", 1, "P3")),
        phone=("+1514555", 4),
        domains=(*_COMMON, "québec.example.org"),
    ),
    Culture(
        5,
        "en_US",
        ("DE", "DEU"),
        given=("Jürgen", "Käthe", "Björn", "Sören", "Anneliese", "Götz"),
        family=("Müller", "Weiß", "Größmann", "von der Au", "Schäfer", "Straßburger"),
        handles=("juergen.mueller", "kaethe", "b.weiss", "goetz_schaefer"),
        streets=("Hauptstraße {}", "Am Weißen Bühl {}", "Goetheplatz {}"),
        places=(Place("München", "Bayern", "803", 2), Place("Köln", "Nordrhein-Westfalen", "506", 2)),
        phone=("+4915", 9),
        domains=(*_COMMON, "bücher.example.com", "straße.example.net"),
    ),
    Culture(
        4,
        "en_US",
        ("GB", "GBR"),
        given=("Siân", "Niamh", "Ffion", "Oluwaseun", "Alasdair", "Priya"),
        family=("Llewelyn", "Ó Súilleabháin", "Ap Rhys", "Adébáyọ̀", "MacDonald", "Patel"),
        handles=("sian.llewelyn", "niamh", "seun.a", "alasdair", "priya.patel"),
        streets=("{} High Street", "Flat 3, {} Heol y Frenhines", "{} St John's Wood Rd"),
        places=(
            Place("Caerdydd", "Wales", "CF10 ", 1, "BH"),
            Place("London", "Greater London", "NW8 ", 1, "QX"),
        ),
        phone=("+447700900", 3),
    ),
    Culture(
        3,
        "en_US",
        ("SE", "SWE"),
        given=("Åsa", "Øyvind", "Þórunn", "Håkan", "Sæunn", "Märta"),
        family=("Åkerström", "Bjørnsdatter", "Guðmundsdóttir", "Öberg", "Næss"),
        handles=("asa.akerstrom", "oyvind", "thorunn.g", "hakan_oberg"),
        streets=("Drottninggatan {}", "Östra Ågatan {}"),
        places=(Place("Malmö", "Skåne", "211 ", 2), Place("Göteborg", "Västra Götaland", "411 ", 2)),
        phone=("+4670174", 4),
        domains=(*_COMMON, "smörgås.example.org"),
    ),
    Culture(
        3,
        "en_US",
        ("PL", "POL"),
        given=("Łukasz", "Małgorzata", "Jiří", "Žofie", "Grażyna", "Őrs"),
        family=("Wiśniewski", "Dvořáková", "Źdźbło", "Šťastný", "Wójcik", "Kővári"),
        handles=("lukasz.w", "malgorzata", "jiri.dvorak", "zofie_s"),
        streets=("ul. Świętokrzyska {}", "Náměstí Míru {}"),
        places=(Place("Łódź", "łódzkie", "90-", 3), Place("Kraków", "małopolskie", "31-", 3)),
        phone=("+4851", 7),
        domains=(*_COMMON, "żółw.example.net"),
    ),
    Culture(
        3,
        "en_US",
        ("TR", "TUR"),
        given=("İbrahim", "Işıl", "Gülşah", "Çağrı", "Ömer"),
        family=("Yıldırım", "Öztürk", "Şahin", "Kılıç", "Güneş"),
        handles=("ibrahim.yildirim", "isil", "gulsah_o", "omer.sahin"),
        streets=("İstiklal Cad. No:{}", "Bağdat Caddesi {}"),
        places=(Place("İstanbul", "Beyoğlu", "34", 3), Place("İzmir", "Konak", "35", 3)),
        phone=("+90532", 7),
    ),
    Culture(
        3,
        "en_US",
        ("VN", "VNM"),
        given=("Thị Hồng", "Văn Đức", "Quỳnh", "Phương Thảo"),
        family=("Nguyễn", "Trần", "Đặng", "Phạm", "Huỳnh"),
        handles=("nguyen.hong", "duc.tran", "quynh", "thao.pham"),
        streets=("{} Nguyễn Huệ", "{} Đường Lê Lợi"),
        places=(Place("Hà Nội", "Hoàn Kiếm", "10", 4), Place("Đà Nẵng", "Hải Châu", "55", 4)),
        phone=("+8491", 7),
    ),
    Culture(
        3,
        "en_US",
        ("GR", "GRC"),
        given=("Γιώργος", "Ελένη", "Οδυσσέας", "Χρυσούλα", "Ξανθή"),
        family=("Παπαδόπουλος", "Αγγελοπούλου", "Ωνάσης", "Ψαρράς"),
        handles=("giorgos.p", "eleni", "odysseas_o", "xanthi"),
        streets=("Ερμού {}", "Λεωφόρος Αλεξάνδρας {}"),
        places=(Place("Αθήνα", "Αττική", "105 ", 2), Place("Θεσσαλονίκη", "Μακεδονία", "546 ", 2)),
        phone=("+3069", 8),
        domains=(*_COMMON, "παράδειγμα.example.org"),
    ),
    Culture(
        4,
        "en_US",
        ("UA", "UKR"),
        given=("Олександр", "Юлія", "Ґанна", "Тимофій", "Алёна"),
        family=("Шевченко", "Їжакевич", "Кузнецова", "Щербак", "Бойко"),
        handles=("oleksandr.sh", "yuliia", "hanna_k", "tymofii"),
        streets=("вул. Хрещатик, {}", "пр. Миру, {}"),
        places=(Place("Київ", "Київська область", "01", 3), Place("Львів", "Львівська область", "79", 3)),
        phone=("+38067", 7),
        domains=(*_COMMON, "почта.example.com"),
    ),
    Culture(
        2,
        "en_US",
        ("GE", "GEO"),
        given=("ნინო", "გიორგი", "ქეთევან"),
        family=("ბერიძე", "მაისურაძე", "ჭავჭავაძე"),
        handles=("nino.b", "giorgi", "ketevan"),
        streets=("რუსთაველის გამზ. {}", "აღმაშენებლის {}"),
        places=(Place("თბილისი", "თბილისი", "01", 2), Place("ბათუმი", "აჭარა", "60", 2)),
        phone=("+9955", 8),
    ),
    Culture(
        4,
        "en_US",
        ("EG", "EGY"),
        given=("محمد", "فاطمة", "عبد الرحمن", "نور", "يوسف"),
        family=("الحسيني", "عبد الله", "المصري", "خليل"),
        handles=("mohamed.h", "fatma", "abdelrahman", "nour.k"),
        streets=("{} شارع التحرير", "{} شارع النيل"),
        places=(
            Place("القاهرة", "محافظة القاهرة", "11", 3),
            Place("الإسكندرية", "محافظة الإسكندرية", "21", 3),
        ),
        phone=("+2010", 8),
        domains=(*_COMMON, "مثال.example.net"),
    ),
    Culture(
        2,
        "en_US",
        ("IL", "ISR"),
        given=("יעל", "דוד", "נועה", "שלמה", "תמר"),
        family=("כהן", "לוי", "מזרחי", "בן־דוד"),
        handles=("yael.cohen", "david", "noa_l", "tamar"),
        streets=("רחוב הרצל {}", "שדרות רוטשילד {}"),
        places=(Place("תל אביב", "מחוז תל אביב", "67", 5), Place("ירושלים", "מחוז ירושלים", "94", 5)),
        phone=("+97254", 7),
    ),
    Culture(
        5,
        "en_US",
        ("CN", "CHN"),
        given=("伟", "秀英", "子轩", "雨桐", "建国", "𠮷祥"),
        family=("王", "李", "欧阳", "张", "司马"),
        handles=("wang.wei", "xiuying", "zixuan_li", "ouyang"),
        streets=("人民路{}号", "中山东一路{}号3单元501室"),
        places=(Place("上海", "上海市", "2000", 2), Place("广州", "广东省", "5100", 2)),
        phone=("+86138", 8),
        domains=(*_COMMON, "例子.example.com"),
    ),
    Culture(
        4,
        "en_US",
        ("JP", "JPN"),
        given=("結衣", "さくら", "タロウ", "ハルト", "ひなた", "翔太"),
        family=("佐藤", "髙橋", "スズキ", "渡邉", "やまだ"),
        handles=("sato.yui", "sakura", "taro_suzuki", "hinata"),
        streets=("道玄坂{}丁目", "梅田{}-1-3"),
        places=(Place("渋谷区", "東京都", "150-", 4), Place("大阪市北区", "大阪府", "530-", 4)),
        phone=("+8190", 8),
        domains=(*_COMMON, "例え.example.net"),
    ),
    Culture(
        3,
        "en_US",
        ("KR", "KOR"),
        given=("민준", "서연", "지우", "하은"),
        family=("김", "이", "박", "남궁"),
        handles=("kim.minjun", "seoyeon", "jiwoo_park"),
        streets=("세종대로 {}", "테헤란로{}길 7"),
        places=(Place("강남구", "서울특별시", "06", 3), Place("해운대구", "부산광역시", "48", 3)),
        phone=("+8210", 8),
    ),
    Culture(
        4,
        "en_US",
        ("IN", "IND"),
        given=("आर्यन", "प्रिया", "சரவணன்", "অনন্যা", "लक्ष्मी"),
        family=("शर्मा", "वर्मा", "முருகன்", "চট্টোপাধ্যায়", "त्रिपाठी"),
        handles=("aryan.sharma", "priya", "saravanan_m", "ananya"),
        streets=("{} महात्मा गांधी मार्ग", "{} Nehru Nagar"),
        places=(Place("नई दिल्ली", "दिल्ली", "1100", 2), Place("சென்னை", "தமிழ்நாடு", "6000", 2)),
        phone=("+9198", 8),
        domains=(*_COMMON, "उदाहरण.example.com"),
    ),
    Culture(
        2,
        "en_US",
        ("TH", "THA"),
        given=("สมชาย", "มาลี", "ณัฐพงศ์", "กัญญารัตน์"),
        family=("ใจดี", "ศรีสุวรรณ", "วงศ์สวัสดิ์"),
        handles=("somchai.j", "malee", "nattapong_s"),
        streets=("{} ถนนสุขุมวิท", "{} ซอยนานา"),
        places=(Place("วัฒนา", "กรุงเทพมหานคร", "101", 2), Place("เมืองเชียงใหม่", "เชียงใหม่", "502", 2)),
        phone=("+668", 8),
    ),
    Culture(
        2,
        "en_US",
        ("ET", "ETH"),
        given=("አበበ", "ሰላም", "ትዕግስት"),
        family=("ተስፋዬ", "በቀለ"),
        handles=("abebe.t", "selam", "tigist"),
        streets=("{} ቦሌ መንገድ", "{} Churchill Avenue"),
        places=(Place("አዲስ አበባ", "አዲስ አበባ", "10", 2),),
        phone=("+25191", 7),
    ),
)
"""Latin with diacritics, Greek, Cyrillic, Georgian, Arabic, Hebrew, Han, Kana, Hangul, Devanagari,
Tamil, Bengali, Thai and Ethiopic."""
