"""Facts about one column from the first rows of a table: how many cells are filled, its few values, the form of its
times."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from consentory.codec.tabular.table import Row
from consentory.domain.text import fold

FEW = 12
"""A column with at most this number of different values may be a column of choices."""

NO_VALUES = frozenset({"null", "n/a", "#n/a", "-", "none", "\\n", "nan"})
"""Words that programs write in place of a missing value."""

# Without accents, blanks and punctuation: see `_fold_word`.
_YES = (
    "yes y true 1 t on x optin opt-in opt_in optedin subscribed active confirmed granted ja angemeldet abonniert oui "
    "inscrit inscrite abonne abonnee si suscrito suscrita iscritto iscritta sim inscrito inscrita ingeschreven "
    "aangemeld tak zapisany zapisana tilmeldt pameldt prenumererar ano prihlasen evet да подписан подписана はい 是"
)
_NO = "no n false 0 f off nein non nao nee nie nej nei ne hayir нет いいえ 否"
_OUT = (
    "optout opt-out opt_out optedout unsubscribed unsubscribe revoked denied blocklisted blacklisted withdrawn "
    "declined refused suppressed cancelled canceled abgemeldet gekundigt abbestellt ausgetragen widerrufen "
    "widersprochen abgelehnt desinscrit desinscrite desabonne desabonnee resilie refuse refusee baja dadodebaja "
    "dadadebaja desuscrito desuscrita cancelado cancelada rechazado revocado disiscritto disiscritta cancellato "
    "annullato revocato rifiutato descadastrado descadastrada desinscrito uitgeschreven afgemeld geweigerd "
    "wypisany wypisana zrezygnował odmowa avregistrerad avslutad avmeldt frameldt afmeldt odhlasen odhlasena "
    "iptal отписан отписана отписался отказ 配信停止 退会 解除 退订 取消订阅"
)
_NOTHING = (
    "bounced bounce cleaned hardbounce softbounce invalid pending unconfirmed unknown enabled disabled "
    "neversubscribed never_subscribed never-subscribed"
)
_MEANINGS = dict.fromkeys(_YES.split(), "yes") | dict.fromkeys(_NO.split(), "no")
_MEANINGS |= dict.fromkeys(_OUT.split(), "out") | dict.fromkeys(_NOTHING.split(), "nothing")

TIME_FORMS = (
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S%z",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S.%f%z",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%d-%m-%Y",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y %H:%M:%S",
    "%b %d, %Y",
    "%d %b %Y",
)
ISO_FORMS = frozenset({"%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z"})
"""Forms that a record accepts unchanged."""

_ACCENTS = re.compile("[\u0300-\u036f]")  # of Latin letters; in other scripts a mark makes another letter
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LEFT_OUT = re.compile(r"[^\w-]")


class ColumnFacts(NamedTuple):
    """`values`: the different cells, at most FEW + 1 of them. `forms`: the forms of time, the best fitting form
    first."""

    rows: int
    filled: int
    values: tuple[str, ...]
    forms: tuple[str, ...]
    emails: int
    lists: int
    """Number of cells that contain a comma."""
    no_values: tuple[str, ...]
    odd_times: int
    """Number of cells that do not fit the first of `forms`."""


def gather_facts(rows: Iterable[Row], count: int) -> list[ColumnFacts]:
    """The facts of `count` columns. Rows with faults are skipped."""
    kept = [row.cells for row in rows if not row.faults and len(row.cells) == count]
    return [_gather([cells[place] for cells in kept]) for place in range(count)]


def _gather(cells: list[object]) -> ColumnFacts:
    texts = [cell.strip() for cell in cells if isinstance(cell, str) and cell.strip()]
    absent = {text for text in texts if fold(text) in NO_VALUES}
    said = [text for text in texts if text not in absent]
    forms, odd_times = _find_forms(said)
    return ColumnFacts(
        rows=len(cells),
        filled=len(said),
        values=tuple(list(dict.fromkeys(said))[: FEW + 1]),
        forms=forms,
        emails=sum(1 for text in said if _EMAIL.fullmatch(text)),
        lists=sum(1 for text in said if "," in text),
        no_values=tuple(sorted(absent)),
        odd_times=odd_times,
    )


def _find_forms(texts: list[str]) -> tuple[tuple[str, ...], int]:
    """The forms that nearly every cell fits, and the number of cells that do not fit the first form. Files contain some
    faulty dates."""
    allowed = len(texts) // 10
    misses = dict.fromkeys(TIME_FORMS if texts else (), 0)
    for text in texts:
        for form in list(misses):
            misses[form] += not _fits(text, form)
            if misses[form] > allowed:
                del misses[form]
    forms = tuple(sorted(misses, key=lambda form: misses[form]))
    return forms, misses[forms[0]] if forms else 0


def _fits(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 - only its form counts
    except ValueError:
        return False
    return True


def _fold_word(value: str) -> str:
    """A word in lower case, without accents, blanks and punctuation."""
    letters = unicodedata.normalize("NFKD", fold(value))
    composed = unicodedata.normalize("NFC", "".join(item for item in letters if not _ACCENTS.match(item)))
    return _LEFT_OUT.sub("", composed)


def is_of_machines(value: str) -> bool:
    """True if a word in a column of choices is about the address and not about the person's choice."""
    return _MEANINGS.get(_fold_word(value)) == "nothing"


def choose_meaning(value: str, *, opt_out: bool) -> str | None:
    """OptIn, OptOut or nothing for a cell of a column of choices; None if a person must decide."""
    match _MEANINGS.get(_fold_word(value)):
        case "out":
            return "OptOut"
        case "nothing":
            return "nothing"
        case "yes":
            return "OptOut" if opt_out else "OptIn"
        case "no":
            return "nothing" if opt_out else "OptOut"
        case _:
            return None
