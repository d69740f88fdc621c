"""CSV and similar text: encodings, delimiters, quotation marks, line ends, rows that do not fit."""

import csv
import io
from pathlib import Path

import pytest
from table_reading import cells, faults, names, read_bytes

from consentory.codec.sources import SourceError
from consentory.codec.tabular.table import ReadOptions

PEOPLE = "Vorname;Nachname;Ort\nJürgen;Müller;Köln\nZoë;Größe;Łódź\n"
WESTERN = PEOPLE.replace("Łódź", "Málaga")


@pytest.mark.parametrize(
    ("content", "encoding", "source"),
    [
        (PEOPLE.encode(), "utf-8", "checked"),
        (PEOPLE.encode("utf-8-sig"), "utf-8-sig", "byte order mark"),
        (PEOPLE.encode("utf-16"), "utf-16-le", "byte order mark"),
        ("\ufeff".encode("utf-16-be") + PEOPLE.encode("utf-16-be"), "utf-16-be", "byte order mark"),
        (PEOPLE.encode("utf-16-le"), "utf-16-le", "detected"),
        (PEOPLE.encode("utf-16-be"), "utf-16-be", "detected"),
        (PEOPLE.encode("utf-32"), "utf-32-le", "byte order mark"),
        (WESTERN.encode("latin-1"), "cp1252", "detected"),
        (WESTERN.replace("Köln", "10 €").encode("cp1252"), "cp1252", "detected"),
        ("imię;miasto\nŁukasz;Łódź\nPaweł Wiśniewski;Kraków\nGrażyna;Poznań\n".encode("cp1250"), "cp1250", "detected"),
        ("имя;город\nИван Иванов;Москва\nМария;Санкт-Петербург\n".encode("cp1251"), "cp1251", "detected"),
        ("Όνομα;Πόλη\nΓιώργος;Αθήνα\nΔημήτρης;Θεσσαλονίκη\nΕλένη;Πάτρα\n".encode("cp1253"), "cp1253", "detected"),
        ("名前;住所\n田中太郎;東京都\n鈴木花子;大阪府\n".encode("shift_jis"), "cp932", "detected"),
    ],
)
def test_the_encoding_is_found_and_said(tmp_path: Path, content: bytes, encoding: str, source: str) -> None:
    description, rows = read_bytes(tmp_path, content)
    assert (description.encoding, description.encoding_source) == (encoding, source)
    text = list(csv.reader(io.StringIO(content.decode(encoding).removeprefix("\ufeff")), delimiter=";"))
    assert names(description) == text[0]
    assert cells(rows) == text[1:]
    assert not faults(rows)
    assert f"encoding {encoding} ({source}" in description.summary()


def test_a_detected_encoding_is_shown_by_a_word(tmp_path: Path) -> None:
    description, _ = read_bytes(tmp_path, WESTERN.encode("latin-1"))
    assert description.summary() == (
        'people.csv: CSV, encoding cp1252 (detected, for example "Jürgen"), delimiter semicolon (detected), '
        "header in line 1, 3 columns."
    )


def test_an_encoding_that_fits_only_a_little_better_is_said_to_be_a_guess(tmp_path: Path) -> None:
    people = (
        "1;lukasz@example.com;Łukasz;Żółć;48601234567;No;No;1;Yes;05-04-2023 09:12:00;05-04-2023 09:12:00\n"
        "2;zoe.example.com;Zofia;Wójcik;;Yes;No;2;No;06-04-2023 09:12:00;05-04-2023 09:12:00\n"
        "3;adam@example.com;Adam;Dąbrowski;;maybe;No;2;No;06-04-2023 09:12:00;05-04-2023 09:12:00\n"
    )
    description, _ = read_bytes(tmp_path, f"A;B;C;D;E;F;G;H;I;J;K\n{people}".encode("cp1250"))
    assert description.encoding == "cp1250"
    assert description.doubt.startswith("The encoding cp1250 is a guess")
    assert 'cp1252 reads "D¹browski"' in description.doubt


