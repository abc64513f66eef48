"""Label tables as other programs write them: what is meant is read, and what is not used is named."""

import codecs
import json

import pytest

from facesmith.data.labels.label_files import read_labels
from facesmith.data.source import Labels
from facesmith.errors import FacesmithError

FILES = ["1.jpg", "2.jpg"]
ONE_TRUE = {"Male": [True, False]}


def read(table: str | bytes, files: list[str] = FILES) -> Labels:
    return read_labels([("", "t.csv", table if isinstance(table, bytes) else table.encode())], files, required=True)


def values(labels: Labels) -> dict[str, list[bool | None]]:
    return {name: column.to_pylist() for name, column in labels.attributes.items()}


def notes(labels: Labels) -> list[tuple[int, list[str]]]:
    return [(note.count, note.examples) for note in labels.notes]


@pytest.mark.parametrize(
    "table",
    [
        "file,Male\n1.jpg,1\n2.jpg,0\n",
        "file;Male\n1.jpg;1,0\n2.jpg;0,0\n",
        'file\t"Male"\r\n"1.jpg"\t"1"\r\n"2.jpg"\t"0"\r\n',
        "file|Male\r1.jpg|yes\r2.jpg|no\r",
        "sep=;\nfile;Male\n1.jpg;on\n2.jpg;off\n",
        "'file', 'Male'\n'1.jpg', '1'\n'2.jpg', '0'\n",
        "file,Male,\n1.jpg,+1,\n2.jpg,\u22121,\n",
        codecs.BOM_UTF16_LE + "file\tMale\n1.jpg\t1\n2.jpg\t0\n".encode("utf-16-le"),
        "file\tMale\n1.jpg\t1\n2.jpg\t0\n".encode("utf-16-be"),
        "file,Male\n1.jpg,1\n2.jpg,0\n".encode("utf-32"),
        ",file,Male\n0,1.jpg,1.0\n1,2.jpg,-1.0\n",
        "Unnamed: 0.1,Unnamed: 0,file,Male\n0,0,1.jpg,1.00e+00\n1,1,2.jpg,0.00e+00\n",
        "file Male\n1.jpg 1\n2.jpg 0\n",
        "2\nMale\n1.jpg  1\n2.jpg -1\n",
        '{"file_name": "1.jpg", "Male": true}\n{"file_name": "2.jpg", "Male": false}\n',
        '{"1.jpg": {"Male": 1}, "2.jpg": {"Male": 0}}',
        '{"file": {"0": "1.jpg", "1": "2.jpg"}, "Male": {"0": 1, "1": 0}}',
        '{"file": ["1.jpg", "2.jpg"], "Male": [true, false]}',
        '{"faces": [{"file": "1.jpg", "Male": 1}, {"file": "2.jpg", "Male": 0}]}',
        '[{"file": "1.jpg", "attributes": {"Male": 1}}, {"file": "2.jpg", "attributes": {"Male": 0}}]',
        "# labels of 2024\n# version 2\nfile,Male\n1.jpg,1\n2.jpg,0\n",
        "# file,Male\n1.jpg,1\n2.jpg,0\n",
        "Labels of 2024,,\n\nfile,Male\n1.jpg,1\n2.jpg,0\n",
        "file;Male\n1.jpg;WAHR\n2.jpg;FALSCH\n",
    ],
)
def test_tables_of_many_programs_are_read(table: str | bytes) -> None:
    labels = read(table)
    assert values(labels) == ONE_TRUE
    assert notes(labels) == []


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("mäd.jpg", "ma\u0308d.jpg".encode()),
        ("mäd.jpg", "mäd.jpg".encode("cp1252")),
        ("m\udce4d.jpg", "mäd.jpg".encode()),
        ("\udcff人.jpg", b"\xff" + "人.jpg".encode()),
        ("000001.png", b"img_align/000001.JPG"),
        ("000001.jpg", b"1"),
        ("my photo.jpg", b"my%20photo.jpg"),
        ("a/1.jpg", b"C:\\photos\\a\\1.jpg"),
        ("a/1.jpg", b"https://faces.org/a/1.jpg?size=big#top"),
    ],
)
def test_file_names_may_be_spelled_in_many_ways(file: str, name: bytes) -> None:
    assert values(read(b"file,Male\n" + name + b",1\n", [file])) == {"Male": [True]}


def test_a_guessed_encoding_is_reported() -> None:
    labels = read("file,男\n1.jpg,1\n2.jpg,0\n".encode("gbk"))
    assert list(values(labels).values()) == [[True, False]]
    assert notes(labels) == [(1, ["file,ÄÐ"])]


def test_people_are_numbered_by_their_names() -> None:
    labels = read("file,identity\n1.jpg,bob\n2.jpg,anna\n3.jpg,bob\n", [*FILES, "3.jpg"])
    assert labels.identity is not None
    assert labels.identity.to_pylist() == [1, 0, 1]
    assert notes(labels) == [(2, ["anna", "bob"])]


