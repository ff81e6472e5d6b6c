"""Models from a hub: which file is meant, and how a fetch survives what networks do."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inference.store import fetching, hub, web
from inference.store.errors import CutError, FetchError
from inference.store.hub import Listed
from tests.inference.store import hub_server
from tests.inference.store.hub_server import FILE, REPOSITORY

CONTENT = random.Random(7).randbytes(3_000_000)


@pytest.fixture
def server() -> Iterator[hub_server.Hub]:
    with hub_server.serving(hub_server.Hub(files={FILE: CONTENT})) as found:
        yield found


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "incoming" / "a.part"


def wanted(server: hub_server.Hub, **more: Any) -> fetching.Wanted:
    asked = hub.Hub(base=server.url, **more)
    return hub.wanted(asked, REPOSITORY, hub.choose(hub.files(asked, REPOSITORY), ""))


def fetch(server: hub_server.Hub, part: Path, **more: Any) -> Path:
    return fetching.fetch(wanted(server, **more), part, pause=lambda _: None)


def ranges(server: hub_server.Hub) -> list[str]:
    return [headers.get("range", "") for path, headers in server.asked if FILE in path]


def test_a_file_comes_whole_with_its_progress(server: hub_server.Hub, part: Path) -> None:
    seen: list[tuple[int, int]] = []

    fetching.fetch(wanted(server), part, progress=lambda *at: seen.append(at))

    assert part.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_a_cut_connection_is_gone_on_from(server: hub_server.Hub, part: Path) -> None:
    server.cuts = [1_000_000, 500_000]

    fetch(server, part)

    assert part.read_bytes() == CONTENT
    assert ranges(server) == ["", "bytes=1000000-", "bytes=1500000-"]


def test_a_later_pull_goes_on_where_the_last_was_killed(
    server: hub_server.Hub, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.cuts = [1_000_000]

    def killed(_seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetching.fetch(wanted(server), part, pause=killed)
    fetch(server, part)

    assert part.read_bytes() == CONTENT
    assert ranges(server)[-1] == "bytes=1000000-"


def test_a_file_that_changed_in_between_is_fetched_anew(server: hub_server.Hub, part: Path) -> None:
    other = bytes(reversed(CONTENT))

    def changed(_seconds: float) -> None:
        server.files[FILE], server.etag = other, '"v2"'

    server.cuts = [1_000_000]
    plain = fetching.Wanted(source=web.Source(url=f"{server.url}/x/{FILE}"))
    fetching.fetch(plain, part, pause=changed)

    assert part.read_bytes() == other


def test_a_server_without_ranges_is_asked_again_from_the_start(
    server: hub_server.Hub, part: Path
) -> None:
    server.cuts, server.ranges = [1_000_000], False
    fetch(server, part)
    assert part.read_bytes() == CONTENT


def test_a_server_that_never_gets_on_is_given_up(server: hub_server.Hub, part: Path) -> None:
    asked = wanted(server)
    server.statuses = [503] * 50
    pauses: list[float] = []
    with pytest.raises(CutError, match="cannot answer now"):
        fetching.fetch(asked, part, pause=pauses.append)
    assert len(pauses) == fetching.TRIES - 1
    assert pauses == sorted(pauses)


def test_another_content_than_announced_is_deleted(server: hub_server.Hub, part: Path) -> None:
    server.announced = {"sha256": "0" * 64}
    with pytest.raises(FetchError, match="checksum differs"):
        fetch(server, part)
    assert not part.exists()


def test_another_size_than_announced_is_refused(server: hub_server.Hub, part: Path) -> None:
    server.announced = {"size": len(CONTENT) - 5}
    with pytest.raises(FetchError, match="were expected"):
        fetch(server, part)
    assert not part.exists()


@pytest.mark.parametrize(
    ("status", "words"), [(401, "KORA_HUB_TOKEN"), (403, "KORA_HUB_TOKEN"), (404, "no such")]
)
def test_refusals_say_what_to_do(
    server: hub_server.Hub, part: Path, status: int, words: str
) -> None:
    server.statuses = [status]
    with pytest.raises(FetchError, match=words) as refused:
        fetch(server, part)
    assert not isinstance(refused.value, CutError)


def test_no_network_points_to_import(part: Path) -> None:
    asked = hub.Hub(base="http://127.0.0.1:1")
    with pytest.raises(FetchError, match="models import"):
        hub.files(asked, REPOSITORY)
    gone = fetching.Wanted(source=web.Source(url="http://127.0.0.1:1/a.gguf"))
    with pytest.raises(FetchError, match="models import"):
        fetching.fetch(gone, part, pause=lambda _: pytest.fail("waits for nothing"))


def test_the_token_goes_to_the_hub_and_not_to_where_it_redirects(
    server: hub_server.Hub, part: Path
) -> None:
    server.token = "hush"
    with hub_server.serving(hub_server.Hub(files={FILE: CONTENT})) as storage:
        server.elsewhere = storage.url
        fetch(server, part, token="hush")
        assert part.read_bytes() == CONTENT
        assert all("authorization" not in headers for _, headers in storage.asked)
    assert all(headers["authorization"] == "Bearer hush" for _, headers in server.asked)
    assert "hush" not in repr(wanted(server, token="hush"))


def test_redirects_are_judged_before_they_are_followed(server: hub_server.Hub, part: Path) -> None:
    with hub_server.serving(hub_server.Hub(files={FILE: CONTENT})) as storage:
        server.elsewhere = storage.url

        def judge(url: str) -> str:
            return "not there" if url.startswith(storage.url) else ""

        with pytest.raises(FetchError, match="not there"):
            fetch(server, part, judge=judge)
        assert storage.asked == []


@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://example.com/x", "gopher://x"])
def test_redirects_lead_to_the_web_only(server: hub_server.Hub, part: Path, where: str) -> None:
    server.location = where
    with pytest.raises(FetchError, match="no web address"):
        fetch(server, part)


def test_redirects_in_circles_end(server: hub_server.Hub, part: Path) -> None:
    server.location = "/again"
    with pytest.raises(FetchError, match="circles"):
        fetch(server, part)


def test_a_full_disk_is_said_before_anything_is_written(
    server: hub_server.Hub, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(part.parent.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(FetchError, match="disk is too full"):
        fetch(server, part)
    assert not part.exists()


def test_two_fetches_of_one_file_do_not_mix(server: hub_server.Hub, part: Path) -> None:
    def second(_seconds: float) -> None:
        with pytest.raises(FetchError, match="already"):
            fetch(server, part)

    server.cuts = [1000]
    fetching.fetch(wanted(server), part, pause=second)
    assert part.read_bytes() == CONTENT


def test_what_is_no_hub_is_told(server: hub_server.Hub) -> None:
    with hub_server.serving(hub_server.Hub(files={"main": b"<html>"})) as other:
        asked = hub.Hub(base=f"{other.url}/prefix")
        with pytest.raises(FetchError):
            hub.files(asked, REPOSITORY)


LISTED = [
    Listed(path="M-Q4_K_M.gguf"),
    Listed(path="M-Q8_0.gguf"),
    Listed(path="sub/M.IQ4_XS.gguf"),
    Listed(path="M-f16-00001-of-00002.gguf"),
    Listed(path="M-f16-00002-of-00002.gguf"),
]


@pytest.mark.parametrize(
    ("meant", "path"),
    [
        ("", "M-Q4_K_M.gguf"),
        ("q8_0", "M-Q8_0.gguf"),
        ("Q8_0", "M-Q8_0.gguf"),
        ("iq4_xs", "sub/M.IQ4_XS.gguf"),
        ("M-Q8_0.gguf", "M-Q8_0.gguf"),
    ],
)
def test_which_file_is_meant(meant: str, path: str) -> None:
    assert hub.choose(LISTED, meant).path == path


@pytest.mark.parametrize(
    ("listed", "meant", "words"),
    [
        (LISTED, "q2_k", "names no file.*M-Q8_0"),
        (LISTED, "M-f16-00001-of-00002.gguf", "split"),
        (LISTED[3:], "", "split"),
        ([Listed(path="a.gguf"), Listed(path="b.gguf")], "", "Say which"),
        ([Listed(path="a-Q8_0.gguf"), Listed(path="b-Q8_0.gguf")], "q8_0", "more than one"),
        ([], "", "no GGUF"),
    ],
)
def test_what_is_not_clear_is_asked_back(listed: list[Listed], meant: str, words: str) -> None:
    with pytest.raises(FetchError, match=words):
        hub.choose(listed, meant)


@pytest.mark.parametrize("repository", ["justname", "../../etc", "a/b/c", "a/..", "", "a b/c"])
def test_what_is_no_repository_is_refused(repository: str) -> None:
    with pytest.raises(FetchError, match="owner/name"):
        hub.files(hub.Hub(base="http://127.0.0.1:1"), repository)
