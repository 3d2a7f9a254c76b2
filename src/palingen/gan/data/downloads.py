"""Downloads into the cache: hashes are checked, broken transfers resumed, and several mirrors tried in turn."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock

from palingen.runtime.errors import DataError
from palingen.runtime.progress import progress

MAX_ATTEMPTS = 5
"""Transfers from one mirror; all but the first continue one that broke off."""

TIMEOUT_S = 20.0
"""Seconds to wait for a connection, and for the next bytes."""

CHUNK_BYTES = 2**14
"""Bytes that are written at a time; at most so many are lost when a transfer breaks off."""

MEGABYTE = 10**6

Downloader = Callable[..., None]


@dataclass(frozen=True)
class RemoteFile:
    """File on the network."""

    name: str
    """Name in the cache."""

    sha256: str
    urls: tuple[str, ...]
    """Mirrors, in the order in which they are tried."""


def download(file: RemoteFile, folder: Path) -> Path:
    """Path of a file in the cache; it is downloaded if it is missing or its hash differs.

    Args:
        file: the file.
        folder: where it is kept. A broken transfer stays there too, and the next call continues it.

    Raises:
        DataError: no mirror has the file.
        OSError: the disk is full or the folder is not writable.
    """
    import pooch  # late, since only downloads need it
    from requests import RequestException

    pooch.get_logger().setLevel("ERROR")  # the progress display says it
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{file.name}.part"
    reasons = []
    with FileLock(folder / f".{file.name}.lock"):
        for url in file.urls:
            for _ in range(MAX_ATTEMPTS):
                size = _size(part)
                try:
                    return Path(pooch.retrieve(url, f"sha256:{file.sha256}", file.name, folder, downloader=_into(part)))
                except RequestException as error:
                    reason = _reason(error)
                    if _size(part) <= size:
                        break
                except ValueError:  # pooch's error for another hash
                    reason = "sends a file with another SHA-256"
                    if not size:
                        break  # from its first byte on
            reasons.append(f"{urlsplit(url).hostname} {reason}")
    raise DataError(
        f"{file.name}: cannot be downloaded ({'; '.join(reasons)}). Try again later, or put the file into {folder}"
    )


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _into(part: Path) -> Downloader:
    """Downloader for pooch that collects the bytes in `part`, and continues there if the server allows it."""

    def transfer(url: str, output_file: str, _pooch: Any) -> None:
        import requests

        done = _size(part)
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={done}-"} if done else {})}
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                part.unlink()  # more bytes than there are: of another file
            response.raise_for_status()
            is_continued = response.status_code == requests.codes.partial_content
            done = done if is_continued else 0
            size = done + int(response.headers.get("Content-Length", 0))
            with part.open("ab" if is_continued else "wb") as file, _megabytes(Path(url).name, size, done) as show:
                for chunk in response.iter_content(CHUNK_BYTES):
                    file.write(chunk)
                    done += len(chunk)
                    show.advance(done // MEGABYTE)
        part.replace(output_file)

    return transfer


def _megabytes(name: str, size: int, done: int) -> Any:
    return progress(f"download of {name}", max(size // MEGABYTE, 1), "MB", done // MEGABYTE)


def _reason(error: Exception) -> str:
    """Cause of a failed transfer in a few words; the library's own message is long."""
    import requests

    match error:
        case requests.HTTPError(response=requests.Response() as response):
            return f"answers {response.status_code}"
        case requests.Timeout():
            return f"gives no answer in {TIMEOUT_S:.0f} s"
        case requests.exceptions.ChunkedEncodingError():
            return "breaks the transfer off"
        case _:
            return "cannot be reached"
