"""Suggest a mapping for a table from its header, its first rows and the account's configuration.

Every doubt becomes a comment. The comments repeat no cell of a person, except the few values of a column of choices.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable

import msgspec

from consentory.codec.record.wire_record import WireAddress
from consentory.codec.tabular.column_facts import (
    FEW,
    ISO_FORMS,
    ColumnFacts,
    choose_meaning,
    gather_facts,
    is_of_machines,
)
from consentory.codec.tabular.column_guess import (
    guess_target,
    is_id,
    is_opt_in,
    is_opt_out,
    is_other_channel,
    normalize_header,
)
from consentory.codec.tabular.correction_columns import OWN_COLUMNS
from consentory.codec.tabular.mapping_document import IGNORE, NOTHING, PRESENT, list_candidates
from consentory.codec.tabular.mapping_names import find_default_type
from consentory.codec.tabular.mapping_presets import identify_preset
from consentory.codec.tabular.suggested_opt_outs import SuggestedOptOuts
from consentory.codec.tabular.table import Column, ReadOptions, Row, TableDescription
from consentory.codec.tabular.target_path import ELEMENTS, RECORD_MEMBERS
from consentory.domain.configuration import Configuration, TypeName

SAMPLE_ROWS = 1000
"""Number of rows that are read."""

_SIMPLE = re.compile(r"[A-Za-z][A-Za-z0-9 _/-]*")
_GUESSED_WORDS = frozenset({"yes", "no", "true", "false", "null", "on", "off", "y", "n"})
_MOSTLY = 0.8
_KINDS = {"Emails": "email_types", "PhoneNumbers": "phone_types", "Addresses": "address_types"}


def suggest_mapping(
    table: TableDescription,
    rows: Iterable[Row],
    configuration: Configuration | None = None,
    options: ReadOptions | None = None,
) -> str:
    """The text of a mapping document. `rows` are the first rows of the table, at most SAMPLE_ROWS.

    `options` are the given options for reading the file. The mapping repeats them.
    """
    return _Suggestion(table, list(rows), configuration, options or ReadOptions()).write()


class _Suggestion:
    def __init__(
        self, table: TableDescription, rows: list[Row], configuration: Configuration | None, options: ReadOptions
    ) -> None:
        self._options = options
        self._table = table
        self._configuration = configuration
        self._facts = gather_facts(rows, len(table.columns))
        self._rows = rows
        guesses = {guess_target(column.header) for column in table.columns}
        self._whole_address = guesses >= {f"Addresses.{member}" for member in ELEMENTS[WireAddress].value}
        self._used: dict[str, int] = {}
        self._match = ""
        self._choice = ""
        """The path of the choice that a column fills, for the column of the choice's time."""
        self._yes: dict[str, tuple[str, list[str]]] = {}
        """For the path of each choice, the column that says yes to it, and its words for it."""
        self._opt_outs = SuggestedOptOuts()
        self._checks = 0
        self._dated_choice = ""
        """The path of the choice whose time a column fills that is not about opt-outs."""
        self._lines: list[str] = []

    def write(self) -> str:
        pairs = list(zip(self._table.columns, self._facts, strict=True))
        # Choices are found before their times, in any order of the columns.
        self._find_choices(pairs)
        # Of two times of one choice the first counts: that of the no.
        for column, facts in sorted(pairs, key=lambda pair: not (pair[1].forms and is_opt_out(_name(pair[0])))):
            if column.name not in OWN_COLUMNS and not (column.nested and column.name in RECORD_MEMBERS):
                self._suggest(column, facts)
        rows = "row" if len(self._rows) == 1 else f"{len(self._rows)} rows"
        origin = f"the header and the first {rows} of {self._table.file_name}"
        head = [f"# Suggested from {origin}. Check each line."]
        if preset := identify_preset(self._table):
            head.append(f"# The file has the columns of {preset}: perhaps you only need --preset {preset}.")
        head += self._doubt_header()
        if self._configuration is None:
            head.append(
                "# Made without an account: types, filters and fields are guesses. Compare them with your account."
            )
        if self._table.other_sheets:
            others = ", ".join(map(repr, self._table.other_sheets))
            head.append(f"# The file has other sheets: {others}. Choose one with file: {{sheet: …}}.")
        head += self._write_form()
        if self._match:
            head.append(f"match: {quote_text(self._match)}   # people are found by their id of this type")
        rules = self._opt_outs.write(self._yes, self._dated_choice)
        return "\n".join([*head, "columns:", *self._lines, *rules, *self._write_end()]) + "\n"

    def _find_choices(self, pairs: list[tuple[Column, ColumnFacts]]) -> None:
        for column, facts in pairs:
            if self._is_choice(column, facts) and not is_opt_out(_name(column)):
                words = [value for value in facts.values if choose_meaning(value, opt_out=False) == "OptIn"]
                self._yes.setdefault(self._name_choice(column), (column.name, words))
        opt_outs = (
            self._name_choice(column)
            for column, facts in pairs
            if self._is_choice(column, facts) or (facts.forms and _is_email_opt_out(column))
        )
        self._choice = next(iter(self._yes), "") or next(opt_outs, "")

    def _doubt_header(self) -> list[str]:
        """Detect a line above the header, such as a title, that was read as the header: then most rows have more
        cells."""
        widths = Counter(len(row.cells) for row in self._rows)
        width, count = max(widths.items(), key=lambda item: item[1], default=(0, 0))
        if width <= len(self._table.columns) or 2 * count <= len(self._rows):
            return []
        line = next(row.line for row in self._rows if len(row.cells) == width)
        unit = "row" if self._table.sheet else "line"
        return [
            f"# The header was read in {unit} {self._table.header_line}, and most rows below it have more cells. "
            f"Is it a title? Perhaps the header is in {unit} {line}: say --header {line}."
        ]

    def _write_form(self) -> list[str]:
        said = {
            name: json.dumps(value, ensure_ascii=False)
            for name, value in msgspec.structs.asdict(self._options).items()
            if value is not None
        }
        comment = ""
        if absent := sorted({word for facts in self._facts for word in facts.no_values}):
            said["empty"] = json.dumps(["", *absent], ensure_ascii=False)
            comment = "   # cells that count as empty"
        members = ", ".join(f"{name}: {value}" for name, value in said.items())
        return [f"file: {{{members}}}{comment}"] if said else []

    def _write_end(self) -> list[str]:
        if self._choice:
            return []
        example = f"Emails{self._default_type('Emails')}.EmailPreferences[{self._choose_filter('')[0]}].PreferenceType"
        return [
            "# No column holds a yes or a no. If all people in this file said yes to the same filter, write:",
            "# constants:",
            f"#   {example}: OptIn",
        ]

    def _suggest(self, column: Column, facts: ColumnFacts) -> None:
        name = _name(column)
        if is_other_channel(name) and (is_opt_in(name) or is_opt_out(name)):
            example = "PhoneNumbers.PhoneNumberPreferences[FILTER].PreferenceType"
            self._add(column, IGNORE, f"A choice of another channel? Its target is like {example}.")
        elif _is_email_opt_out(column):
            self._suggest_opt_out(column, facts)
        elif not facts.filled and guess_target(name) is None:
            self._add(column, IGNORE, "Empty in these rows.")
        elif self._is_choice(column, facts):
            self._suggest_choice(column, facts)
        elif facts.forms and is_opt_in(name) and self._choice:
            self._dated_choice = self._choice
            self._suggest_time(column, facts, [f"{self._choice}.CustomerDate"], "The time of the choice?")
        elif field := self._find_field(name):
            self._suggest_field(column, facts, field)
        elif (target := guess_target(name)) and column.header == column.name:
            self._suggest_target(column, facts, target)
        elif facts.emails >= _MOSTLY * facts.filled:
            self._suggest_target(column, facts, "Emails.EmailAddress")
        elif is_id(name):
            self._suggest_id(column)
        elif facts.forms and self._choice:
            self._leave_time(column, facts)
        else:
            self._add(column, IGNORE, "Not understood. Name a target, or ignore it.")

    def _is_choice(self, column: Column, facts: ColumnFacts) -> bool:
        name = _name(column)
        if column.nested or facts.forms or not 0 < len(facts.values) <= FEW:
            return False
        if is_other_channel(name) or not (is_opt_out(name) or is_opt_in(name)):
            return False
        return any(choose_meaning(value, opt_out=is_opt_out(name)) for value in facts.values)

    def _suggest_choice(self, column: Column, facts: ColumnFacts) -> None:
        name = _name(column)
        choice, opt_out = self._name_choice(column), is_opt_out(name)
        target = f"{choice}.PreferenceType"
        if self._used.get(target):
            # The column that fills the choice decides, but a no of this column is not lost.
            out = [value for value in facts.values if choose_meaning(value, opt_out=True) == "OptOut"]
            out = [value for value in out if choose_meaning(value, opt_out=False) == "OptOut"]
            no = [value for value in facts.values if choose_meaning(value, opt_out=False) == "OptOut"]
            self._opt_outs.add_words(column.name, out, [choice], fills=False)
            self._opt_outs.add_unclear(column.name, [value for value in no if value not in out], [choice])
            self._check_words(column, facts, choice, f"Another column fills {target} already. The rules take a no.")
            return
        self._used[target] = 1
        doubts = [] if self._configuration and self._choose_filter(name)[1] else ["Is this the filter?"]
        pairs = []
        for value in facts.values:
            meaning = choose_meaning(value, opt_out=opt_out)
            if meaning is None:
                doubts.append(f"Is {value} a yes or a no? Add it to values. Until then its rows are refused.")
                continue
            if meaning == NOTHING and is_of_machines(value):
                doubts.append(f"Is {value} a yes or a no?")
            pairs.append(f"{json.dumps(value, ensure_ascii=False)}: {meaning}")
        self._lines.append(f"  {quote_text(column.name)}:{_comment(doubts)}")
        self._lines.append(f"    to: {quote_text(target)}")
        self._lines.append(f"    values: {{{', '.join(pairs)}}}")

    def _suggest_opt_out(self, column: Column, facts: ColumnFacts) -> None:
        """A no wins over the yes of every choice that the header may mean."""
        choices = self._list_choices(_name(column))
        if facts.forms:
            self._opt_outs.add_times(column.name, choices)
            times = [f"{choice}.CustomerDate" for choice in choices]
            self._suggest_time(column, facts, times, "The time of a no: the rules make an opt-out of it.")
        elif self._is_choice(column, facts):
            words = [value for value in facts.values if choose_meaning(value, opt_out=True) == "OptOut"]
            own = self._name_choice(column)
            fills = choices == [own] and own not in self._yes and not self._used.get(f"{own}.PreferenceType")
            self._opt_outs.add_words(column.name, words, choices, fills=fills)
            if fills:
                self._suggest_choice(column, facts)
            else:
                doubt = "The rules make an opt-out of its yes."
                if not words:
                    doubt = "No cell here says yes. A row with another word is refused. Add it to values and to rules."
                self._check_words(column, facts, choices[0], doubt)
        else:
            self._opt_outs.add_unclear(column.name, PRESENT, choices)
            field = self._find_field(_name(column))
            doubt = "IS THIS A NO? If a cell has text, the rules import no yes. If it is a no, let a rule set OptOut."
            if not any(choice in self._yes for choice in choices):
                doubt = "IS THIS A NO? If it is, let a rule set OptOut. Otherwise the no is not imported."
            self._add(column, f"CustomFields[{field}]" if field else IGNORE, doubt)

    def _check_words(self, column: Column, facts: ColumnFacts, choice: str, doubt: str) -> None:
        """Fill nothing with a column whose words the rules take. A row with a word that nobody knows is refused."""
        self._checks += 1
        opt_out, doubts = is_opt_out(_name(column)), [doubt]
        known = [value for value in facts.values if choose_meaning(value, opt_out=opt_out)]
        doubts += [
            f"Is {value} a yes or a no? Add it to values and to rules. Until then its rows are refused."
            for value in facts.values
            if value not in known
        ]
        pairs = ", ".join(f"{json.dumps(value, ensure_ascii=False)}: {NOTHING}" for value in known)
        self._lines.append(f"  {quote_text(column.name)}:{_comment(doubts)}")
        self._lines.append(f'    to: "{choice}.PreferenceAttributes[checked{self._checks}]"   # stays empty')
        self._lines.append(f"    values: {{{pairs}}}")

    def _suggest_time(self, column: Column, facts: ColumnFacts, targets: list[str], doubt: str) -> None:
        if any(self._used.get(target) for target in targets):
            doubt = "The first of these two columns that is not empty counts."
        self._used.update(dict.fromkeys(targets, 1))
        doubts = [doubt]
        form = facts.forms[0]
        if "%m/%d" in form and any("%d/%m" in other for other in facts.forms):
            doubts.append("Month first, or day first?")
        if facts.odd_times:
            doubts.append(f"Cells of these rows that have another form: {facts.odd_times}.")
        to = json.dumps(targets[0] if len(targets) == 1 else targets, ensure_ascii=False)
        if not set(facts.forms) & ISO_FORMS:
            value = f'{{to: {to}, time: "{form}"}}'
        else:
            value = quote_text(targets[0]) if len(targets) == 1 else f"{{to: {to}}}"
        self._lines.append(f"  {quote_text(column.name)}: {value}{_comment(doubts)}")

    def _leave_time(self, column: Column, facts: ColumnFacts) -> None:
        """If the header does not say that the column is the time of the choice, the column is not used as that time."""
        form = "" if set(facts.forms) & ISO_FORMS else f', time: "{facts.forms[0]}"'
        target = f'{{to: "{self._choice}.CustomerDate"{form}}}'
        self._add(column, IGNORE, f"If it is the time of the choice, write {target} in place of {IGNORE}.")

    def _suggest_field(self, column: Column, facts: ColumnFacts, field: str) -> None:
        target = f"CustomFields[{field}]"
        if facts.forms and not set(facts.forms) & ISO_FORMS:
            self._suggest_time(column, facts, [target], "")
        else:
            self._add(column, target)

    def _suggest_target(self, column: Column, facts: ColumnFacts, target: str) -> None:
        if target == "ProfileTags":
            value = '{to: ProfileTags, split: ","}' if facts.lists else "ProfileTags"
            self._lines.append(f"  {quote_text(column.name)}: {value}")
            return
        array, _, member = target.partition(".")
        if array == "Addresses" and not self._whole_address:
            self._add(column, IGNORE, "An address needs street, city, state and postcode.")
            return
        if array in _KINDS:
            array += self._choose_type(array, column.header)
        target = f"{array}.{member}" if member else array
        self._used[target] = self._used.get(target, 0) + 1
        doubt = "Used if the earlier column is empty. For another element write [2]." if self._used[target] > 1 else ""
        self._add(column, target, doubt)

    def _suggest_id(self, column: Column) -> None:
        known = list_candidates("alternateIdType", self._configuration) if self._configuration else ["CRM"]
        if not known or self._match:
            self._add(column, IGNORE, "An id. Name its alternate id type to import it.")
            return
        words = normalize_header(column.header).split()
        chosen = next((name for name in known if normalize_header(name) in words), known[0])
        self._match = chosen
        self._add(column, f"AlternateIds[{chosen}].AlternateId", f"Is {chosen} the type of this id?")

    def _find_field(self, name: str) -> str | None:
        fields = self._configuration.custom_fields if self._configuration else ()
        wanted = normalize_header(name)
        return next((item.name for item in fields if item.active and normalize_header(item.name) == wanted), None)

    def _name_choice(self, column: Column) -> str:
        chosen, _ = self._choose_filter(_name(column))
        return self._name_preference(chosen)

    def _name_preference(self, email_filter: str) -> str:
        return f"Emails{self._default_type('Emails')}.EmailPreferences[{email_filter}]"

    def _list_choices(self, name: str) -> list[str]:
        """The choices that an opt-out column is about: all of the file, unless its header names a filter."""
        if near := self._find_filters(name)[0]:
            return [self._name_preference(item) for item in near]
        return list(self._yes) or [self._name_preference(self._choose_filter(name)[0])]

    def _choose_filter(self, name: str) -> tuple[str, bool]:
        """The email filter that a header means, and whether the filter is certain."""
        near, known = self._find_filters(name)
        if near or known:
            return (near or known)[0], len(near or known) == 1
        return "NEWS-EMAIL", False

    def _find_filters(self, name: str) -> tuple[list[str], list[str]]:
        """The email filters that a header names, and all of the account's."""
        known = list_candidates("emailFilter", self._configuration) if self._configuration else []
        words = set(normalize_header(name).split())
        return [item for item in known if words & set(normalize_header(item).split()) - {"email"}], known

    def _default_type(self, array: str) -> str:
        default = find_default_type(self._configuration, array) if self._configuration else ""
        return f"[{default}]" if default else ""

    def _choose_type(self, array: str, header: str) -> str:
        """The type whose name is in the header, else the default type."""
        types: tuple[TypeName, ...] = getattr(self._configuration, _KINDS[array], ())
        words = normalize_header(header).split()
        named = (item.name for item in types if item.active and normalize_header(item.name) in words)
        found = next(named, None)
        return f"[{found}]" if found else self._default_type(array)

    def _add(self, column: Column, target: str, doubt: str = "") -> None:
        self._lines.append(f"  {quote_text(column.name)}: {quote_text(target)}{_comment([doubt])}")


def _name(column: Column) -> str:
    return column.header or column.name


def _is_email_opt_out(column: Column) -> bool:
    name = _name(column)
    return is_opt_out(name) and not is_other_channel(name) and not column.nested


def _comment(doubts: list[str]) -> str:
    said = [doubt for doubt in doubts if doubt]
    return f"   # {' '.join(said)}" if said else ""


def quote_text(text: str) -> str:
    """A text quoted so that YAML reads it as a text."""
    if (_SIMPLE.fullmatch(text) and text.lower() not in _GUESSED_WORDS and text == text.strip()) or re.fullmatch(
        r"[A-Za-z]+(\[[A-Za-z0-9 -]*\])*(\.[A-Za-z0-9_]+(\[[A-Za-z0-9 -]*\])*)*", text
    ):
        return text
    return json.dumps(text, ensure_ascii=False)
