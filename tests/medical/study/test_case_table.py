"""A table says which files are a case, whose it is, and by what the report parts its tables."""

from pathlib import Path

import pytest

from medical.study.case_table import CaseTable, read_table
from tests.medical.study.studies import write_pictures


def table(folder: Path, text: str) -> CaseTable:
    """Writes and reads a table."""
    file = folder / "cases.csv"
    file.write_text(text, encoding="utf-8")
    return read_table(file)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("comma", [",", ";"])
def test_commas_semicolons_and_marks_of_spreadsheets_are_read(
    comma: str, mark: str, tmp_path: Path
) -> None:
    text = mark + "Case,Patient,Site\n a , 7,north\n\nb,8,south\n".replace(",", comma)

    found = table(tmp_path, text)

    assert found.columns == ("case", "patient", "site")
    assert dict(found.rows["a"]) == {"case": "a", "patient": "7", "site": "north"}
    assert [*found.rows] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "one of them `case`"),
        ("name,patient\na,1\n", "one of them `case`"),
        ("case,site,site\na,1,2\n", "different columns"),
        ("case,site\na,1,2\n", "3 of 2"),
        ("case,site\na,1\na,2\n", "named twice"),
    ],
)
def test_a_damaged_table_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        table(tmp_path, text)


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_bytes("case,site\na,Köln\n".encode("latin-1"))

    with pytest.raises(ValueError, match="UTF-8"):
        read_table(tmp_path / "cases.csv")


def test_files_of_the_table_are_the_cases(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a", "b")
    text = "case,image,mask\nx,images/a.png,masks/a.png\ny,images/a.png; images/b.png,masks/b.png\n"

    pairs = table(tmp_path, text).pairs(tmp_path)

    assert pairs is not None
    assert [(pair.name, len(pair.images), pair.mask.name) for pair in pairs] == [
        ("x", 1, "a.png"),
        ("y", 2, "b.png"),
    ]
    assert table(tmp_path, "case,site\na,1\n").pairs(tmp_path) is None


@pytest.mark.parametrize(
    "row", ["x,images/no.png,masks/a.png", "x,images/a.png,", "x,,masks/a.png"]
)
def test_missing_files_are_named(row: str, tmp_path: Path) -> None:
    write_pictures(tmp_path, "a")

    with pytest.raises(ValueError, match=r"x: no (file .*no\.png|mask|image)"):
        table(tmp_path, f"case,image,mask\n{row}\n").pairs(tmp_path)


def test_files_outside_of_the_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="leads out"):
        table(tmp_path, "case,image,mask\nx,../a.png,masks/a.png\n").pairs(tmp_path)


def test_rows_find_their_cases_by_the_whole_name_or_its_end(tmp_path: Path) -> None:
    found = table(tmp_path, "case,site\ntrain/a,1\nb,2\n").matched(
        ["train/a", "val/a", "val/b", "c"]
    )

    assert {name: row["site"] for name, row in found.items()} == {"train/a": "1", "val/b": "2"}


@pytest.mark.parametrize("row", ["a,1", "nobody,1"])
def test_rows_that_fit_several_cases_or_none_are_refused(row: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"(a: 2|nobody: 0) cases"):
        table(tmp_path, f"case,site\n{row}\n").matched(["train/a", "val/a"])


def test_strata_have_few_values_and_name_nobody(tmp_path: Path) -> None:
    rows = "\n".join(f"c{k},p{k},north,Smith,200{k % 2}-01-01,{k}" for k in range(20))
    text = f"case,patient,site,surname,birthday,measured\n{rows}\n"

    groups, left_out = table(tmp_path, text).strata()

    assert groups == ("site",)
    assert left_out == ("surname", "birthday", "measured")
