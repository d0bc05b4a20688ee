"""Migration and seed files: names, numbers, gaps, content."""

from __future__ import annotations

import hashlib
import shutil
from importlib.resources import files as resource_files
from pathlib import Path

import pytest

from support.migrations import write
from swe_db.errors import MigrationFileError, MigrationOrderError
from swe_db.migrations.files import content_key, read_migrations, read_seeds

SELECT = "SELECT 1;\n"

BAD_NAMES = [
    "12_short.sql",
    "1000.sql",
    "1000_.sql",
    "1000_Upper.sql",
    "1000-dash.sql",
    "1000_dash-ed.sql",
    "add_labels.sql",
    "1000_labels.SQL",
    "1234567890_ten_digits.sql",
    "202501311200001_fifteen_digits.sql",
    "1000_añadir.sql",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_name_is_an_error_that_shows_good_ones(tmp_path: Path, name: str) -> None:
    """An .sql file whose name is not of the form is refused with an example, not passed over."""
    write(tmp_path, {name: SELECT})
    with pytest.raises(MigrationFileError) as caught:
        read_migrations([tmp_path], bundled=False)
    assert str(tmp_path / name) in str(caught.value)
    assert "1000_add_labels.sql" in str(caught.value)


def test_other_files_are_ignored(tmp_path: Path) -> None:
    """Files of other endings, hidden files and folders are no migrations."""
    write(tmp_path, {"1000_a.sql": SELECT, "README.md": "", ".#1000_a.sql": "", "1001_b.sql.bak": ""})
    (tmp_path / "old.sql").mkdir()
    assert [file.name for file in read_migrations([tmp_path], bundled=False)] == ["1000_a.sql"]


def test_files_are_sorted_by_number_not_by_text(tmp_path: Path) -> None:
    """Migrations run in the order of their numbers over all directories, time stamps last."""
    one = write(tmp_path / "one", {"9999_a.sql": SELECT, "10000_b.sql": SELECT})
    two = write(tmp_path / "two", {"20250131120000_c.sql": SELECT, "5000_d.sql": SELECT})
    versions = [file.version for file in read_migrations([two, one], bundled=False)]
    assert versions == [5000, 9999, 10000, 20250131120000]


@pytest.mark.parametrize("name", ["001_a.sql", "0999_a.sql"])
def test_numbers_below_1000_are_reserved(tmp_path: Path, name: str) -> None:
    """A directory of one's own may not use the numbers of the bundled migrations."""
    write(tmp_path, {name: SELECT})
    with pytest.raises(MigrationFileError, match=r"reserved.*Begin at 1000"):
        read_migrations([tmp_path], bundled=False)


def test_version_zero_is_refused(tmp_path: Path) -> None:
    """Versions begin at 1."""
    write(tmp_path, {"000_a.sql": SELECT})
    with pytest.raises(MigrationFileError, match="versions begin at 1"):
        read_migrations([tmp_path], bundled=False)


def test_a_time_stamp_must_be_one(tmp_path: Path) -> None:
    """Fourteen digits that are no date and time are refused."""
    write(tmp_path, {"20251399000000_a.sql": SELECT})
    with pytest.raises(MigrationFileError, match="20251399000000 is not a time stamp"):
        read_migrations([tmp_path], bundled=False)


def test_a_gap_is_an_error_unless_allowed(tmp_path: Path) -> None:
    """A number left out within a directory is refused by name, and accepted on request."""
    write(tmp_path, {"1000_a.sql": SELECT, "1002_c.sql": SELECT})
    with pytest.raises(MigrationOrderError, match=r"version 1001 is missing: .*1002_c\.sql follows 1000_a\.sql"):
        read_migrations([tmp_path], bundled=False)
    assert len(read_migrations([tmp_path], bundled=False, allow_gaps=True)) == 2


def test_gaps_count_within_a_directory_and_not_for_time_stamps(tmp_path: Path) -> None:
    """Two directories may begin at different numbers, and time stamps are never contiguous."""
    one = write(tmp_path / "one", {"1000_a.sql": SELECT})
    two = write(
        tmp_path / "two", {"2000_b.sql": SELECT, "20250101000000_c.sql": SELECT, "20250301000000_d.sql": SELECT}
    )
    assert len(read_migrations([one, two], bundled=False)) == 4


def test_a_duplicate_version_is_an_error_that_names_both(tmp_path: Path) -> None:
    """Two files of one number are refused, also in two directories and with other zeros in front."""
    one = write(tmp_path / "one", {"1000_a.sql": SELECT})
    two = write(tmp_path / "two", {"01000_b.sql": SELECT})
    with pytest.raises(MigrationFileError, match=r"version 1000: .*1000_a\.sql and .*01000_b\.sql"):
        read_migrations([one, two], bundled=False)


def test_a_directory_given_twice_counts_once(tmp_path: Path) -> None:
    """The same directory by two names gives each file once."""
    write(tmp_path / "one", {"1000_a.sql": SELECT})
    (tmp_path / "link").symlink_to(tmp_path / "one")
    assert len(read_migrations([tmp_path / "one", tmp_path / "link"], bundled=False)) == 1


def test_a_path_for_a_sequence_of_paths_is_an_error(tmp_path: Path) -> None:
    """A single path is refused instead of being read letter by letter."""
    with pytest.raises(MigrationFileError, match="give a sequence of directories"):
        read_migrations(str(tmp_path))


@pytest.mark.parametrize("read", [read_migrations, read_seeds])
def test_a_directory_must_exist_and_hold_sql(tmp_path: Path, read: type) -> None:
    """A directory that is missing, is a file or has no .sql file is refused by name."""
    write(tmp_path, {"file": ""})
    (tmp_path / "empty").mkdir()
    with pytest.raises(MigrationFileError, match="missing does not exist"):
        read([tmp_path / "missing"], bundled=False)
    with pytest.raises(MigrationFileError, match="file is not a directory"):
        read([tmp_path / "file"], bundled=False)
    with pytest.raises(MigrationFileError, match=r"empty has no \.sql file"):
        read([tmp_path / "empty"], bundled=False)


def test_what_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    """A file in another encoding is refused with the line and the byte."""
    write(tmp_path, {"1000_a.sql": b"\xef\xbb\xbfSELECT 1;\nSELECT '\xe9';"})
    with pytest.raises(MigrationFileError, match=r"1000_a\.sql:2: not UTF-8: byte 0xe9"):
        read_migrations([tmp_path], bundled=False)


def test_a_nul_character_is_refused(tmp_path: Path) -> None:
    """A NUL, at which PostgreSQL would silently stop reading, is refused with its line."""
    write(tmp_path, {"1000_a.sql": b"SELECT 1;\n\0DROP TABLE t;"})
    with pytest.raises(MigrationFileError, match=r"1000_a\.sql:2: holds a NUL character"):
        read_migrations([tmp_path], bundled=False)


def test_a_link_to_nothing_is_an_error(tmp_path: Path) -> None:
    """A migration that cannot be read is refused, not passed over."""
    (tmp_path / "1000_a.sql").symlink_to(tmp_path / "nothing")
    with pytest.raises(MigrationFileError, match=r"1000_a\.sql: cannot be read: No such file"):
        read_migrations([tmp_path], bundled=False)


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbfSELECT 1;\n-- \xc3\xa9\n", b"SELECT 1;\r\n-- \xc3\xa9\r\n", b"SELECT 1;\r-- \xc3\xa9\r"]
)
def test_line_ends_and_byte_order_marks_change_no_checksum(tmp_path: Path, content: bytes) -> None:
    """A checksum is the SHA-256 of the text with LF and without a byte order mark."""
    write(tmp_path, {"1000_a.sql": content})
    (file,) = read_migrations([tmp_path], bundled=False)
    assert file.checksum == hashlib.sha256("SELECT 1;\n-- é\n".encode()).hexdigest()