POLISH = (
    "Błaszczyk Wiśniewska Żółkiewski Wójcik Dąbrowski Zieliński Woźniak Szymański Kozłowski Jabłoński Głowacki Wróbel "
    "Kołodziej Chądzyński Pająk Górski Wąsik Bąk Mróz Śliwa Łucja Józef Paweł Michał Święta Małgorzata"
)
CZECH = (
    "Dvořák Jiří Novák Tomáš Procházka Lukáš Kučera Ondřej Veselý Štěpán Krejčí Zdeněk Růžička Žofie Černý Němec "
    "Pokorný Hájek Jelínek Růžena Beneš Sedláček Doležal Kolář Vaněk Kříž"
)
HUNGARIAN = (
    "Szűcs Győző Kovács Tóth Őri Erdős Kőszegi Zsófia Ágnes Gergő Mészáros Török Jenő Pál Bíró Lőrincz Gyöngyi Fehér "
    "Ödön Vörös Dezső Ernő Fülöp Rezső"
)
GERMAN = (
    "Müller Jörg Größe Käthe Günther Schröder Jäger Krüger Weiß Köhler Böhm Schäfer Möller Jürgen Björn Groß Vögel "
    "Früh Bär Köster Göbel Lüdtke"
)
FRENCH = (
    "François Lefèvre René Hélène Éloïse Noël Gérard Benoît Zoé Bénédicte Rémi Chloé Jérôme Stéphane Anaïs Mélanie "
    "Théo Léa Cédric André Frédéric Maël Loïc Agnès"
)


@pytest.mark.parametrize("count", [1, 3, 8, 30, 2000])
@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1250", POLISH), ("cp1250", CZECH), ("cp1250", HUNGARIAN), ("iso8859_2", POLISH.partition(" ")[2]),
        ("cp852", POLISH), ("cp1252", GERMAN), ("cp1252", FRENCH), ("mac_roman", FRENCH),
    ],
)  # fmt: skip
def test_a_few_letters_among_much_ascii_tell_the_encoding(
    tmp_path: Path, encoding: str, names: str, count: int
) -> None:
    people = names.split()
    content = "ID;EMAIL;NAME;EMAIL_BLACKLISTED;ADDED_TIME\n" + "".join(
        f"{place};user{place}@example.com;{people[place % len(people)]};false;2024-02-01 10:00:00\n"
        for place in range(count)
    )
    description, rows = read_bytes(tmp_path, content.encode(encoding))
    read = [row.cells[2] for row in rows]
    said = [people[place % len(people)] for place in range(count)]
    assert read == said or (count == 1 and f'reads "{said[0]}"' in description.doubt)
    assert not description.doubt or count < 2000, "many words leave no doubt"


def test_readings_that_are_words_too_are_said(tmp_path: Path) -> None:
    content = "Name;Ort\nLefèvre;Bar\nRené;Pau\nHélène;Lille\n".encode("cp1252")
    description, _ = read_bytes(tmp_path, content)
    assert description.encoding == "cp1252"
    assert 'cp1250 reads "Lefčvre"' in description.doubt


def test_an_amount_is_no_word(tmp_path: Path) -> None:
    description, rows = read_bytes(tmp_path, "Name;Spent\nAnn;£50\nBob;£70\n".encode("cp1252"))
    assert description.encoding == "cp1252"
    assert rows[0].cells == ["Ann", "£50"]


@pytest.mark.slow
def test_the_whole_file_is_checked_not_its_beginning(tmp_path: Path) -> None:
    content = b"Name;Ort\n" + b"Anna;Ulm\n" * 200_000 + "Jürgen;Köln\n".encode("cp1252") * 3
    description, rows = read_bytes(tmp_path, content)
    assert description.encoding == "cp1252"
    assert rows[-1].cells == ["Jürgen", "Köln"]
    assert rows[-1].line == 200_004


