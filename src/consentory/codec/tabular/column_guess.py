"""Guess the most likely target from a column's header, by the words that shops and mailing tools use."""

from __future__ import annotations

import re
import unicodedata

_MEANINGS: dict[str, str] = {
    "Emails.EmailAddress": "email|email address|e mail|e mail address|mail|emailadresse|e mail adresse|courriel"
    "|adresse email|adresse e mail|correo|correo electronico|email id|subscriber|primary email|e mail 1 value",
    "CustomerName.FirstName": "first name|firstname|given name|vorname|prenom|nombre|fname|first|forename",
    "CustomerName.MiddleName": "middle name|middlename|second name|zweiter vorname",
    "CustomerName.LastName": "last name|lastname|surname|family name|nachname|familienname|nom|apellido|apellidos"
    "|lname|last",
    "CustomerName.Prefix": "salutation|anrede|name prefix|civilite",
    "CustomerName.Suffix": "name suffix|suffix",
    "PhoneNumbers.PhoneNumber": "phone|phone number|telephone|telephone number|tel|telefon|telefonnummer|mobile"
    "|mobile phone|mobile number|cell|cell phone|handy|handynummer|mobil|mobilnummer|mobiltelefon|rufnummer|sms"
    "|phone 1 value|telefono|movil|portable|gsm|whatsapp",
    "Addresses.Address1": "address|address 1|address1|street|street address|address line 1|strasse|adresse|rue"
    "|direccion",
    "Addresses.Address2": "address 2|address2|address line 2|adresszusatz",
    "Addresses.City": "city|town|ort|stadt|ville|ciudad",
    "Addresses.StateProvince": "state|province|province code|region|state region|state province|bundesland",
    "Addresses.PostalCode": "zip|zip code|postal code|postcode|plz|postleitzahl|code postal",
    "Addresses.CountryCode_Alpha2": "country code",
    "DefaultLocale": "locale",
    "ProfileTags": "tags|labels|schlagworte|etiquettes",
}
_TARGETS = {word: target for target, words in _MEANINGS.items() for word in words.split("|")}
_QUALIFIERS = re.compile("^(default address|mailing|billing|shipping|home|work|primary|contact|customer|default) ")
_OTHER_CHANNEL = re.compile(r"\b(sms|text|texts|whatsapp|phone|call|calls|fax|mail|post|postal)\b")
_IDS = re.compile(
    r"(customer|contact|client|member|subscriber|profile|person|user|record|external|crm|kunden)? ?"
    r"(id|number|no|nr|nummer|ext id|external id)"
)
_OPT_OUT = re.compile(r"\b(opt(ed)? ?out|unsub\w*|blacklist\w*|blocklist\w*|do not|no (mail|email|call)|abgemeldet)\b")
_OPT_IN = re.compile(
    r"\b(opt(ed)? ?in|newsletter|subscri\w*|consent\w*|accepts?|marketing|permission|einwilligung|angemeldet|status)\b"
)
_WORDS = re.compile(r"[a-z]+|[0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def normalize_header(header: str) -> str:
    """The words of a header: lower case, without accents, separated by one blank."""
    text = unicodedata.normalize("NFKD", _CAMEL.sub(" ", header)).replace("ß", "ss")
    return " ".join(_WORDS.findall("".join(letter for letter in text if not unicodedata.combining(letter)).lower()))


def guess_target(header: str) -> str | None:
    """The target of a header whose meaning is clear without the cells; None for any other header."""
    words = normalize_header(header)
    return _TARGETS.get(words) or _TARGETS.get(_QUALIFIERS.sub("", words))


def is_id(header: str) -> bool:
    """True if the header names an identifier of the person."""
    return _IDS.fullmatch(normalize_header(header)) is not None


def is_opt_out(header: str) -> bool:
    """True if a yes in the column means a no of the person."""
    return _OPT_OUT.search(normalize_header(header)) is not None


def is_opt_in(header: str) -> bool:
    """True if the column may contain the person's yes and no."""
    return _OPT_IN.search(normalize_header(header)) is not None


def is_other_channel(header: str) -> bool:
    """True if a column of choices is about another channel than email."""
    words = normalize_header(header)
    return "email" not in words.replace("e mail", "email") and _OTHER_CHANNEL.search(words) is not None
