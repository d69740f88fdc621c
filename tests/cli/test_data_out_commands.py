"""`consentory audience` and `consentory export`: each format, private files, and a stream that is cut."""

from __future__ import annotations

import csv
import gzip
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet
import pytest
import zstandard
from command_line import Run, write_lines
from running_server import AccountAccess
from waiting import wait_for
from wire_client import choice, mail, person

pytestmark = pytest.mark.processes

PEOPLE = 40


def store(run: Run, tmp_path: Path) -> None:
    people = [
        person(n, Emails=mail(f"p{n}@example.com", choice("NEWS-EMAIL", 1 + n % 2, "2026-01-01")))
        for n in range(PEOPLE)
    ]
    done = run("import", write_lines(tmp_path / "people", people), "--name", "people", "--match", "CRM")
    assert done.returncode == 0, done.stderr


def read(run: Run, *words: str | Path) -> str:
    done = run(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_format_by_the_ending_of_the_file(run: Run, tmp_path: Path) -> None:
    store(run, tmp_path)
    lines = [json.loads(line) for line in read(run, "export").splitlines()]
    assert len(lines) == PEOPLE
    paths = {ending: tmp_path / f"people.{ending}" for ending in ("json", "csv", "parquet", "ndjson.gz", "ndjson.zst")}
    for path in paths.values():
        read(run, "export", "-o", path)
        assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(paths["json"].read_bytes()) == lines
    with paths["csv"].open(newline="", encoding="utf-8") as file:
        assert [int(row["ProfileId"]) for row in csv.DictReader(file)] == [one["ProfileId"] for one in lines]
    assert pyarrow.parquet.read_table(paths["parquet"]).column("ProfileId").to_pylist() == [
        one["ProfileId"] for one in lines
    ]
    unpacked = zstandard.ZstdDecompressor().decompressobj().decompress(paths["ndjson.zst"].read_bytes())
    assert unpacked == gzip.decompress(paths["ndjson.gz"].read_bytes())
    assert [json.loads(line) for line in unpacked.splitlines()] == lines
    assert [json.loads(line)["Value"] for line in read(run, "audience", "NEWS-EMAIL").splitlines()] == [
        f"p{n}@example.com" for n in range(0, PEOPLE, 2)
    ]
    assert len(read(run, "audience", "NEWS-EMAIL", "--opted-out").splitlines()) == PEOPLE // 2


def test_an_export_names_the_position_after_which_changes_complete_it(run: Run, tmp_path: Path) -> None:
    store(run, tmp_path)

    def export() -> int:
        done = run("export", "-o", tmp_path / "people.ndjson")
        return int(re.findall(r"consentory changes --after (\d+)$", done.stderr, re.MULTILINE)[0])

    wait_for(export, lambda position: position == PEOPLE)


def test_refusals_name_the_value(run: Run, tmp_path: Path) -> None:
    done = run("export", "-o", tmp_path / "people.xlsx")
    assert (done.returncode, "people.xlsx" in done.stderr) == (2, True), done.stderr
    done = run("export", "--customer-type", "Nobody", "-o", tmp_path / "people.csv")
    assert (done.returncode, "Nobody" in done.stderr) == (2, True), done.stderr
    done = run("audience", "NOTHING")
    assert (done.returncode, "no such filter" in done.stderr) == (2, True), done.stderr
    assert not list(tmp_path.glob("people*"))


def read_request(client: socket.socket) -> bytes:
    """A whole request: its body may come later than its head. Empty if the client sends nothing."""
    request = client.recv(65536)
    while request:
        head, found, body = request.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if found and len(body) >= int(length[1] if length else 0):
            break
        request += client.recv(65536)
    return request


@contextmanager
def cutting_proxy(server: AccountAccess, cuts: list[int]) -> Iterator[str]:
    """The address of a proxy that cuts the connection of each export after the next number of bytes of its answer."""
    target = urlsplit(server.url)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with client, socket.create_connection((target.hostname or "", target.port or 0)) as upstream:
            head = read_request(client)
            if not head:
                return
            upstream.sendall(head.replace(b"Host:", b"Connection: close\r\nHost:", 1))
            left: Any = cuts.pop(0) if b"/Export" in head and cuts else None
            while piece := upstream.recv(1000 if left else 65536):
                client.sendall(piece if left is None else piece[:left])
                left = None if left is None else left - len(piece)
                if left is not None and left <= 0:
                    return

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def test_a_stream_that_is_cut_is_continued_by_the_command(run: Run, tmp_path: Path, server: AccountAccess) -> None:
    store(run, tmp_path)
    whole = read(run, "export")
    cuts = [5000, 9000, 3000]
    with cutting_proxy(server, cuts) as address:
        done = run("export", "-o", tmp_path / "cut.ndjson", CONSENTORY_SERVER=address)
    assert (done.returncode, cuts) == (0, []), done.stderr
    assert (tmp_path / "cut.ndjson").read_text("utf-8") == whole