@pytest.mark.parametrize("name", ["1_a.sql", "a.sql", "10_A.sql", "10.sql"])
def test_a_bad_name_of_a_seed_is_an_error(tmp_path: Path, name: str) -> None:
    """A seed whose name is not of the form is refused with an example."""
    write(tmp_path, {name: SELECT})
    with pytest.raises(MigrationFileError, match=r"not a seed's name.*10_teams\.sql"):
        read_seeds([tmp_path], bundled=False)


def test_seeds_come_by_directory_then_by_name(tmp_path: Path) -> None:
    """The bundled seeds come first, then each directory in the order given."""
    one = write(tmp_path / "one", {"02_b.sql": SELECT, "01_a.sql": SELECT})
    two = write(tmp_path / "two", {"01_c.sql": SELECT})
    names = [file.name for file in read_seeds([two, one])]
    assert names[-3:] == ["01_c.sql", "01_a.sql", "02_b.sql"]
    assert names[0] == "01_users.sql"


def test_the_bundled_migrations_begin_at_001() -> None:
    """The package brings its schema as migration 001."""
    assert read_migrations()[0].name == "001_initial_schema.sql"


@pytest.fixture
def copy_of_bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the bundled SQL, which is read in its place."""
    copy = tmp_path / "sql"
    shutil.copytree(Path(str(resource_files("swe_db") / "sql")), copy)
    monkeypatch.setattr("swe_db.migrations.files.bundled_sql", lambda: copy)
    return copy


def test_bundled_migrations_have_no_gap_and_no_number_beyond_999(copy_of_bundled: Path) -> None:
    """The bundled set must begin at 1, be contiguous, and stay below 1000."""
    count = len(read_migrations())
    write(copy_of_bundled / "migrations", {f"{count + 2:03}_late.sql": SELECT})
    with pytest.raises(MigrationOrderError, match=f"version {count + 1} is missing"):
        read_migrations()
    write(copy_of_bundled / "migrations", {"1000_own.sql": SELECT})
    with pytest.raises(MigrationFileError, match="have versions 1 to 999"):
        read_migrations()


def test_bundled_migrations_begin_at_one(copy_of_bundled: Path) -> None:
    """A bundled set without 001 is refused."""
    for file in (copy_of_bundled / "migrations").iterdir():
        file.unlink()
    write(copy_of_bundled / "migrations", {"002_b.sql": SELECT})
    with pytest.raises(MigrationOrderError, match="the first migration must have version 1"):
        read_migrations()


def test_the_content_key_is_that_of_names_order_and_folded_content(tmp_path: Path) -> None:
    """Neither line ends nor the place of a directory change the key; a name, a byte, a seed and the bundle do."""
    base = write(tmp_path / "base", {"1000_a.sql": "SELECT 1;\n"})
    alike = write(tmp_path / "alike", {"1000_a.sql": "\ufeffSELECT 1;\r\n"})
    renamed = write(tmp_path / "renamed", {"1000_b.sql": "SELECT 1;\n"})
    edited = write(tmp_path / "edited", {"1000_a.sql": "SELECT 2;\n"})
    seeds = write(tmp_path / "seeds", {"10_a.sql": "SELECT 1;\n"})
    more = write(tmp_path / "more", {"11_b.sql": "SELECT 1;\n"})
    key = content_key([base], bundled=False)
    assert key == content_key([alike], bundled=False)
    others = [
        content_key([renamed], bundled=False),
        content_key([edited], bundled=False),
        content_key([base]),
        content_key([base], [seeds], bundled=False),
        content_key([base], [seeds, more], bundled=False),
        content_key([base], [more, seeds], bundled=False),
    ]
    assert len({key, *others}) == 7
