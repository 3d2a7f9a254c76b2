import hashlib
import os

import pytest

from palingen.gan.data.downloads import CHUNK_BYTES, RemoteFile, download
from palingen.runtime.errors import DataError

CONTENT = os.urandom(300_000)


def remote(*urls, content=CONTENT):
    return RemoteFile("file.gz", hashlib.sha256(content).hexdigest(), tuple(f"{url}/file.gz" for url in urls))


@pytest.fixture
def mirrors(servers):
    for server in servers:
        server.files["/file.gz"] = CONTENT
    return servers


def test_a_file_is_downloaded_once_and_again_if_it_is_damaged(tmp_path, mirrors):
    file = remote(mirrors[0].url)
    path = download(file, tmp_path / "cache")
    assert path.read_bytes() == CONTENT
    assert download(file, tmp_path / "cache") == path
    assert len(mirrors[0].requests) == 1
    path.write_bytes(CONTENT[:1000])
    assert download(file, tmp_path / "cache").read_bytes() == CONTENT
    assert len(mirrors[0].requests) == 2


def test_a_broken_transfer_is_continued_where_it_broke_off(tmp_path, mirrors):
    mirrors[0].breaks = 2
    assert download(remote(mirrors[0].url), tmp_path).read_bytes() == CONTENT
    first, *starts = [start for _, start in mirrors[0].requests]
    assert first is None
    assert [int(start[6:-1]) for start in starts] == pytest.approx([150_000, 225_000], abs=2 * CHUNK_BYTES)
    assert not list(tmp_path.glob("*.part"))


def test_a_later_call_continues_the_transfer_of_an_earlier_one(tmp_path, mirrors):
    (tmp_path / "file.gz.part").write_bytes(CONTENT[:1000])
    assert download(remote(mirrors[0].url), tmp_path).read_bytes() == CONTENT
    assert mirrors[0].requests == [("/file.gz", "bytes=1000-")]


def test_a_server_without_ranges_sends_the_file_from_the_start(tmp_path, mirrors):
    mirrors[0].breaks, mirrors[0].has_ranges = 1, False
    assert download(remote(mirrors[0].url), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("part", [CONTENT + b"more", os.urandom(1000)], ids=["too long", "of another file"])
def test_a_wrong_beginning_of_an_earlier_transfer_is_dropped(tmp_path, mirrors, part):
    (tmp_path / "file.gz.part").write_bytes(part)
    assert download(remote(*[server.url for server in mirrors]), tmp_path).read_bytes() == CONTENT


def test_a_dead_mirror_and_one_without_the_file_are_passed_over(tmp_path, mirrors, dead_url):
    mirrors[0].files.clear()
    assert download(remote(dead_url, mirrors[0].url, mirrors[1].url), tmp_path).read_bytes() == CONTENT


def test_a_file_with_another_hash_is_never_kept(tmp_path, mirrors):
    mirrors[0].files["/file.gz"] = CONTENT[:-1] + b"x"
    with pytest.raises(
        DataError, match=r"^file.gz: cannot be downloaded \(127.0.0.1 sends a file with another SHA-256\)"
    ):
        download(remote(mirrors[0].url), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".file.gz.lock"}
    assert len(mirrors[0].requests) == 1
    assert download(remote(mirrors[0].url, mirrors[1].url), tmp_path).read_bytes() == CONTENT


def test_without_a_network_one_line_names_every_mirror_and_the_folder(tmp_path, mirrors, dead_url):
    mirrors[0].files.clear()
    with pytest.raises(DataError) as refusal:
        download(remote(dead_url, mirrors[0].url), tmp_path)
    message = str(refusal.value)
    assert "(127.0.0.1 cannot be reached; 127.0.0.1 answers 404)" in message
    assert message.endswith(f"Try again later, or put the file into {tmp_path}")
    assert "\n" not in message


def test_progress_is_shown(tmp_path, mirrors, capsys, monkeypatch):
    monkeypatch.setattr("palingen.runtime.progress.LINE_INTERVAL_S", 0)
    download(remote(mirrors[0].url), tmp_path)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert lines
    assert all(line.startswith("download of file.gz: ") for line in lines)
