"""Take back the changes of an import to contact elements.

An element that the import added becomes inactive. It is not removed, because the history of its choices refers to it.
If somebody made a choice on the element since the import, or if a no on the element is kept, it stays active.
"""

from __future__ import annotations

from consentory.domain.profile import PLACE_LETTER, Element
from consentory.domain.record import KIND_MEMBERS, KINDS, Kind
from consentory.domain.undo_state import Image, UndoState, undo_choices


def undo_contacts(state: UndoState, image: Image) -> None:
    """Take back elements with their choices, and the default element of each kind."""
    for kind in KINDS:
        elements, before, after = (one.elements(kind) for one in (state.body, *image))
        if before == after:
            continue
        path = f"$.{KIND_MEMBERS[kind].array}"
        chosen = _choose_default(state, path, elements, before, after)
        for number, left in enumerate(after):
            if left.same_as is None and number < len(elements):
                was = before[number] if number < len(before) else None
                _undo_element(state, (kind, number, f"{path}[{number}]"), elements[number], was, left)
        _mark_default(elements, chosen)


def _undo_element(
    state: UndoState, where: tuple[Kind, int, str], now: Element, was: Element | None, left: Element
) -> None:
    kind, number, path = where
    if was == left:
        return
    has_default_since = now.default and not left.default
    kept = undo_choices(state, f"{PLACE_LETTER[kind]}{number}", path, now, was, left)
    was_active = was is not None and was.active
    if was_active != left.active and now.active == left.active:
        if was_active:
            now.active, now.edited = True, state.context.now
        elif kept.newer or has_default_since:
            text = f"{now.type}: somebody used this element since the import, so it stays active."
            state.report("Undo.KeptNewer", path, text, None)
        elif not kept.noes:
            now.active, now.edited = False, state.context.now
    if was is not None or not now.active:
        _undo_members(state, path, now, was, left)


def _undo_members(state: UndoState, path: str, now: Element, was: Element | None, left: Element) -> None:
    """Take back IsMobile, the country and Address2, each by itself."""
    for member, attribute in (("IsMobile", "mobile"), ("CountryCode_Alpha2", "country")):
        old, new = getattr(was, attribute, None), getattr(left, attribute)
        if old != new and getattr(now, attribute) == new:
            setattr(now, attribute, old)
            now.edited = state.context.now
        elif old not in (new, getattr(now, attribute)):
            _report_newer(state, path, member)
    second, before, after = (None if one is None else one.given.get("Address2") for one in (now, was, left))
    if before != after and second == after:
        now.given = {name: text for name, text in now.given.items() if name != "Address2"}
        if before is not None:
            now.given["Address2"] = before
        now.edited = state.context.now
    elif before not in (after, second):
        _report_newer(state, path, "Address2")


def _report_newer(state: UndoState, path: str, member: str) -> None:
    text = f"{member}: somebody changed this since the import, so it stays."
    state.report("Undo.KeptNewer", f"{path}.{member}", text, None)


def _choose_default(
    state: UndoState, path: str, elements: list[Element], before: list[Element], after: list[Element]
) -> int | None:
    """The number of the element that becomes the default if it is active."""
    now, was, left = (_find_default(one) for one in (elements, before, after))
    if was != left and now == left:
        return was
    if was not in (left, now):
        state.report("Undo.KeptNewer", path, "IsDefault: somebody changed this since the import, so it stays.", None)
    return now


def _find_default(elements: list[Element]) -> int | None:
    return next((number for number, element in enumerate(elements) if element.default), None)


def _mark_default(elements: list[Element], chosen: int | None) -> None:
    """Make one active element of a kind the default: the chosen one, else the present default, else the first added."""
    active = [number for number, element in enumerate(elements) if element.active]
    if chosen not in active:
        chosen = next((number for number in active if elements[number].default), active[0] if active else None)
    for number, element in enumerate(elements):
        element.default = number == chosen
