"""The terms of what is made of several things."""

from typing import Any

import pytest

from facesmith.terms import NON_COMMERCIAL, NOT_STATED, SOURCE_TERMS, combine_terms, terms_of

FREE = SOURCE_TERMS["builtin"]


@pytest.mark.parametrize(
    ("terms", "combined"),
    [
        ([FREE, NON_COMMERCIAL], NON_COMMERCIAL),
        ([FREE, "those of its photos"], "those of its photos"),
        (["cc-by-nc-4.0", FREE], "cc-by-nc-4.0"),
        (["those of its photos", "cc-by-sa-4.0"], "cc-by-sa-4.0; those of its photos"),
        (["cc-by-sa-4.0; those of its photos", "those of its photos"], "cc-by-sa-4.0; those of its photos"),
        ([FREE, FREE, ""], FREE),
        ([], NOT_STATED),
    ],
)
def test_the_strictest_terms_apply_to_a_mix(terms: list[str], combined: str) -> None:
    assert combine_terms(terms) == combined
    assert combine_terms(reversed(terms)) == combined


@pytest.mark.parametrize(
    ("card", "terms"),
    [
        ({"terms": "mine", "source": {"kind": "celeba"}}, "mine"),
        ({"source": {"kind": "celeba"}}, NON_COMMERCIAL),  # a dataset of version 0.1
        ({"dataset": {"source": {"kind": "builtin"}}}, FREE),  # a run of version 0.1
        ({"dataset": {"terms": "mine"}}, "mine"),
        ({}, NOT_STATED),
    ],
)
def test_cards_of_every_version_have_terms(card: dict[str, Any], terms: str) -> None:
    assert terms_of(card) == terms
