"""The table survives its files, and knows which of its cases are the worst."""

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medical.scores.rows import Row
from medical.scores.summary import Unit
from medical.scores.table import CaseTable
from tests.medical.scores.pairs import five_table
from tests.medical.scores.random_rows import rows


def same(one: CaseTable, other: CaseTable) -> bool:
    """Whether two tables are equal, NaN equal to NaN."""
    return one.to_dict() == other.to_dict()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    st.lists(rows, max_size=4),
    st.sampled_from(["mm", "px"]),
    st.floats(0.01, 100),
    st.dictionaries(st.text(min_size=1), st.text(), max_size=2),
)
def test_a_table_survives_csv_and_json(
    tmp_path: Path, found: list[Row], unit: Unit, tolerance: float, strata: dict[str, str]
) -> None:
    table = CaseTable(tuple(replace(row, strata=strata) for row in found), unit, tolerance)

    table.to_csv(tmp_path / "cases.csv")
    table.to_json(tmp_path / "cases.json")

    assert same(CaseTable.from_csv(tmp_path / "cases.csv"), table)
    assert same(CaseTable.from_json(tmp_path / "cases.json"), table)


def test_the_header_tells_units(tmp_path: Path) -> None:
    five_table().to_csv(tmp_path / "cases.csv")

    with (tmp_path / "cases.csv").open(encoding="utf-8", newline="") as file:
        header, first, *_ = csv.reader(file)

    assert {"hd95_px", "surface_dice_1.0_px", "reference_volume_px", "stratum:site"} <= {*header}
    assert dict(zip(header, first, strict=True))["stratum:site"] == "north"
    table = replace(five_table(), unit="mm", tolerance=2.5)
    table.to_csv(tmp_path / "mm.csv")
    assert "hd95_mm,surface_dice_2.5_mm,reference_volume_mm3" in (tmp_path / "mm.csv").read_text()


def test_it_lists_what_it_has() -> None:
    table = five_table()

    assert table.class_names == ("lesion",)
    assert table.aliases == ("P001-0", "P001-1", "P002-2", "P003-3", "P003-4")
    assert table.strata == ("site",)
    assert [*table.by_stratum("site")] == ["north", "south"]
    assert table.by_stratum("site")["south"].aliases == ("P003-3", "P003-4")
    assert [*table.by_stratum("scanner")] == [""]
    assert len(table.select(lambda row: row.fold == 0).rows) == 3


def test_the_dice_of_a_case_is_that_of_what_is_there_or_predicted() -> None:
    table = five_table()
    second = tuple(replace(row, class_name="vessel") for row in table.rows[1:])
    found = replace(table, rows=table.rows + second).case_dice()

    assert [round(dice, 3) for dice in found.values()][:3] == [0.979, 0.562, 0]
    assert math.isnan(found["P003-3"])
    assert found["P003-4"] == 0
    mixed = replace(table, rows=(table.rows[0], replace(table.rows[2], alias="P001-0")))
    assert mixed.case_dice()["P001-0"] == pytest.approx(0.979 / 2, abs=1e-3)


def test_volumes_are_those_of_each_case_and_class() -> None:
    table = five_table()
    more = replace(table.rows[0], class_name="vessel")

    volumes = replace(table, rows=(*table.rows, more)).volumes()

    assert volumes.shape == (5, 2, 3)
    assert volumes[0, 0].tolist() == pytest.approx([46 * 48, 48 * 48, 46 * 48])
    assert volumes[0, 1].tolist() == volumes[0, 0].tolist()
    assert not volumes[1:, 1].any()


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "not json", "[]", '{"unit": "km"}'])
def test_another_file_is_refused_by_its_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "other.file"
    path.write_text(text, encoding="utf-8")

    for read in (CaseTable.from_csv, CaseTable.from_json):
        with pytest.raises(ValueError, match=r"other\.file: no table of cases"):
            read(path)
        with pytest.raises(ValueError, match=r"absent: no table of cases"):
            read(tmp_path / "absent")


def test_a_line_that_lacks_cells_is_refused(tmp_path: Path) -> None:
    five_table().to_csv(tmp_path / "cases.csv")
    text = (tmp_path / "cases.csv").read_text(encoding="utf-8")
    (tmp_path / "cases.csv").write_text(text.rstrip()[:-20], encoding="utf-8")

    with pytest.raises(ValueError, match="no table of cases"):
        CaseTable.from_csv(tmp_path / "cases.csv")


def test_json_has_no_nan(tmp_path: Path) -> None:
    five_table().to_json(tmp_path / "cases.json")
    saved = json.loads((tmp_path / "cases.json").read_text(encoding="utf-8"))

    assert saved["rows"][3]["dice"] is None
    assert "NaN" not in (tmp_path / "cases.json").read_text(encoding="utf-8")