def test_a_cell_that_cannot_be_decoded_is_the_fault_of_its_row(tmp_path: Path) -> None:
    content = "Name;Ort\nJürgen;Köln\n".encode() + "René;Liège\n".encode("latin-1") + "Zoë;Metz\n".encode()
    description, rows = read_bytes(tmp_path, content)
    assert description.encoding == "utf-8"
    assert faults(rows) == [(3, "Row.Encoding", "Name", r"Ren\xe9"), (3, "Row.Encoding", "Ort", r"Li\xe8ge")]
    assert [rows[0].cells, rows[2].cells] == [["Jürgen", "Köln"], ["Zoë", "Metz"]]
    assert "\ufffd" not in repr(rows)
    written = ";".join(str(cell) for cell in rows[1].cells).encode("utf-8", "surrogateescape")
    assert written == "René;Liège".encode("latin-1"), "the bytes can be given back"


def test_a_given_encoding_overrules(tmp_path: Path) -> None:
    content = "Name;Ort\nJürgen;Köln\n".encode("cp1252")
    description, rows = read_bytes(tmp_path, content, ReadOptions(encoding="UTF8"))
    assert (description.encoding, description.encoding_source) == ("utf-8", "given")
    assert [fault[:3] for fault in faults(rows)] == [(2, "Row.Encoding", "Name"), (2, "Row.Encoding", "Ort")]
    _, rows = read_bytes(tmp_path, content, ReadOptions(encoding="mac-roman"))
    assert rows[0].cells == ["J¸rgen", "Kˆln"]
    with pytest.raises(SourceError, match="--encoding klingon: unknown"):
        read_bytes(tmp_path, content, ReadOptions(encoding="klingon"))
    with pytest.raises(SourceError, match="--encoding rot13: unknown"):
        read_bytes(tmp_path, content, ReadOptions(encoding="rot13"))


def test_a_header_that_cannot_be_decoded_stops_the_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"line 1: the header Stra\\xdfe is not utf-8; give --encoding"):
        read_bytes(tmp_path, "Name;Straße\nA;B\n".encode("latin-1"), ReadOptions(encoding="utf-8"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":", "^", "~", "\x1f", "\x01"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter)
    rows = [["Email", "Tags", "Time"], *([f"p{n}@example.com", "a,b;c|d", "2024-03-05 14:30"] for n in range(40))]
    writer.writerows(rows)
    description, read = read_bytes(tmp_path, written.getvalue().encode())
    assert (description.delimiter, description.delimiter_source) == (delimiter, "detected")
    assert cells(read) == rows[1:]


@pytest.mark.parametrize(("given", "character"), [("#", "#"), ("tab", "\t"), ("§", "§")])
def test_a_given_delimiter_overrules(tmp_path: Path, given: str, character: str) -> None:
    content = f"a;b{character}c\n1;2{character}3\n".encode()
    description, rows = read_bytes(tmp_path, content, ReadOptions(delimiter=given))
    assert names(description) == ["a;b", "c"]
    assert cells(rows) == [["1;2", "3"]]
    assert description.delimiter_source == "given"


@pytest.mark.parametrize("given", ["", "ab", '"', "\n"])
def test_a_delimiter_is_one_character(tmp_path: Path, given: str) -> None:
    with pytest.raises(SourceError, match="must be one character"):
        read_bytes(tmp_path, b"a;b\n1;2\n", ReadOptions(delimiter=given))


def test_excels_own_line_about_the_delimiter_is_no_header(tmp_path: Path) -> None:
    description, rows = read_bytes(tmp_path, b"sep=|\r\nEmail|Tags\r\na@example.com|x,y\r\n")
    assert names(description) == ["Email", "Tags"]
    assert (rows[0].line, rows[0].cells) == (3, ["a@example.com", "x,y"])


def test_one_column_needs_no_delimiter(tmp_path: Path) -> None:
    description, rows = read_bytes(tmp_path, b"Email\na@example.com\n\nb@example.com")
    assert names(description) == ["Email"]
    assert [(row.line, row.cells) for row in rows] == [(2, ["a@example.com"]), (4, ["b@example.com"])]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path, end: str) -> None:
    lines = ["Name;Note", '"A";"one', "two", 'three"', "", "B;x", '"say ""hi""";"a;b"', ""]
    description, rows = read_bytes(tmp_path, end.join(lines).encode())
    assert description.line_end == end
    assert [(row.line, row.cells) for row in rows] == [
        (2, ["A", f"one{end}two{end}three"]),
        (6, ["B", "x"]),
        (7, ['say "hi"', "a;b"]),
    ]


