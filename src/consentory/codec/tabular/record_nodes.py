"""The record that a mapping makes, as a tree of nodes. For each row, the tree builds the record from the values of its
slots.

A slot is a place in the list of a row's values: first the cells, then the constants, then values made from cells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from consentory.codec.tabular.cell_conversions import CODES, is_no
from consentory.codec.tabular.target_path import Element, Target

Values = Sequence[Any]

OPT_OUTS = "opt-outs"
"""The key under which left-out opt-outs are counted, beside the names of arrays."""


class ObjectNode:
    """An object of the record."""

    __slots__ = ("arrays", "objects", "scalars")

    def __init__(self) -> None:
        self.scalars: list[tuple[str, int]] = []
        self.objects: dict[str, ObjectNode] = {}
        self.arrays: dict[str, list[ElementNode]] = {}

    def find(self, target: Target) -> ObjectNode:
        """The node of the object that holds a target. The node is made if it does not exist yet."""
        node = self
        for step in target.steps:
            if isinstance(step, Element):
                elements = node.arrays.setdefault(step.array, [])
                known = (element for element in elements if element.step.identity == step.identity)
                element = next(known, None)
                if element is None:
                    element = ElementNode(step)
                    elements.append(element)
                node = element
            else:
                node = node.objects.setdefault(step, ObjectNode())
        return node

    def fill(self, built: dict[str, Any], values: Values, left_out: Counter[str]) -> dict[str, Any]:
        """Put the members that have a value into `built`, and return `built`."""
        for member, slot in self.scalars:
            if (value := values[slot]) is not None:
                built[member] = value
        if self.objects:
            for member, node in self.objects.items():
                if part := node.fill({}, values, left_out):
                    built[member] = part
        if self.arrays:
            for member, elements in self.arrays.items():
                items: list[dict[str, Any]] = []
                for element in elements:
                    element.add_to(items, values, left_out)
                if items:
                    built[member] = items
        return built

    def trace(self, values: Values, path: str, found: dict[str, int]) -> None:
        """Add the slot of every value of the object to `found` under the value's JSON path."""
        for member, slot in self.scalars:
            if values[slot] is not None:
                found[f"{path}.{member}"] = slot
        for member, node in self.objects.items():
            node.trace(values, f"{path}.{member}", found)
        for member, elements in self.arrays.items():
            place = 0
            for element in elements:
                place += element.trace_items(values, f"{path}.{member}", place, found)


class ElementNode(ObjectNode):
    """An element of an array. An element without its value is left out."""

    __slots__ = ("deciding", "fixed", "needed", "step")

    def __init__(self, step: Element) -> None:
        super().__init__()
        self.step = step
        self.fixed = {step.rule.key: step.key} if step.rule.key and step.key else {}
        self.needed: list[int] = []
        """The slots of the element's value."""
        self.deciding: list[tuple[str, int]] = []
        """The deciding members of the choices in this element, with their slots."""

    def finish(self) -> None:
        """Find the slots of the value and of the choices. Call this after all scalars were added."""
        slots = dict(self.scalars)
        self.needed = [slots[member] for member in self.step.rule.value if member in slots]
        self.deciding = [
            scalar
            for elements in self.arrays.values()
            for element in elements
            for scalar in element.scalars
            if scalar[0] in CODES
        ]

    def add_to(self, items: list[dict[str, Any]], values: Values, left_out: Counter[str]) -> None:
        """Append the element, or one element for each item of a value that was split."""
        for slot in self.needed:
            if values[slot] is None:
                if len(self.needed) > 1 and any(values[other] is not None for other in self.needed):
                    left_out[self.step.array] += 1
                if any(is_no(member, values[slot]) for member, slot in self.deciding):
                    left_out[OPT_OUTS] += 1
                return
        built = self.fill(self.fixed.copy(), values, left_out)
        split = values[self.needed[0]] if self.needed else None
        if split.__class__ is list:
            member = self.step.rule.value[0]
            items += [{**built, member: item} for item in split]
        else:
            items.append(built)

    def trace_items(self, values: Values, path: str, place: int, found: dict[str, int]) -> int:
        """Add the slots of the element's values to `found`; returns the number of elements that the element becomes."""
        if any(values[slot] is None for slot in self.needed):
            return 0
        split = values[self.needed[0]] if self.needed else None
        count = len(split) if isinstance(split, list) else 1
        for index in range(place, place + count):
            self.trace(values, f"{path}[{index}]", found)
        return count
