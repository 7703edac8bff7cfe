"""Tests of the competition's files: valid ones are read, and every error in others is reported."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_repro.errors import InputError
from kaggle_house.data import HUB_NAMES, KAGGLE_NAMES, Tables, load_tables
from kaggle_house.features import book_features, engineered_features, extended_features
from kaggle_house.generated import generated_tables
from kaggle_house.oddities import find_oddities
from kaggle_house.reading import foreign_header, read_table
from kaggle_house.schema import CATEGORY, COLUMNS, FEATURES, NUMERIC, ORDINAL, TEXT

TRAIN, TEST = generated_tables()
SMALL = TRAIN.head(12)
# Nothing is odd about these.
PLAUSIBLE = SMALL.assign(
    **{name: SMALL[[name, "YrSold"]].min(axis=1) for name in ("YearBuilt", "YearRemodAdd", "GarageYrBlt")}
)


def write(frame, path, **options):
    frame.to_csv(path, index=False, na_rep="NA", **options)
    return path


@pytest.fixture
def lines(tmp_path):
    """Return a function that writes rows, lists of fields, to a file; its `rows` make a valid file."""
    write(SMALL, tmp_path / "train.csv")
    rows = [line.split(",") for line in (tmp_path / "train.csv").read_text().splitlines()]

    def write_rows(rows, end="\n"):
        (tmp_path / "train.csv").write_text("".join(",".join(row) + end for row in rows))
        return tmp_path / "train.csv"

    write_rows.rows = rows
    return write_rows


def test_schema_has_every_column_once():
    assert len(COLUMNS) == len(set(COLUMNS)) == 81
    assert len(FEATURES) == 79
    assert sorted(NUMERIC) + sorted([*ORDINAL, *CATEGORY]) == sorted(NUMERIC) + sorted(TEXT)
    assert not set(ORDINAL) & set(CATEGORY)


def test_read_table_returns_what_was_written(tmp_path):
    read = read_table(write(SMALL, tmp_path / "a.csv"), has_price=True)
    pd.testing.assert_frame_equal(read, SMALL.reset_index(drop=True), check_dtype=False)


@pytest.mark.parametrize("change", ["reordered", "bom", "crlf", "blank lines", "spaces", "quoted"])
def test_read_table_ignores_harmless_differences(tmp_path, change):
    path = tmp_path / "a.csv"
    if change == "reordered":
        write(SMALL[COLUMNS[::-1]], path)
    else:
        text = write(SMALL, path, quoting=1 if change == "quoted" else 0).read_text()
        text = {
            "bom": "\ufeff" + text,
            "crlf": text.replace("\n", "\r\n"),
            "blank lines": text.replace("\n", "\n\n"),
            "spaces": text.replace(",", " , "),
            "quoted": text,
        }[change]
        path.write_bytes(text.encode())
    pd.testing.assert_frame_equal(
        read_table(path, has_price=True), SMALL.reset_index(drop=True), check_dtype=False
    )


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (
            "LotArea",
            "big",
            "line 4, column LotArea: 'big' is not a number",
        ),  # would turn the column into 2,283 categories
        ("LotArea", "1_000", "'1_000' is not a number"),
        ("GrLivArea", "inf", "column GrLivArea: must be at least 0 and at most 1,000,000,000, not inf"),
        ("GrLivArea", "1e999", "column GrLivArea: must be at least 0 and at most 1,000,000,000, not 1e999"),
        ("GrLivArea", "-5", "column GrLivArea: must be at least 0 and at most 1,000,000,000, not -5"),
        ("GrLivArea", "nan", "column GrLivArea: must be at least 0 and at most 1,000,000,000, not nan"),
        (
            "LotArea",
            "1e200",
            "line 4, column LotArea: must be at least 0 and at most 1,000,000,000, not 1e200",
        ),
        ("LotArea", "1000000001", "at most 1,000,000,000, not 1000000001"),
        ("SalePrice", "NA", "column SalePrice: value is missing"),
        ("SalePrice", "0", "column SalePrice: must be finite and above 0, not 0"),
        ("Id", "", "column Id: value is missing"),
        ("Id", "1", "line 4, column Id: 1 already occurs in line 2"),
        ("Id", "2.5", "column Id: must be a whole number below 9,007,199,254,740,992, not 2.5"),
        ("Id", "9223372036854775296", "column Id: must be a whole number below"),
        ("Id", "9007199254740993", "column Id: must be a whole number below"),
        (
            "Id",
            "9007199254740990.9",
            "must be a whole number below 9,007,199,254,740,992, not 9007199254740990.9",
        ),
        ("Id", "-3", "column Id: must be a whole number below"),
        ("Alley", "N/A", "line 4, column Alley: 'N/A' is not a level; if it is missing, write NA"),
        ("MSZoning", "nan", "column MSZoning: 'nan' is not a level"),
        ("GarageType", "None", "column GarageType: 'None' is not a level"),
        ("Neighborhood", "=1+1", "column Neighborhood: '=1+1' is a formula; write its value"),
        ("LotArea", "=1+1", "column LotArea: '=1+1' is not a number"),
        ("LotArea", '"8,450"', "'8,450' is not a number; write it without spaces or commas, such as 1234.5"),
        ("LotArea", '"8450,5"', "'8450,5' is not a number; write it without spaces or commas"),
        ("LotArea", "8\xa0450", "is not a number; write it without spaces or commas"),
        ("LotArea", "N/A", "column LotArea: 'N/A' is not a number"),
        ("LotArea", "9" * 300 + "x", "column LotArea: '" + "9" * 40 + "...' is not a number"),
        (
            "KitchenQual",
            "Good",
            "unknown level 'Good'; choose from Po, Fa, TA, Gd, Ex, NA",
        ),
    ],
)
def test_read_table_reports_file_line_and_column_of_an_invalid_cell(lines, column, value, message):
    rows = lines.rows
    rows[3][rows[0].index(column)] = value
    with pytest.raises(InputError, match=r"train\.csv: ") as caught:
        read_table(lines(rows), has_price=True)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_read_table_reports_invalid_columns(lines):
    rows = lines.rows
    at = rows[0].index("LotArea")
    without = [row[:at] + row[at + 1 :] for row in rows]
    with pytest.raises(InputError, match="missing column 'LotArea'"):
        read_table(lines(without), has_price=True)
    with pytest.raises(InputError, match=r"unknown column 'Mine'"):
        read_table(lines([[*rows[0], "Mine"], *([*row, "1"] for row in rows[1:])]), has_price=True)
    with pytest.raises(InputError, match="duplicate column 'LotArea'"):
        read_table(lines([[*row, row[at]] for row in rows]), has_price=True)
    with pytest.raises(InputError, match="is it the training file"):
        read_table(lines(rows), has_price=False)
    with pytest.raises(InputError, match="missing column 'SalePrice'"):
        read_table(lines([row[:-1] for row in rows]), has_price=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"Id,SalePrice\n", "contains a header but no rows"),
        (b"\xff\xfe\x00", "is UTF-16 text"),
        (
            "Id,SalePrice\n1,2\n".encode("utf-16"),
            r"is UTF-16 text \(line 1, byte 0\); in a spreadsheet, save it as CSV UTF-8 \(in Excel: File",
        ),
        (
            "Id,SalePrice\n1,2\n".encode("utf-16-le"),
            "has characters of value 0, as UTF-16 .*save it as CSV UTF-8",
        ),
        ("Id,SalePrice\n1,\u20ac\n".encode("cp1252"), r"is not UTF-8 text \(line 2, byte 15\); .* UTF-8"),
        (b"PK\3\4 [Content_Types].xml", "an Excel workbook; extract it, or in a spreadsheet, save it as CSV"),
        (b"Id;SalePrice\n1;2\n", "columns are separated by ';'; save it with commas: .*list separator"),
        (b"Id\tSalePrice\n1\t2\n", r"columns are separated by '\\t'"),
        (b'Id,"SalePrice\n', "is not valid CSV"),
        (b"Id,SalePrice\n1,2,3\n", "line 2 has 3 fields, but the header has 2"),
        (b"\x89PNG\r\n\x1a\n", "is not UTF-8 text"),
    ],
)
def test_read_table_reports_a_file_that_is_not_a_table(tmp_path, content, message):
    (tmp_path / "train.csv").write_bytes(content)
    with pytest.raises(InputError, match=rf"train\.csv: .*{message}"):
        read_table(tmp_path / "train.csv", has_price=True)
    with pytest.raises(InputError, match=r"nowhere\.csv: cannot be read"):
        read_table(tmp_path / "nowhere.csv", has_price=True)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_read_table_reads_only_whole_rows_of_a_file_that_is_cut(tmp_path_factory, data):
    """The last cell may be accepted with a warning; no other may be changed by the cut, or be missing."""
    folder = tmp_path_factory.mktemp("cut")
    content = write(SMALL, folder / "a.csv").read_bytes()
    cut = data.draw(st.integers(0, len(content) - 1))
    (folder / "a.csv").write_bytes(content[:cut])
    num_lines = content[:cut].count(b"\n")
    if content[:cut].endswith(b"\n") and num_lines > 1:
        assert len(read_table(folder / "a.csv", has_price=True)) == num_lines - 1
        return
    if content[cut : cut + 1] == b"\n" and num_lines:
        num_rows, changed = num_lines, []  # only the newline is missing
    else:
        num_rows, changed = num_lines, ["SalePrice"]
    try:
        table = read_table(folder / "a.csv", has_price=True)
    except InputError:
        assert changed or num_lines == 0
        return
    expected = SMALL.head(num_rows)
    pd.testing.assert_frame_equal(table.head(num_rows - 1), expected.head(num_rows - 1), check_dtype=False)
    last = [table.iloc[-1].drop(changed), expected.iloc[-1].drop(changed)]
    pd.testing.assert_series_equal(*last, check_dtype=False, check_names=False)


def test_read_table_accepts_a_whole_last_line_without_a_newline(lines, caplog):
    whole = lines(lines.rows).read_text().rstrip("\n")
    path = lines([])
    path.write_text(whole)
    pd.testing.assert_frame_equal(
        read_table(path, has_price=True), SMALL.reset_index(drop=True), check_dtype=False
    )
    assert "train.csv: line 13 does not end with a newline; if SalePrice" in caplog.text
    # One digit less is a price lower than all others.
    path.write_text(whole[: whole.rindex(",") + 3])
    with pytest.raises(
        InputError, match=r"line 13, column SalePrice: .* may be cut off; download it again, or"
    ):
        read_table(path, has_price=True)
    houses = TEST.head(3)[COLUMNS[:-1]].assign(SaleCondition="Abnorml")
    whole = write(houses, path).read_text().rstrip("\n")
    for cut, is_whole in ((0, True), (2, False), (7, False)):
        path.write_text(whole[: len(whole) - cut])
        if is_whole:
            assert read_table(path, has_price=False)["SaleCondition"].tolist() == ["Abnorml"] * 3
        else:
            with pytest.raises(InputError, match=r"line 4, column SaleCondition: .* may be cut off"):
                read_table(path, has_price=False)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (
            "Neighborhood",
            "Elsewhere",
            "'Elsewhere' is none of the competition's levels; .* of no Neighborhood",
        ),
        ("YearBuilt", "2050", r"2050 is after the sale in \d+; the house counts as new"),
        (
            "GarageYrBlt",
            "2207",
            r"2207 is after the sale in \d+; YearBuilt is taken instead; .* book and article",
        ),
        ("GrLivArea", "99999", r"99999 is not 1stFlrSF \+ 2ndFlrSF \+ LowQualFinSF = \d+; .*are kept within"),
        ("TotalBsmtSF", "7", r"7 is not BsmtFinSF1 \+ BsmtFinSF2 \+ BsmtUnfSF = \d+"),
        ("LotArea", "10", r"\d+ is more than the LotArea, 10"),
    ],
)
def test_read_table_warns_of_what_is_hardly_meant(tmp_path, caplog, column, value, message):
    write(PLAUSIBLE, tmp_path / "train.csv")
    read_table(tmp_path / "train.csv", has_price=True)
    assert not caplog.records
    rows = [line.split(",") for line in (tmp_path / "train.csv").read_text().splitlines()]
    rows[3][rows[0].index(column)] = value
    (tmp_path / "train.csv").write_text("".join(",".join(row) + "\n" for row in rows))
    read_table(tmp_path / "train.csv", has_price=True)
    assert re.search(
        rf"train\.csv: line 4, column {'1stFlrSF' if column == 'LotArea' else column}: {message}", caplog.text
    )


def test_find_oddities_gives_one_line_for_each_kind_and_column():
    odd = PLAUSIBLE.assign(YearBuilt=SMALL["YrSold"] + 1, MSZoning="XX")
    found = find_oddities(odd, range(2, 14))
    assert len(found) == 2
    assert all(line.startswith("line 2, ") and "(so in 12 lines)" in line for line in found)


@given(
    row=st.integers(1, 12),
    column=st.sampled_from(COLUMNS),
    value=st.one_of(
        st.text(
            st.characters(exclude_characters=',"\r\n\0', exclude_categories=("Cs", "Z", "Cc")), max_size=6
        ),
        st.floats().map(str),
        st.integers().map(str),
    ),
)
@settings(max_examples=150, deadline=None)
def test_read_table_returns_a_cell_as_written_or_rejects_it(tmp_path_factory, row, column, value):
    folder = tmp_path_factory.mktemp("cell")
    rows = [line.split(",") for line in write(SMALL, folder / "a.csv").read_text().splitlines()]
    rows[row][rows[0].index(column)] = value
    (folder / "a.csv").write_text("".join(",".join(fields) + "\n" for fields in rows), encoding="utf-8")
    try:
        cell = read_table(folder / "a.csv", has_price=True)[column].iloc[row - 1]
    except InputError as error:
        # a repeated Id is reported where it occurs again
        assert f"line {row + 1}, column {column}" in str(error) or column == "Id"  # noqa: PT017
        return
    if value.strip() in ("NA", ""):
        assert pd.isna(cell)
    elif column in NUMERIC:
        assert cell == float(value)
    else:
        assert cell == value.strip()


def test_read_table_reads_none_where_it_is_a_level_and_whole_ids_written_as_floats(lines):
    rows = lines.rows
    rows[3][rows[0].index("MasVnrType")] = "None"
    rows[3][0] = "77.0"
    read = read_table(lines(rows), has_price=True)
    assert read["MasVnrType"].iloc[2] == "None"
    assert read["Id"].iloc[2] == 77
    assert read["Id"].dtype == np.int64


# Pieces that spreadsheets, pandas and damaged files put into a table.
PIECES = [
    piece.encode("latin-1")
    for piece in [
        *(
            ",",
            ";",
            '"',
            "\n",
            "\r",
            "\r\n",
            "\0",
            "\xff\xfe",
            "\xef\xbb\xbf",
            "\x80",
            "\xe2\x82\xac",
            "\x1b[31m",
        ),
        *(
            "NA",
            "N/A",
            "nan",
            "=1+1",
            "1,5",
            "-1",
            "_",
            "1e999",
            "9007199254740993",
            "'8,450'",
            "Id",
            "SalePrice",
        ),
    ]
]
WHOLE = SMALL.to_csv(index=False, na_rep="NA").encode()


@given(
    edits=st.lists(
        st.tuples(
            st.floats(0, 1), st.integers(0, 40), st.one_of(st.sampled_from(PIECES), st.binary(max_size=8))
        ),
        min_size=1,
        max_size=4,
    ),
    encoding=st.sampled_from(["utf-8", "utf-16", "cp1252", "utf-8-sig"]),
)
@settings(max_examples=100, deadline=None)
def test_read_table_reads_a_damaged_file_or_says_in_one_line_why_not(tmp_path_factory, edits, encoding):
    content = WHOLE
    for place, length, piece in edits:
        start = int(place * len(content))
        content = content[:start] + piece + content[start + length :]
    if encoding != "utf-8":
        content = content.decode("utf-8", "replace").encode(encoding, "replace")
    path = tmp_path_factory.mktemp("damaged") / "a.csv"
    path.write_bytes(content)
    table, message = None, ""
    try:
        table = read_table(path, has_price=True)
    except InputError as error:
        message = str(error).replace(str(path), "a.csv")
    if table is None:
        assert message.isprintable()  # so that it is one line, too
        assert len(message) < 400
        return
    assert list(table.columns) == COLUMNS
    assert (table["SalePrice"] > 0).all()
    assert np.isfinite(engineered_features().fit(table).transform(table)).all()


def test_load_tables_finds_kaggles_own_file_names(offline, tmp_path):
    folder = tmp_path / "kaggle_house"
    folder.mkdir()
    for frame, name in zip((TRAIN, TEST), KAGGLE_NAMES):
        write(frame, folder / name)
    tables = load_tables(data_dir=tmp_path)
    assert (tables.name, tables.stand_in_for, tables.official) == ("kaggle_house", None, False)
    assert tables.train.shape == (1460, 81)


TITANIC = "PassengerId,Survived,Pclass,Name\n1,0,3,Somebody\n"


@pytest.mark.parametrize("names", [KAGGLE_NAMES, HUB_NAMES])
def test_load_tables_finds_the_files_in_the_current_folder_and_in_the_data_folder_itself(
    offline, tmp_path, monkeypatch, names
):
    here, there = tmp_path / "here", tmp_path / "there"
    for folder, count in ((here, 7), (there, 9)):
        folder.mkdir()
        write(TRAIN.head(count), folder / names[0])
        write(TEST.head(count), folder / names[1])
    assert len(load_tables(data_dir=there).train) == 9
    monkeypatch.chdir(here)
    assert len(load_tables().train) == 7
    assert len(load_tables(data_dir=there).train) == 9  # the explicit flag comes first
    monkeypatch.setenv("D2L_REPRO_DATA", str(there))
    assert len(load_tables(dataset="kaggle_house").train) == 7
    (here / names[1]).unlink()
    assert len(load_tables().train) == 9


def test_load_tables_passes_over_files_of_others_with_a_line_and_lists_where_it_looked(
    offline, tmp_path, monkeypatch, caplog
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.csv").write_text(TITANIC)
    assert load_tables().name == "generated"
    assert "train.csv: passed over, as there is no test.csv beside it" in caplog.text
    (tmp_path / "test.csv").write_text(TITANIC)
    tables = load_tables()
    assert "train.csv: passed over, as its columns are not the competition's ('PassengerId, " in caplog.text
    assert "nor train.csv and test.csv in the current folder" in tables.unavailable
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match=rf"nor train\.csv and test\.csv in {empty}, the current folder"):
        load_tables(data_dir=empty)


@pytest.mark.parametrize("separator", [",", ";", "|", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_foreign_header_wants_half_of_the_competitions_columns(tmp_path, encoding, separator):
    path = tmp_path / "train.csv"

    def write_header(names):
        text = separator.join(f'"{name}"' for name in names) + "\r\nmore\r\n"
        path.write_bytes(text.encode(encoding))

    half = COLUMNS[: -(-len(COLUMNS) // 2)]
    write_header([*half, *(f"mine {i}" for i in range(100))])
    assert foreign_header(path) == ""
    write_header(["mine", *half[1:], "more of mine"])
    assert foreign_header(path).startswith("its columns are not the competition's ('mine, ")


def test_foreign_header_shows_few_names_in_one_line_and_says_what_cannot_be_read(tmp_path):
    path = tmp_path / "train.csv"
    path.write_bytes(b"\x1b[31m\xff,second,third,fourth,fifth" + b",more" * 100_000)
    found = foreign_header(path)
    assert found.isprintable()
    assert len(found) < 150
    assert foreign_header(tmp_path) == "cannot be read (Is a directory)"
    path.write_bytes(b"")
    assert foreign_header(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "semicolons"])
def test_load_tables_says_what_is_wrong_with_the_competitions_files_in_the_current_folder(
    offline, tmp_path, monkeypatch, encoding
):
    """A spreadsheet has saved them: they are not passed over, but reported with the remedy."""
    monkeypatch.chdir(tmp_path)
    for frame, name in ((SMALL.assign(Mine=1), "train.csv"), (TEST.head(3), "test.csv")):
        text = frame.to_csv(index=False, na_rep="NA", sep=";" if encoding == "semicolons" else ",")
        (tmp_path / name).write_bytes(text.encode("utf-8" if encoding == "semicolons" else encoding))
    with pytest.raises(
        InputError, match=r"train\.csv: (unknown column 'Mine'|is UTF-16|columns are separated)"
    ):
        load_tables()


def test_load_tables_falls_back_to_generated_houses_only_with_auto(offline):
    tables = load_tables()
    assert (tables.name, tables.stand_in_for) == ("generated", "kaggle_house")
    with pytest.raises(InputError, match=r"kaggle_house_pred_train\.csv: not found in"):
        load_tables(dataset="kaggle_house")
    with pytest.raises(InputError, match="give both or neither"):
        load_tables(train="train.csv")


@pytest.mark.parametrize("other", [{"data_dir": "folder"}, {"dataset": "generated"}])
def test_load_tables_refuses_another_source_beside_the_files(lines, other):
    path = lines(lines.rows)
    with pytest.raises(InputError, match=r"--(data-dir|dataset generated): without meaning beside --train"):
        load_tables(path, path, **other)


def test_generated_tables_have_the_competitions_form():
    assert TRAIN.shape == (1460, 81)
    assert TEST.shape == (1459, 80)
    assert list(TRAIN.columns) == COLUMNS
    assert TRAIN["Id"].tolist() + TEST["Id"].tolist() == list(range(1, 2920))
    for name, levels in {**ORDINAL, **CATEGORY}.items():
        assert set(TRAIN[name].dropna()) <= set(levels)
    assert TRAIN["SalePrice"].between(20_000, 2_000_000).all()
    assert TRAIN["PoolQC"].isna().mean() > 0.95
    assert generated_tables()[0].equals(TRAIN)


def test_book_features_of_the_real_files_are_331(real_data):
    tables = load_tables(data_dir=real_data)
    assert tables.official
    both = pd.concat([tables.train, tables.test])
    X = book_features().fit(both).transform(tables.train)
    assert X.shape == (1460, 331)
    assert np.isfinite(X).all()


def test_book_features_equal_the_books_pandas_code():
    both = pd.concat([TRAIN, TEST])[FEATURES]
    numeric = [name for name in FEATURES if name in NUMERIC]
    expected = both.copy()
    expected[numeric] = expected[numeric].apply(lambda x: (x - x.mean()) / x.std()).fillna(0)
    expected = pd.get_dummies(expected, dummy_na=True).astype(float)
    features = book_features().fit(pd.concat([TRAIN, TEST]))
    assert features.get_feature_names_out().tolist() == expected.columns.tolist()
    np.testing.assert_allclose(features.transform(TRAIN), expected[: len(TRAIN)].to_numpy(), atol=1e-5)


@pytest.mark.parametrize("make_features", [book_features, engineered_features, extended_features])
def test_features_do_not_depend_on_rows_they_were_not_fitted_on(make_features):
    fold = TRAIN[200:]
    features = make_features().fit(fold)
    changed = TRAIN.copy()
    changed.loc[:199, "GrLivArea"] *= 100
    changed.loc[:199, "Neighborhood"] = "Elsewhere"  # a level that does not occur in the fold
    np.testing.assert_array_equal(features.transform(changed)[200:], features.transform(TRAIN)[200:])
    assert np.isfinite(features.transform(changed)).all()
    unseen = [
        i for i, name in enumerate(features.get_feature_names_out()) if str(name).startswith("Neighborhood")
    ]
    assert features.transform(changed)[:200, unseen].sum() == 0


@pytest.mark.parametrize("make_features", [book_features, engineered_features, extended_features])
def test_features_are_finite_with_constant_and_empty_columns(make_features):
    few = TRAIN[TRAIN["PoolQC"].isna() & (TRAIN["PoolArea"] == 0)].head(8).copy()
    few["LotFrontage"] = np.nan
    X = make_features().fit(few).transform(TRAIN)
    assert np.isfinite(X).all()


def test_engineered_features_clip_numbers_and_correct_future_years():
    odd = TRAIN.copy()
    odd.loc[0, "GarageYrBlt"] = 2207
    odd.loc[1, "YrSold"] = odd.loc[1, "YearBuilt"] - 1
    features = engineered_features().fit(odd)
    names = features.get_feature_names_out().tolist()
    X = features.transform(odd)
    assert np.abs(X).max() <= 2.5
    same = TRAIN.copy()
    same.loc[0, "GarageYrBlt"] = same.loc[0, "YearBuilt"]
    np.testing.assert_allclose(
        X[0, names.index("GarageYrBlt")], features.transform(same)[0, names.index("GarageYrBlt")], rtol=1e-6
    )


def test_digest_of_tables_changes_with_any_cell_and_name():
    train, test = generated_tables()
    tables = Tables(train, test)
    assert Tables(train.copy(), test.copy(), name="copy").digest() == tables.digest()
    changed = [train.copy() for _ in range(3)]
    changed[0].loc[7, "MSZoning"] = "other"
    changed[1].loc[7, "LotFrontage"] = np.nan if train.loc[7, "LotFrontage"] > 0 else 1.0
    changed[2] = changed[2].rename(columns={"LotArea": "LotFrontage", "LotFrontage": "LotArea"})
    digests = [Tables(table, test).digest() for table in (train.iloc[::-1], *changed)]
    assert len({tables.digest(), Tables(test, train).digest(), *digests}) == 6
