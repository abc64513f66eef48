"""Which rows of a table to import: the little language of ``--where``, and a seeded choice of some rows.

    expression = term { ("|" | "or") term }         term = factor { ("&" | "and") factor }
    factor = ("~" | "!" | "not") factor | "(" expression ")" | test
    test = NAME | NAME ("==" | "!=") VALUE | NAME ["not"] "in" "(" VALUE { "," VALUE } ")"

A NAME is an attribute (true where the picture has it), ``split``, ``partition`` (the same) or ``identity``; a name with
spaces is put in quotes. Whatever is unknown (null) makes a test unknown, and a row is taken only where the whole
expression is known to be true, so a picture without a label matches neither ``Smiling`` nor ``~Smiling``.
"""

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from facesmith.data.source import SPLITS, attribute_names
from facesmith.errors import FacesmithError

if TYPE_CHECKING:
    import pyarrow as pa

TOKEN = re.compile(
    r"""\s*(?:(?P<mark>==|!=|&&|\|\||[&|~!(),=])|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<word>[\w.+-]+))"""
)
OR, AND, NOT = ("|", "||", "or"), ("&", "&&", "and"), ("~", "!", "not")
SPLIT_VALUES = {"train": 0, "0": 0, "valid": 1, "val": 1, "validation": 1, "1": 1, "test": 2, "2": 2}
TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "-1": False, "no": False}
DEEPEST = 50  # of brackets in brackets


def choose(table: "pa.Table", where: str | None, limit: int | None, seed: int) -> np.ndarray:
    """The ascending row numbers, int64 of shape (N,), that ``where`` matches, or a random ``limit`` of them.

    The same table, ``where``, ``limit`` and ``seed`` give the same rows. Raises `FacesmithError` for a wrong expression
    and where no row is left.
    """
    rows = np.arange(len(table)) if where is None else np.flatnonzero(matches(table, where))
    if where is not None and not len(rows):
        raise FacesmithError(f"no picture matches {where!r}, of {len(table):,}: loosen the expression")
    if limit is None:
        return rows
    if limit < 1:
        raise FacesmithError(f"limit {limit} leaves no picture: give 1 or more")
    if limit >= len(rows):
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, limit, replace=False))


def matches(table: "pa.Table", where: str) -> np.ndarray:
    """Evaluate ``where`` over the rows of a metadata table: bool of shape (rows,)."""
    parser = _Parser(table, where)
    return np.asarray(parser.whole().fill_null(False).to_numpy(zero_copy_only=False), bool)


class _Parser:
    """A recursive-descent parser that evaluates as it goes: each method reads one rule and returns its bool column."""

    def __init__(self, table: "pa.Table", text: str) -> None:
        self.table, self.text = table, text
        self.tokens = self._tokens()  # (text, is a name or value)
        self.at = self.depth = 0

    def whole(self) -> Any:
        column = self._either()
        if self.at < len(self.tokens):
            self._wrong(f"{self._peek()!r} was not expected")
        return column

    def _either(self) -> Any:
        import pyarrow.compute as pc

        column = self._both()
        while self._take(*OR):
            column = pc.or_kleene(column, self._both())
        return column

    def _both(self) -> Any:
        import pyarrow.compute as pc

        column = self._factor()
        while self._take(*AND):
            column = pc.and_kleene(column, self._factor())
        return column

    def _factor(self) -> Any:
        import pyarrow.compute as pc

        self.depth += 1
        if self.depth > DEEPEST:
            self._wrong("it is nested too deeply")
        if self._take(*NOT):
            column = pc.invert(self._factor())
        elif self._take("("):
            column = self._either()
            self._expect(")")
        else:
            column = self._test()
        self.depth -= 1
        return column

    def _test(self) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        name = self._word("a name")
        column, read = self._column(name)
        if self._take("==", "="):
            return pc.equal(column, read(self._word("a value")))
        if self._take("!="):
            return pc.not_equal(column, read(self._word("a value")))
        negated = self._peek().lower() == "not" and self._take("not")
        if negated or self._peek().lower() == "in":
            self._expect("in")
            inside = pc.is_in(column, value_set=pa.array(self._values(read), column.type))
            inside = pc.if_else(pc.is_valid(column), inside, None)  # unknown is neither in nor out
            return pc.invert(inside) if negated else inside
        if not pa.types.is_boolean(column.type):
            self._wrong(f"{name} needs a value, like {name} == {'train' if pa.types.is_string(column.type) else 2880}")
        return column

    def _values(self, read: Any) -> list[Any]:
        self._expect("(")
        values = [read(self._word("a value"))]
        while self._take(","):
            values.append(read(self._word("a value")))
        self._expect(")")
        return values

    def _column(self, name: str) -> tuple[Any, Any]:
        """The column a name stands for, and how its values are written."""
        if name in attribute_names(self.table):
            return self.table[name], self._truth
        if name in ("split", "partition"):
            if self.table["split"].null_count == len(self.table):
                self._wrong("this source says nothing about train, valid and test")
            return self.table["split"], self._split
        if name == "identity" and "identity" in self.table.column_names:
            return self.table["identity"], self._number
        known = [*attribute_names(self.table), "split", *({"identity"} & set(self.table.column_names))]
        folded = {one.casefold(): one for one in known}
        near = [folded[one] for one in get_close_matches(name.casefold(), folded, 3, 0.5)]
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(known[:45])}"
        raise FacesmithError(f"{name!r} in where is no attribute of this source: {hint}")

    def _truth(self, value: str) -> bool:
        if value.lower() not in TRUTHS:
            self._wrong(f"{value!r} is not true or false")
        return TRUTHS[value.lower()]

    def _split(self, value: str) -> str:
        if value.lower() not in SPLIT_VALUES:
            self._wrong(f"{value!r} is not a split: write train, valid, test, or 0, 1, 2")
        return SPLITS[SPLIT_VALUES[value.lower()]]

    def _number(self, value: str) -> int:
        if not re.fullmatch(r"-?\d{1,18}", value):
            self._wrong(f"{value!r} is not a whole number")
        return int(value)

    def _tokens(self) -> list[tuple[str, bool]]:
        tokens, at, text = [], 0, self.text.rstrip()
        while at < len(text):
            found = TOKEN.match(text, at)
            if found is None:
                self._wrong(f"{text[at:].strip()[:1]!r} means nothing here")
            quoted = found["double"] if found["double"] is not None else found["single"]
            mark = found["mark"]
            tokens.append((mark or quoted or found["word"] or "", mark is None and (quoted is not None)))
            at = found.end()
        if not tokens:
            self._wrong("it is empty")
        return tokens

    def _peek(self) -> str:
        text, quoted = self.tokens[self.at] if self.at < len(self.tokens) else ("", False)
        return "" if quoted else text  # a quoted word is never a keyword or a mark

    def _take(self, *marks: str) -> bool:
        taken = self.at < len(self.tokens) and self._peek().lower() in marks
        self.at += taken
        return taken

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            self._wrong(f"{mark!r} is missing")

    def _word(self, what: str) -> str:
        if self.at >= len(self.tokens):
            self._wrong(f"{what} is missing at its end")
        text, quoted = self.tokens[self.at]
        if not quoted and (not re.fullmatch(r"[\w.+-]+", text) or text.lower() in ("and", "or", "not", "in")):
            self._wrong(f"{what} is missing before {text!r}")
        self.at += 1
        return text

    def _wrong(self, why: str) -> NoReturn:
        raise FacesmithError(
            f"where {self.text!r} cannot be read, {why}: write it like 'Male & ~Eyeglasses' or 'split == train'"
        )