def test_a_name_is_used_where_it_is_exact_and_unique() -> None:
    files = ["1.jpg", "a/1.jpg", "b/1.jpg", "a/2.jpg", "b/2.jpg"]
    labels = read("file,Male\nb/1.jpg,1\n1.jpg,0\n2.jpg,1\n", files)
    assert values(labels) == {"Male": [False, None, True, None, None]}
    assert notes(labels) == [(1, ["2.jpg"]), (3, ["a/1.jpg", "a/2.jpg", "b/2.jpg"])]


def test_contradicting_rows_leave_the_value_unknown() -> None:
    labels = read("file,Male,Young\n1.jpg,1,yes\n1.jpg,0,1\n2.jpg,0,\n2.jpg,0.0,1\n")
    assert values(labels) == {"Male": [None, False], "Young": [True, True]}
    assert notes(labels) == [(1, ["1.jpg (Male)"])]


def test_odd_cells_and_unused_columns_are_reported() -> None:
    files = [f"{row}.jpg" for row in range(4)]
    labels = read("file,Male,age,sign\n0.jpg,1,20,-1\n1.jpg,O,21,0\n2.jpg,0,22,1\n3.jpg,1,23,1\n", files)
    assert values(labels) == {"Male": [True, None, False, True]}
    assert notes(labels) == [(1, ["'O'"]), (2, ["age (4 cells like '20')", "sign (-1, 0 and 1)"])]
    assert labels.ignored_columns == ["age", "sign"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,Male\nx.jpg,1\n", "matches none of the images: its column 'file' contains 'x.jpg'"),
        ("file,Male\n3.jpg,1\n", "names that match several images, such as '3.jpg'"),
        ("1.jpg,1\n2.jpg,0\n", "has no header line"),
        ("1.jpg 1\n2.jpg 0\n", "has no header line"),
        ("1,1,0\n2,0,1\n", "has no header line"),
        ("person,1,0\nother,0,1\n", "has no header line"),
        ("file,笑顔\n1.jpg,1\n".encode("shift-jis"), "neither UTF-8 nor Windows-1252"),
        ('{"images": [{"id": 1}], "annotations": []}', "not a complete COCO file"),
        (b"PK\3\4", "save the table as CSV"),
        (b"\0\1\2\xff" * 9, "has no rows"),
        (b"PAR1" * 9, "cannot be read as a label table"),
        ("[1, 2]", "neither objects nor pairs"),
        ('{\n"labels": [\n["1.jpg", 1],\n]}', "line 4"),
        ('{"file": "1.jpg", "Male": 1}\n{"file": "2.jpg", "Male"}\n', "delimiter"),
    ],
)
def test_a_table_whose_labels_would_be_lost_is_refused(table: str | bytes, message: str) -> None:
    with pytest.raises(FacesmithError, match=message):
        read(table, [*FILES, "a/3.jpg", "b/3.jpg"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (json.dumps({"labels": [["1.jpg", 3], ["2.jpg", 5]]}), {"label_3": [True, False], "label_5": [False, True]}),
        (
            json.dumps({"labels": {"1.jpg": [1, 0], "2.jpg": [1, 1]}}),
            {"label_0": [True, True], "label_1": [False, True]},
        ),
        ("file,label\n1.jpg,Happy\n2.jpg,Sad\n", {"Happy": [True, False], "Sad": [False, True]}),
        ("file,sex\n1.jpg,M\n2.jpg,F\n", {"sex_M": [True, False], "sex_F": [False, True]}),
        ("file,gender\n1.jpg,1\n2.jpg,0\n", {"gender": [True, False]}),
        (
            json.dumps(
                {
                    "images": [{"id": 7, "file_name": "1.jpg"}, {"id": 8, "file_name": "2.jpg"}],
                    "annotations": [{"image_id": 7, "category_id": 3}],
                    "categories": [{"id": 3, "name": "Happy"}],
                }
            ),
            {"Happy": [True, False]},
        ),
        (
            "file,seed,index,truncation,model,digest,Male,Bald\n1.jpg,7,0,1.0,m,d,0.9,0.1\n2.jpg,7,1,1.0,m,d,0.2,1.0\n",
            {"Male": [True, False], "Bald": [False, True]},
        ),
        (
            '{"file":"1.jpg","seed":0,"latent_index":0,"truncation":1.0,"model":"d","with":["Male","~Bald"]}',
            {"Male": [True, None], "Bald": [False, None]},
        ),
    ],
    ids=[
        "StyleGAN's classes",
        "StyleGAN's vectors",
        "class names",
        "letters",
        "numbers",
        "COCO",
        "the studio's manifest",
        "generate's manifest",
    ],
)
def test_classes_and_manifests_become_attributes(text: str, expected: dict[str, list[bool | None]]) -> None:
    assert values(read(text)) == expected
