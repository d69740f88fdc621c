"""import-api.md, "Stage": how large a body may be, over HTTP. Each docstring quotes its sentence."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
import zstandard
from attack_scene import find_children, read_memory
from running_server import RunningServer
from wire_client import WireClient, check_problem, pack, person, require

MEGABYTE = 1_000_000


@pytest.fixture
def small(running: RunningServer) -> Iterator[WireClient]:
    """An account that accepts bodies of up to 1 MB."""
    with WireClient(running.create_account(lambda d: d["account"].update(maxStageMegabytes=1))) as client:
        yield client


def padded(size: int) -> bytes:
    """A body of one good record and white space."""
    body = pack([person(1)])
    return body + b" " * (size - len(body))


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
def test_the_bound_of_a_body_is_configurable_and_measured_after_decompression(small: WireClient, encoding: str) -> None:
    """25 MB a body by default, configurable …, measured after decompression …: 413."""
    compress = {"identity": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}[encoding]
    token = small.initiate()["AccessToken"]
    too_large = small.try_stage(token, compress(padded(MEGABYTE + 1)), Content_Encoding=encoding)
    assert "1,000,000 bytes" in check_problem(too_large, 413, "Request.BodyTooLarge")["detail"]
    assert small.status(token)["Status"] == "Initiated"
    fits = small.try_stage(token, compress(padded(MEGABYTE)), Content_Encoding=encoding)
    assert require(fits)["TotalRecordsReceived"] == 1


def test_a_body_without_an_announced_length_is_bounded_too(small: WireClient) -> None:
    """Bounds: … measured after decompression: 413."""
    token = small.initiate()["AccessToken"]

    def send(size: int) -> Iterator[bytes]:
        whole = padded(size)
        return (whole[start : start + 65_536] for start in range(0, size, 65_536))

    headers = {"Content-Type": "application/json"}
    answer = small.http.post(small.path(token, "Stage"), content=send(MEGABYTE + 1), headers=headers)
    check_problem(answer, 413, "Request.BodyTooLarge")
    require(small.http.post(small.path(token, "Stage"), content=send(MEGABYTE), headers=headers))


def test_25_mb_a_body_by_default(running: RunningServer) -> None:
    """25 MB a body by default."""
    with WireClient(running.create_account(lambda d: d["account"].pop("maxStageMegabytes"))) as client:
        token = client.initiate()["AccessToken"]
        for size, status in ((25 * MEGABYTE, 200), (25 * MEGABYTE + 1, 413)):
            body = zstandard.compress(padded(size))
            assert client.try_stage(token, body, Content_Encoding="zstd").status_code == status


def test_the_bound_is_configurable_to_at_most_28_mb(running: RunningServer) -> None:
    """… configurable to at most 28 MB."""
    with WireClient(running.create_account(lambda d: d["account"].update(maxStageMegabytes=28))) as client:
        token = client.initiate()["AccessToken"]
        assert (
            client.try_stage(token, gzip.compress(padded(28 * MEGABYTE), 1), Content_Encoding="gzip").status_code == 200
        )
    with pytest.raises(Exception, match="28"):
        running.create_account(lambda d: d["account"].update(maxStageMegabytes=29))


def measure_peak(running: RunningServer) -> float:
    """The largest memory, in bytes, of any process of the server since its start."""
    server = running.processes[0].pid
    return max(read_memory(pid, "VmHWM") for pid in (server, *find_children(server))) * MEGABYTE


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_compression_bomb_is_refused_while_it_inflates(
    small: WireClient, running: RunningServer, encoding: str
) -> None:
    """A compression bomb is refused while it inflates, memory stays bounded: 413."""
    piece = b" " * (20 * MEGABYTE)
    packed = gzip.compress(piece) if encoding == "gzip" else zstandard.compress(piece)
    bomb = packed * 40
    assert len(bomb) < MEGABYTE
    token = small.initiate()["AccessToken"]
    before = measure_peak(running)
    check_problem(small.try_stage(token, bomb, Content_Encoding=encoding), 413, "Request.BodyTooLarge")
    assert measure_peak(running) - before < 60 * MEGABYTE
    assert small.status(token)["TotalRecordsReceived"] == 0


def test_the_body_of_initiate_is_bounded(small: WireClient) -> None:
    """413: body too large."""
    check_problem(small.try_initiate(b'{"Name":"' + b"a" * MEGABYTE + b'"}'), 413, "Request.BodyTooLarge")