def test_rows_that_do_not_fit_are_faults_of_their_own(tmp_path: Path) -> None:
    content = b"a;b;c\n1;2;3\n1;2\n1;2;3;4\n;;\n1;2;3;\n4;5;6"
    _, rows = read_bytes(tmp_path, content)
    assert [(row.line, bool(row.faults)) for row in rows] == [
        (2, False), (3, True), (4, True), (6, True), (7, False),
    ]  # fmt: skip
    assert faults(rows)[0] == (3, "Row.ColumnCount", "", None)
    assert "2 cells and the header 3" in rows[1].faults[0].message


def test_columns_without_a_header(tmp_path: Path) -> None:
    description, rows = read_bytes(tmp_path, b"a;;b;;\n1;2;3;;\n1;2;3;4;\n")
    assert names(description) == ["a", "column 2", "b"]
    assert cells(rows)[0] == ["1", "2", "3"]
    assert faults(rows) == [(3, "Row.ColumnCount", "", None)], "a value outside the columns would be lost"


def test_headers_that_are_there_twice(tmp_path: Path) -> None:
    description, _ = read_bytes(tmp_path, "\ufeffTime, Time \u00a0,Time#2,\u00a0Email\n1,2,3,4\n".encode())
    assert names(description) == ["Time", "Time#2", "Time#2#2", "Email"]
    assert [column.header for column in description.columns] == ["Time", " Time \u00a0", "Time#2", "\u00a0Email"]


def test_a_mark_that_is_never_closed_costs_one_row(tmp_path: Path) -> None:
    good = "".join(f"p{n}@example.com;x\n" for n in range(20_000))
    _, rows = read_bytes(tmp_path, f'Email;Note\na@example.com;"open\n{good}"a"b;c\nz@example.com;y\n'.encode())
    assert [fault[:2] for fault in faults(rows)] == [(2, "Row.Quoting"), (20_003, "Row.Quoting")]
    assert len(rows) == 20_003
    assert (rows[-1].line, rows[-1].cells) == (20_004, ["z@example.com", "y"])


def test_cells_are_text_as_they_stand(tmp_path: Path) -> None:
    values = ["01234", "+4915112345678", "1E5", "4.20", "\u00a0x\u00a0", "=+49151", "'007", "TRUE", "NULL", " "]
    _, rows = read_bytes(tmp_path, ("a;b;c;d;e;f;g;h;i;j\n" + ";".join(values)).encode())
    assert rows[0].cells == values


def test_the_header_may_stand_further_down(tmp_path: Path) -> None:
    content = b'"Contacts, all\nof them"\n\nmade 2024-01-01\nEmail;Name\na@example.com;A\n'
    description, rows = read_bytes(tmp_path, content, ReadOptions(header=5))
    assert (names(description), description.header_line) == (["Email", "Name"], 5)
    assert [(row.line, row.cells) for row in rows] == [(6, ["a@example.com", "A"])]
    with pytest.raises(SourceError, match="line 3: a header line was expected here"):
        read_bytes(tmp_path, content, ReadOptions(header=3))
    with pytest.raises(SourceError, match="line 50: a header line was expected here"):
        read_bytes(tmp_path, content, ReadOptions(header=50))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b";;\n;;\n"])
def test_a_file_without_a_header_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceError, match=r"empty|no text|no header"):
        read_bytes(tmp_path, content)


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    description, rows = read_bytes(tmp_path, b"Email;Name\n")
    assert names(description) == ["Email", "Name"]
    assert rows == []


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="a line of more than 28 MB"):
        read_bytes(tmp_path, b"Email;Name\n" + b"x" * 60_000_000)
