"""Terms of use: those of each source of photos, and those of what is made of several things."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

NON_COMMERCIAL = "non-commercial research only"
NOT_STATED = "not stated"
SOURCE_TERMS = {  # of photos, by the kind of their source
    "celeba": NON_COMMERCIAL,
    "builtin": "any use, with credit to the artist",
    "folder": "those of its photos",
    "hub": "those of its dataset on the hub",
}
_HUB_LICENCES = re.compile(r"cc0-1\.0|cc-by[a-z-]*-\d\.\d|mit|apache-2\.0|odbl", re.IGNORECASE)
_RESTRICTED = re.compile(r"non-?commercial|research[ -]only|\bnc\b", re.IGNORECASE)
_FREE = re.compile(r"^(any use\b|public domain|cc0\b|mit$|apache-2\.0$|bsd\b)", re.IGNORECASE)


def combine_terms(terms: Iterable[str]) -> str:
    """Return the terms of what is made of things with these terms: the strictest, and several of them if they differ.

    Terms that exclude commercial use are the strictest, and those that allow any use the least strict.
    """
    distinct = sorted({part for each in terms for part in each.split("; ") if part})
    strictest = max(map(_strictness, distinct), default=0)
    return "; ".join(each for each in distinct if _strictness(each) == strictest) or NOT_STATED


def terms_of(card: Mapping[str, Any]) -> str:
    """Return the terms by the card of a dataset, a run or a model.

    Version 0.1 wrote none for datasets and runs: they have those of their kind of source.
    """
    if "terms" not in card and "dataset" in card:
        return terms_of(card["dataset"])
    kind = str((card.get("source") or {}).get("kind"))
    return str(card.get("terms") or SOURCE_TERMS.get(kind, NOT_STATED))


def licence_fields(terms: str) -> dict[str, str]:
    """Return the licence of a card of the Hugging Face hub, which has no identifier for the terms of face photos."""
    if _HUB_LICENCES.fullmatch(terms):
        return {"license": terms.lower()}
    name = re.sub(r"[^a-z0-9]+", "-", terms.lower()).strip("-")[:96].strip("-")
    return {"license": "other", "license_name": name or "not-stated", "license_link": "README.md"}


def _strictness(terms: str) -> int:
    return 2 if _RESTRICTED.search(terms) else 0 if _FREE.match(terms) else 1
