"""Match rows of a metadata table: the expressions of ``--where``.

    expression = term { ("|" | "or") term }         term = factor { ("&" | "and") factor }
    factor = ("~" | "!" | "not") factor | "(" expression ")" | test
    test = NAME | NAME ("==" | "!=") VALUE | NAME ["not"] "in" "(" VALUE { "," VALUE } ")"

A NAME is an attribute, ``split``, ``partition`` (the same) or ``identity``; a name with spaces is quoted. A test of an
unknown value (null) is unknown, and a row is selected only if the whole expression is known to be true. So a photo
without a label matches neither ``Smiling`` nor ``~Smiling``.
"""

import re
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from facesmith.arrays import Booleans
from facesmith.data.source import SPLIT_NUMBERS, SPLITS, attribute_names
from facesmith.errors import FacesmithError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

TOKEN = re.compile(
    r"""\s*(?:(?P<mark>==|!=|&&|\|\||[&|~!(),=])|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<word>[\w.+-]+))"""
)
OR, AND, NOT = ("|", "||", "or"), ("&", "&&", "and"), ("~", "!", "not")
BOOLS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "-1": False, "no": False}
MAX_NESTING = 50  # of parentheses


def match_filter(table: "pa.Table", where: str) -> Booleans:
    """Return which rows of a metadata table match ``where``: bool of shape (rows,)."""
    parser = _Parser(table, where)
    return np.asarray(parser.parse().fill_null(False).to_numpy(zero_copy_only=False), bool)


class _Parser:
    """A recursive-descent parser that evaluates while it parses: each method reads one rule and returns its column."""

    def __init__(self, table: "pa.Table", text: str) -> None:
        self.table, self.text = table, text
        self.tokens = self._tokenize()  # (text, is quoted)
        self.at = self.depth = 0

    def parse(self) -> Any:
        column = self._disjunction()
        if self.at < len(self.tokens):
            self._fail(f"{self._peek()!r} is unexpected")
        return column

    def _disjunction(self) -> Any:
        import pyarrow.compute as pc

        column = self._conjunction()
        while self._take(*OR):
            column = pc.or_kleene(column, self._conjunction())
        return column

    def _conjunction(self) -> Any:
        import pyarrow.compute as pc

        column = self._factor()
        while self._take(*AND):
            column = pc.and_kleene(column, self._factor())
        return column

    def _factor(self) -> Any:
        import pyarrow.compute as pc

        self.depth += 1
        if self.depth > MAX_NESTING:
            self._fail("too deeply nested")
        if self._take(*NOT):
            column = pc.invert(self._factor())
        elif self._take("("):
            column = self._disjunction()
            self._expect(")")
        else:
            column = self._test()
        self.depth -= 1
        return column

    def _test(self) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        name = self._next_token("a name")
        column, parse = self._column(name)
        if self._take("==", "="):
            return pc.equal(column, parse(self._next_token("a value")))
        if self._take("!="):
            return pc.not_equal(column, parse(self._next_token("a value")))
        negated = self._peek().lower() == "not" and self._take("not")
        if negated or self._peek().lower() == "in":
            self._expect("in")
            is_in = pc.is_in(column, value_set=pa.array(self._values(parse), column.type))
            is_in = pc.if_else(pc.is_valid(column), is_in, None)
            return pc.invert(is_in) if negated else is_in
        if not pa.types.is_boolean(column.type):
            self._fail(
                f"{name} requires a value, for example {name} == {'train' if pa.types.is_string(column.type) else 2880}"
            )
        return column

    def _values(self, parse: Any) -> list[Any]:
        self._expect("(")
        values = [parse(self._next_token("a value"))]
        while self._take(","):
            values.append(parse(self._next_token("a value")))
        self._expect(")")
        return values

    def _column(self, name: str) -> tuple[Any, Any]:
        """Return the column with this name, and the function that parses its values."""
        if name in attribute_names(self.table):
            return self.table[name], self._parse_bool
        if name in ("split", "partition"):
            if self.table["split"].null_count == len(self.table):
                self._fail("the source has no splits")
            return self.table["split"], self._parse_split
        if name == "identity" and "identity" in self.table.column_names:
            return self.table["identity"], self._parse_number
        column_names = [*attribute_names(self.table), "split", *({"identity"} & set(self.table.column_names))]
        raise FacesmithError(f"{name!r} is not an attribute of this source: {did_you_mean(name, column_names)}")

    def _parse_bool(self, value: str) -> bool:
        if value.lower() not in BOOLS:
            self._fail(f"{value!r} is neither true nor false")
        return BOOLS[value.lower()]

    def _parse_split(self, value: str) -> str:
        if value.lower() not in SPLIT_NUMBERS:
            self._fail(f"{value!r} is not a split (train, valid or test, or 0, 1 or 2)")
        return SPLITS[SPLIT_NUMBERS[value.lower()]]

    def _parse_number(self, value: str) -> int:
        if not re.fullmatch(r"-?\d{1,18}", value):
            self._fail(f"{value!r} is not a whole number")
        return int(value)

    def _tokenize(self) -> list[tuple[str, bool]]:
        tokens, at, text = [], 0, self.text.rstrip()
        while at < len(text):
            match = TOKEN.match(text, at)
            if match is None:
                self._fail(f"{text[at:].strip()[:1]!r} is not a valid character")
            quoted = match["double"] if match["double"] is not None else match["single"]
            mark = match["mark"]
            tokens.append((mark or quoted or match["word"] or "", mark is None and (quoted is not None)))
            at = match.end()
        if not tokens:
            self._fail("empty expression")
        return tokens

    def _peek(self) -> str:
        text, quoted = self.tokens[self.at] if self.at < len(self.tokens) else ("", False)
        return "" if quoted else text  # a quoted word is never a keyword or an operator

    def _take(self, *marks: str) -> bool:
        taken = self.at < len(self.tokens) and self._peek().lower() in marks
        self.at += taken
        return taken

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            self._fail(f"{mark!r} is missing")

    def _next_token(self, description: str) -> str:
        if self.at >= len(self.tokens):
            self._fail(f"{description} is missing at the end")
        text, quoted = self.tokens[self.at]
        if not quoted and (not re.fullmatch(r"[\w.+-]+", text) or text.lower() in ("and", "or", "not", "in")):
            self._fail(f"{description} is missing before {text!r}")
        self.at += 1
        return text

    def _fail(self, reason: str) -> NoReturn:
        raise FacesmithError(
            f"invalid expression {self.text!r} ({reason}): expected, for example, 'Male & ~Eyeglasses' or 'split == "
            "train'"
        )
