"""Every code of a fault of a record: when the fault is found, its meaning, and what to do.

A code is stable: clients match on it. `render_fault_page` makes `docs/faults.md` from this table.
"""

from __future__ import annotations

from typing import NamedTuple

from consentory.codec.limits import MOST_ATTRIBUTES, MOST_ELEMENTS
from consentory.domain.imports import Phase


class FaultCode(NamedTuple):
    code: str
    phases: tuple[Phase, ...]
    meaning: str
    remedy: str


_STAGE: tuple[Phase, ...] = ("Stage",)
_EXECUTE: tuple[Phase, ...] = ("Execute",)
_BOTH: tuple[Phase, ...] = ("Stage", "Execute")
_NOT_HONORED: tuple[Phase, ...] = ("NotHonored",)

_OTHER_USER = "Use another user, or ask the administrator of the account to change the group."
_LEAVE_OUT = "Use another user, ask the administrator of the account to change the group, or leave the part out."

FAULT_CODES: tuple[FaultCode, ...] = (
    FaultCode("Record.NotAnObject", _STAGE, "A record is not a JSON object.", "Send one object for each person."),
    FaultCode(
        "Record.TooDeep",
        _STAGE,
        "The record is nested deeper than any valid record, so the record was not read.",
        "Remove the deep part.",
    ),
    FaultCode(
        "Record.TooManyFaults",
        _STAGE,
        "The record has more faults than the answer lists.",
        "Correct the listed faults and stage the record again.",
    ),
    FaultCode(
        "Record.UnknownMember",
        _STAGE,
        "An object has a member that is not part of the record.",
        "Correct the name of the member, also upper and lower case, or leave the member out.",
    ),
    FaultCode(
        "Record.NothingSaid",
        _STAGE,
        "The record has no data about a person and names no person.",
        "Give a ProfileId or at least one of CustomerName, AlternateIds, Emails, PhoneNumbers, Addresses, "
        "Consents, ProfilePreferences.",
    ),
    FaultCode("Value.Required", _STAGE, "A required member is absent or null.", "Add the member."),
    FaultCode(
        "Value.WrongType",
        _STAGE,
        "A value does not have the JSON type of its member, or an element of an array is not an object.",
        "Send the value with the right type: a number without quotes, true or false, an array, an object.",
    ),
    FaultCode(
        "Number.OutOfRange",
        _STAGE,
        "A number needs more than 64 bits, or is outside the range of its member.",
        "Send a number in the range. As ProfileId send an id that this system has given out.",
    ),
    FaultCode(
        "String.Blank",
        _STAGE,
        "A string is empty after trimming, and its member does not allow an empty string.",
        "Send a value, or leave the member out.",
    ),
    FaultCode(
        "String.TooShort", _STAGE, "A string has fewer characters than its member needs.", "Send the whole value."
    ),
    FaultCode(
        "String.TooLong",
        _STAGE,
        "A string has more characters than its member allows, counted after trimming.",
        "Shorten the string.",
    ),
    FaultCode(
        "String.ControlCharacter",
        _STAGE,
        "A string contains a control character, such as a tab or a line end.",
        "Remove the character.",
    ),
    FaultCode(
        "String.InvisibleCharacter",
        _STAGE,
        "A name or an id by which records are matched has an invisible character, such as a zero-width space.",
        "Remove the character. Text copied from a web page or a spreadsheet often contains such characters.",
    ),
    FaultCode(
        "String.NotUnicode",
        _STAGE,
        "A string has half of a surrogate pair, which is not a character.",
        "Send the whole character, or remove the half.",
    ),
    FaultCode(
        "Array.TooLong",
        _STAGE,
        "An array has more elements than are allowed. The elements after the limit were not checked.",
        f"Send fewer elements: at most {MOST_ELEMENTS} in an array, at most {MOST_ATTRIBUTES} PreferenceAttributes.",
    ),
    FaultCode(
        "Array.Duplicate", _STAGE, "An array has two elements that execution treats as the same.", "Keep one of them."
    ),
    FaultCode(
        "Locale.Unknown",
        _STAGE,
        "DefaultLocale is not a locale of the account.",
        "Use one of the account's locales, or leave DefaultLocale out.",
    ),
    FaultCode(
        "CustomerType.Unknown",
        _STAGE,
        "CustomerType is not a configured, active type.",
        "Use a configured value, or ask the administrator of the account to configure this one.",
    ),
    FaultCode(
        "AlternateId.UnknownType",
        _STAGE,
        "AlternateIdType is not a configured, active type.",
        "Use a configured value, or ask the administrator of the account to configure this one.",
    ),
    FaultCode(
        "AlternateId.PatternMismatch", _STAGE, "An alternate id does not match its type's pattern.", "Correct the id."
    ),
    FaultCode(
        "AlternateId.InUse",
        _EXECUTE,
        "The alternate id is active at another profile. The message names the ProfileId of that profile.",
        "Find out which person has the id. Deactivate the id at the other profile first, or merge the profiles.",
    ),
    FaultCode(
        "Email.UnknownType",
        _STAGE,
        "EmailAddressType is not a configured, active type.",
        "Use a configured type, or leave the member out to get the default type.",
    ),
    FaultCode(
        "Email.Malformed",
        _STAGE,
        "The email address is not well formed, or its domain is reserved for special use, such as .test.",
        "Correct the address.",
    ),
    FaultCode(
        "Email.PatternMismatch",
        _STAGE,
        "The email address does not match its type's pattern.",
        "Correct the address, or its type.",
    ),
    FaultCode(
        "Phone.UnknownType",
        _STAGE,
        "PhoneType is not a configured, active type.",
        "Use a configured type, or leave the member out to get the default type.",
    ),
    FaultCode(
        "Phone.Malformed",
        _STAGE,
        "The text cannot be read as a phone number of the account's region.",
        "Send the number with + and the country code.",
    ),
    FaultCode(
        "Phone.NotPossible", _STAGE, "The number has too few or too many digits for its country.", "Correct the number."
    ),
    FaultCode(
        "Phone.NotANumber",
        _STAGE,
        "The text is not one phone number as numbers are written: it has a letter, an exponent, a decimal tail or "
        "other characters, or it holds two numbers.",
        "Send one number as text: digits, one leading +; spaces, hyphens, dots, slashes or brackets between digits.",
    ),
    FaultCode("Phone.Extension", _STAGE, "The phone number has an extension.", "Leave the extension out."),
    FaultCode(
        "Phone.PatternMismatch",
        _STAGE,
        "The phone number does not match its type's pattern.",
        "Correct the number, or its type.",
    ),
    FaultCode(
        "Address.UnknownType",
        _STAGE,
        "AddressType is not a configured, active type.",
        "Use a configured type, or leave the member out to get the default type.",
    ),
    FaultCode(
        "Address.UnknownCountry",
        _STAGE,
        "A country code is not in ISO 3166-1.",
        "Correct the code. Examples: US, USA, 840.",
    ),
    FaultCode(
        "Address.CountryDisagrees",
        _STAGE,
        "The country codes of one address name different countries.",
        "Correct the codes, or send only one.",
    ),
    FaultCode(
        "Contact.SeveralDefaults", _STAGE, "More than one element of a kind has IsDefault true.", "Mark only one."
    ),
    FaultCode(
        "Group.UnknownType",
        _STAGE,
        "GroupType is not a configured, active type.",
        "Use a configured value, or ask the administrator of the account to configure this one.",
    ),
    FaultCode(
        "CustomField.Unknown",
        _STAGE,
        "There is no configured, active custom field of that name.",
        "Correct the name, or ask the administrator of the account to configure the field.",
    ),
    FaultCode(
        "CustomField.Required",
        ("Stage", "Execute", "NotHonored"),
        "A required field is blank, or a new profile would not have the field. NotHonored: the record clears the "
        "field, and the field keeps its stored value.",
        "Send a value.",
    ),
    FaultCode(
        "CustomField.PatternMismatch", _STAGE, "The value does not match the field's pattern.", "Correct the value."
    ),
    FaultCode(
        "CustomField.TooShort", _STAGE, "The value has fewer characters than the field needs.", "Send the whole value."
    ),
    FaultCode(
        "CustomField.TooLong", _STAGE, "The value has more characters than the field allows.", "Shorten the value."
    ),
    FaultCode(
        "CustomField.NotANumber",
        _STAGE,
        "The value of a Numeric field is not a decimal.",
        "Send digits with an optional sign and point; no exponent, no thousands separators.",
    ),
    FaultCode("CustomField.OutOfRange", _STAGE, "The number is outside the field's range.", "Correct the value."),
    FaultCode(
        "CustomField.NotADate",
        _STAGE,
        "The value of a DateTime field is neither a date nor a date-time of ISO 8601.",
        "Send YYYY-MM-DD, or YYYY-MM-DDThh:mm:ssZ.",
    ),
    FaultCode(
        "CustomField.UnknownOption",
        _STAGE,
        "The value is not an option of the field's picklist.",
        "Use one of the options.",
    ),
    FaultCode("CustomField.RepeatedOption", _STAGE, "An option is chosen twice in one value.", "Keep one of them."),
    FaultCode(
        "CustomField.SeveralOptions",
        _STAGE,
        "The value has several options, and the field takes only one.",
        "Send one option.",
    ),
    FaultCode(
        "CustomField.UpdateRule",
        _NOT_HONORED,
        "The field's update rule keeps the stored value.",
        "Nothing, if the rule is meant to do this; otherwise change the rule.",
    ),
    FaultCode(
        "Preference.UnknownFilter",
        _STAGE,
        "FilterId is not a configured, active filter.",
        "Use a configured value, or ask the administrator of the account to configure this one.",
    ),
    FaultCode("Preference.UnknownType", _STAGE, "PreferenceType is not 1, 2, OptIn or OptOut.", "Send one of them."),
    FaultCode(
        "Preference.UnknownFrequency",
        _STAGE,
        "FrequencyId is not a frequency of the filter.",
        "Use a frequency of the filter, or leave FrequencyId out.",
    ),
    FaultCode(
        "Preference.WrongPlace",
        _STAGE,
        "The filter's channel does not fit the place of the preference.",
        "Put the preference under an element of its channel's kind. If the filter has no channel, put the preference "
        "under ProfilePreferences.",
    ),
    FaultCode(
        "Preference.NotMobile",
        _BOTH,
        "A preference for text messages is on a number with IsMobile false, in the record or in the stored profile.",
        "Correct IsMobile, or leave the preference out.",
    ),
    FaultCode(
        "Preference.ReservedKey", _STAGE, "An attribute's key begins with $, which is reserved.", "Choose another key."
    ),
    FaultCode(
        "Preference.ConsentRequired",
        _EXECUTE,
        "The filter of an Opt-In requires a consent, and this consent is not granted or not in force.",
        "Send the consent with status Granted in the same record, on the same element or on the person.",
    ),
    FaultCode(
        "Preference.Superseded",
        _NOT_HONORED,
        "A later choice is stored. Or an Opt-Out of this address is stored under any type, at the same time as this "
        "Opt-In or later.",
        "Nothing: the newer choice counts, and an Opt-Out is stronger than an Opt-In.",
    ),
    FaultCode(
        "Consent.UnknownType",
        _STAGE,
        "ConsentType is not configured; or it is inactive, and the consent is neither Denied nor Revoked.",
        "Use a configured, active consent type.",
    ),
    FaultCode(
        "Consent.UnknownVersion",
        _STAGE,
        "ConsentVersion is not a configured version of its type.",
        "Use a configured version.",
    ),
    FaultCode(
        "Consent.UnknownLocale",
        _STAGE,
        "The consent version has no text for the locale.",
        "Send the locale of the text that the person was shown.",
    ),
    FaultCode(
        "Consent.UnknownStatus",
        _STAGE,
        "ConsentStatus is not one of 1 to 4, Granted, Denied, Revoked, NotSet.",
        "Send one of them.",
    ),
    FaultCode(
        "Consent.PriorVersion",
        _BOTH,
        "A Granted or NotSet is for a version that is older than the newest active version.",
        "Send the newest version, or import with AllowPriorConsents.",
    ),
    FaultCode(
        "Consent.Superseded",
        _NOT_HONORED,
        "A later status of the same version is stored. Or a Denied or Revoked of this address is stored, at the same "
        "time as this Granted or later.",
        "Nothing: the newer status counts, and a Denied or Revoked is stronger than a Granted.",
    ),
    FaultCode(
        "Consent.NewerVersionPresent",
        _NOT_HONORED,
        "A newer version of the consent is already in the same place.",
        "Nothing: the newer version counts.",
    ),
    FaultCode(
        "Evidence.IpAddressMalformed",
        _STAGE,
        "IpAddress is neither an IPv4 nor an IPv6 address.",
        "Correct the address, or leave IpAddress out.",
    ),
    FaultCode(
        "Date.Implausible",
        _STAGE,
        "A choice is dated before the account's `earliestDate`. Possible reasons: a wrong unit of time, or a "
        "default value for an unknown date.",
        "Correct the date, or leave the date out. If the account has older choices, set an earlier `earliestDate`.",
    ),
    FaultCode(
        "Time.Malformed",
        _STAGE,
        "A time does not have the accepted form, or its day is not in the calendar.",
        "Send YYYY-MM-DD[Thh:mm[:ss[.f]]][Z or ±hh:mm]. The message shows how to write a common other form.",
    ),
    FaultCode(
        "Time.NotExisting",
        _STAGE,
        "This local time does not exist in the account's time zone, because the clocks were put forward.",
        "Send the time with Z or an offset.",
    ),
    FaultCode("Time.OutOfRange", _STAGE, "The time lies outside the years 1 to 9999.", "Correct the year."),
    FaultCode(
        "Time.InFuture",
        _STAGE,
        "The date of a choice is more than 5 minutes in the future, or a day after today.",
        "Correct the date, or the clock that made it.",
    ),
    FaultCode(
        "Time.Required",
        _STAGE,
        "The account does not accept undated choices, and the choice has no date.",
        "Add CustomerDate or ConsentDate.",
    ),
    FaultCode(
        "Match.IdRequired",
        _STAGE,
        "The record names no profile: neither a ProfileId nor one active id of the match type.",
        "Add one of them.",
    ),
    FaultCode(
        "Match.SeveralIds",
        _STAGE,
        "The record has several active ids of the match type, and no ProfileId.",
        "Send exactly one id.",
    ),
    FaultCode(
        "Match.Ambiguous",
        _EXECUTE,
        "The ProfileId was not found, and the record has several active ids of the match type.",
        "Correct the ProfileId, or send one id.",
    ),
    FaultCode(
        "Match.Conflict",
        _EXECUTE,
        "The profile to delete does not have the given match id; another profile has it.",
        "Find out which profile is meant, and send only its ProfileId or its id.",
    ),
    FaultCode(
        "Undo.KeptNewer",
        _NOT_HONORED,
        "At an undo: somebody changed this value, or this person, since the import, so it stays.",
        "Nothing, if the newer value is right; else change it by itself.",
    ),
    FaultCode(
        "Undo.KeptNo",
        _NOT_HONORED,
        "At an undo: an opt-out, a denial or a withdrawal that came with the import stays.",
        "Nothing, if the person said so. Else choose RestoreYes before the undo is executed, which needs the "
        "permission release. After the undo: send the right choice with a later date.",
    ),
    FaultCode(
        "Profile.NotFound",
        _NOT_HONORED,
        "The profile to delete does not exist, or was deleted before.",
        "Nothing, if the profile was deleted before; otherwise correct the id.",
    ),
    FaultCode("Permission.Profile", _STAGE, "Your user groups do not permit writing profiles.", _OTHER_USER),
    FaultCode("Permission.Delete", _STAGE, "Your user groups do not permit deleting profiles.", _OTHER_USER),
    FaultCode(
        "Permission.Channel",
        _STAGE,
        "Your user groups do not permit the channel of an element or of a filter.",
        _LEAVE_OUT,
    ),
    FaultCode("Permission.Program", _STAGE, "Your user groups do not permit the program of a filter.", _LEAVE_OUT),
    FaultCode("Permission.ConsentType", _STAGE, "Your user groups do not permit the consent type.", _LEAVE_OUT),
    FaultCode(
        "Permission.Refresh",
        _STAGE,
        "The import has a Refresh flag, and your user groups do not permit everything that the flag can remove. "
        "RefreshContacts needs all channels and programs, the other flags need `profile: write`.",
        "Use another user, ask the administrator of the account to change the group, or import without the flag.",
    ),
    FaultCode(
        "Stage.Unexpected",
        _STAGE,
        "Validating or storing the record failed with an unexpected error; the message has a reference into the log.",
        "Give the reference to the operator of the service.",
    ),
    FaultCode(
        "Execution.Unexpected",
        _EXECUTE,
        "Applying the record failed with an unexpected error. No part of the record was applied; the message has "
        "a reference into the log.",
        "Give the reference to the operator of the service.",
    ),
)


def render_fault_page() -> str:
    """docs/faults.md: every code with its phases, meaning and remedy, in alphabetical order."""
    lines = [
        "# Faults of a record\n",
        "This page is made from `src/consentory/codec/record/fault_codes.py`. A test compares the two.",
        "",
        'A fault is `{"Code", "Message", "Path", "Value"}`. The code is stable. The message is for people.',
        "*Stage*: the fault was found when the record was staged. The record counts as ValidationFailed and is never "
        "imported.",
        "*Execute*: the fault was found when the record was applied. The record counts as an exception, and no part of "
        "it was applied.",
        "*NotHonored*: not a fault. The stored data takes precedence over this part of the record.",
        "",
        "| code | found at | meaning | what to do |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{item.code}` | {', '.join(item.phases)} | {item.meaning} | {item.remedy} |" for item in sorted(FAULT_CODES)
    ]
    return "\n".join(lines) + "\n"
