import numpy as np
import pyarrow as pa
import pytest

from facesmith import FacesmithError
from facesmith.data.dataset import Dataset
from facesmith.data.filters import match_filter
from facesmith.data.held_out import held_out_mask
from facesmith.tasks.makeover.domains import PRESETS, Direction, find_domains, parse_directions

DIRECTION = "No_Beard > Mouth_Slightly_Open"  # both are common in the built-in faces


@pytest.mark.parametrize(
    ("text", "directions"),
    [
        ("mtf", [Direction("mtf", *PRESETS["mtf"])]),
        ("mtf;ftm", [Direction("mtf", *PRESETS["mtf"]), Direction("ftm", *PRESETS["ftm"])]),
        ("Young & ~Bald > ~Young", [Direction("a", "Young & ~Bald", "~Young")]),
        (
            "A > B ; mtm; ~A>~B",
            [Direction("a", "A", "B"), Direction("mtm", *PRESETS["mtm"]), Direction("c", "~A", "~B")],
        ),
        ("older: Young > ~Young", [Direction("older", "Young", "~Young")]),
    ],
)
def test_directions_are_presets_or_pairs_of_expressions(text: str, directions: list[Direction]) -> None:
    assert parse_directions(text) == directions


@pytest.mark.parametrize("text", ["", "mtx", "Young", "Young >", "> Young", "mtf;;ftm", "A > B > C", "a name: A > B"])
def test_invalid_directions_are_refused(text: str) -> None:
    with pytest.raises(FacesmithError, match="invalid direction .*mtf, ftm, mtm, ftf"):
        parse_directions(text)


def test_two_directions_cannot_share_a_name() -> None:
    with pytest.raises(FacesmithError, match="two have the name .mtf."):
        parse_directions("mtf; mtf: Young > ~Young")


def test_the_presets_equal_those_of_deep_makeover() -> None:
    rows = {"Male": [1, 0, 1, 0, 1], "Attractive": [1, 1, 0, 0, 1], "No_Beard": [1, 1, 1, 1, 0]}
    rows |= {name: [0, 0, 0, 0, 0] for name in ("Blurry", "Eyeglasses", "Goatee", "Mustache")}
    table = pa.table({name: np.array(column, bool) for name, column in rows.items()})
    men, women = [0, 2, 4], [1, 3]
    expected = {"mtf": (men, [1]), "ftm": (women, [0]), "mtm": (men, [0, 4]), "ftf": (women, [1])}
    for name, expressions in PRESETS.items():
        rows_by_side = tuple(np.flatnonzero(match_filter(table, expression)).tolist() for expression in expressions)
        assert rows_by_side == expected[name], name
        for attribute in ("Blurry", "Eyeglasses"):
            every = table.set_column(table.column_names.index(attribute), attribute, [np.ones(5, bool)])
            assert not any(match_filter(every, expression).any() for expression in expressions), (
                f"{name} takes no {attribute}"
            )


def test_domains_match_their_expression_and_are_disjoint(builtin_dataset: Dataset) -> None:
    domains = find_domains(builtin_dataset, parse_directions(DIRECTION)[0])
    table, held_out = builtin_dataset.metadata(), held_out_mask(builtin_dataset)
    for expression, training_rows, held_out_rows in (
        ("No_Beard", domains.sources, domains.held_out_sources),
        ("Mouth_Slightly_Open", domains.targets, domains.held_out_targets),
    ):
        assert np.array_equal(training_rows, np.flatnonzero(match_filter(table, expression) & ~held_out))
        assert np.array_equal(held_out_rows, np.flatnonzero(match_filter(table, expression) & held_out))
    assert domains.counts() == {
        "source": len(domains.sources), "target": len(domains.targets),
        "held_out_source": len(domains.held_out_sources), "held_out_target": len(domains.held_out_targets),
    }  # fmt: skip
    assert str(domains).startswith(
        f"a: {len(domains.sources)} source faces ('No_Beard'), {len(domains.targets)} target faces"
    )


def test_a_domain_with_too_few_faces_is_refused(builtin_dataset: Dataset) -> None:
    with pytest.raises(FacesmithError, match="8 faces for training that match .Bald., but a makeover requires 100"):
        find_domains(builtin_dataset, parse_directions("No_Beard > Bald")[0])
    with pytest.raises(FacesmithError, match="'No_Bread' is not an attribute"):
        find_domains(builtin_dataset, parse_directions("No_Bread > Bald")[0])
