"""Both paths of an account's pattern give the same results, and no pattern makes the fast path slow."""

import time

import pytest
import re2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consentory.codec.account_pattern import AccountPattern

ITEMS = st.sampled_from(
    [
        "[0-9]",
        "[A-Z]",
        "[A-Za-z0-9_-]",
        "[-a-c]",
        "[ .@#/:]",
        r"\d",
        r"\.",
        r"\+",
        r"\(",
        "-",
        " ",
        "A",
        "b",
        "7",
        ",",
        "=",
    ]
)
COUNTS = st.sampled_from(["", "", "{2}", "{0}", "{11}"])
LAST = st.sampled_from(["", "+", "*", "?", "{2,}", "{1,3}", "{0,2}"])


@st.composite
def simple_patterns(draw: st.DrawFn) -> str:
    items = draw(st.lists(st.tuples(ITEMS, COUNTS), max_size=4))
    body = "".join(item + count for item, count in items) + draw(ITEMS) + draw(LAST)
    return draw(st.sampled_from(["", "^"])) + body + draw(st.sampled_from(["", "$"]))


VALUES = st.text(st.sampled_from("AbZz0179-_ .@#/:+(=,\\\n\u0663é"), max_size=14)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(simple_patterns(), VALUES, st.data())
@example("[0-9]{2}$", "12\n", None)
@example(r"\d", "\u0663", None)
def test_the_fast_path_gives_the_result_of_re2(pattern: str, value: str, data: st.DataObject | None) -> None:
    compiled = AccountPattern(pattern)
    assert compiled.is_verbatim
    values = [value] if data is None else [value, data.draw(st.from_regex(pattern.lstrip("^").rstrip("$")))]
    for one in values:
        assert compiled.matches(one) == (re2.fullmatch(pattern, one) is not None)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+",
        "a|b",
        "a+b",
        "[0-9]+-[0-9]+",
        "(?i)abc",
        "[[:alpha:]]",
        r"\pL",
        "a.c",
        "[^a]",
        r"\w{2}",
        "é",
        "a??",
        "a{03}",
        "a{3,02}",
        "[0-9]{05}",
    ],
)
def test_all_other_patterns_are_left_to_re2(pattern: str) -> None:
    assert not AccountPattern(pattern).is_verbatim


@pytest.mark.parametrize("pattern", ["[a-z]{999}[a-z]+", "^(a+)+$", "(a|aa)*b", "[a-z]*"])
def test_no_pattern_is_slow(pattern: str) -> None:
    compiled = AccountPattern(pattern)
    begun = time.process_time()
    for _ in range(100):
        compiled.matches("a" * 4000 + "!")
    # Backtracking over the value would take hours. This line does not measure speed.
    assert time.process_time() - begun < 5
