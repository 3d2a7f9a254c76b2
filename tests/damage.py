"""Damage to files, generated from a seed: what disks, transfers, other programs and strangers do to them."""

import gzip
import json
import random
from collections.abc import Callable
from typing import Any

Damage = Callable[[bytes, random.Random], bytes]


def _changed(content: bytes, position: int, change: int) -> bytes:
    return content[:position] + bytes([content[position] ^ change]) + content[position + 1 :]


def truncated(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def bit_flipped(content: bytes, rng: random.Random) -> bytes:
    return _changed(content, rng.randrange(len(content)), 1 << rng.randrange(8))


def bit_flipped_early(content: bytes, rng: random.Random) -> bytes:
    """A flipped bit in the first part, where headers are."""
    return _changed(content, rng.randrange(min(len(content), 300)), 1 << rng.randrange(8))


def scattered(content: bytes, rng: random.Random) -> bytes:
    """One byte in a hundred is another."""
    return bytes(byte ^ (rng.randrange(256) if rng.random() < 0.01 else 0) for byte in content[:100_000])


def zeroed(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content))
    return content[:start] + bytes(min(512, len(content) - start)) + content[start + 512 :]


def wrong_magic(content: bytes, rng: random.Random) -> bytes:
    return rng.choice([b"PK\3\4", b"\x89PNG", b"\x80\x04\x95", b"\0\0\0\0", b"\x1f\x8b\x08\x00"]) + content[4:]


def replaced(content: bytes, rng: random.Random) -> bytes:
    """Something else altogether."""
    other = [b"", b"\0", b"<html>404</html>", b"null", b"[]", b"{}", rng.randbytes(1000), b"\xff\xfe\0"]
    return rng.choice(other)


def grown(content: bytes, rng: random.Random) -> bytes:
    return content + rng.randbytes(rng.randrange(1, 100))


def halves_swapped(content: bytes, rng: random.Random) -> bytes:
    middle = len(content) // 2
    return content[middle:] + content[:middle]


ANY_FILE: tuple[Damage, ...] = (
    truncated, bit_flipped, bit_flipped_early, scattered, zeroed, wrong_magic, replaced, grown, halves_swapped,
)  # fmt: skip


def nested(content: bytes, rng: random.Random) -> bytes:
    """JSON nested 100,000 deep."""
    return rng.choice([b"[" * 100_000, b'{"kind":' * 100_000, b'{"runs":[' * 50_000])


def huge_number(content: bytes, rng: random.Random) -> bytes:
    number = rng.choice([b"9" * 6000, b"1e999", b"-1e999", b"NaN", b"Infinity", b"1e308"])
    return b'{"kind": "result", "epoch": ' + number + b"}\n"


def value_changed(content: bytes, rng: random.Random) -> bytes:
    """JSON, or one line of it, with another value somewhere."""
    return _mutated(content, rng, lambda: rng.choice([None, "x", -1, 0, 1e308, 10**30, [], {}, True, "<script>"]))


def key_lost(content: bytes, rng: random.Random) -> bytes:
    """JSON, or one line of it, with a key missing."""
    return _mutated(content, rng, None)


JSON_FILE: tuple[Damage, ...] = (nested, huge_number, value_changed, key_lost)


def bomb(content: bytes, rng: random.Random) -> bytes:
    """A small file that decompresses to a gigabyte, or declares to."""
    header = rng.choice([b"\0\0\x08\x03" + b"\x7f\xff\xff\xff" * 3, b"\0\0\x08\x01\x40\0\0\0", b"\0\0\x08\xff"])
    return gzip.compress(header + bytes(30_000_000), 1)


def labels_of_no_class(content: bytes, rng: random.Random) -> bytes:
    """An intact file with labels that are no digits."""
    labels = gzip.decompress(content)
    return gzip.compress(labels[:8] + bytes([rng.choice([10, 11, 255])]) + labels[9:])


def huge_header(content: bytes, rng: random.Random) -> bytes:
    """A safetensors file whose header claims to be up to 16 million TB long."""
    return rng.choice([2**40, 2**63, 2**64 - 1, len(content), 10**8]).to_bytes(8, "little") + content[8:]


def _mutated(content: bytes, rng: random.Random, new_value: Callable[[], Any] | None) -> bytes:
    lines = content.decode().splitlines()
    try:
        document = json.loads(content)
    except ValueError:
        number = rng.randrange(len(lines))
        lines[number] = json.dumps(_mutate(json.loads(lines[number]), rng, new_value))
        return "\n".join(lines).encode()
    return json.dumps(_mutate(document, rng, new_value)).encode()


def _mutate(value: Any, rng: random.Random, new_value: Callable[[], Any] | None) -> Any:
    """The value with one of its parts, at any depth, changed or removed."""
    part = value
    while True:
        keys = list(part) if isinstance(part, dict) else range(len(part))
        key = rng.choice(list(keys))
        if not isinstance(part[key], dict | list) or not part[key] or rng.random() < 0.3:
            break
        part = part[key]
    if new_value:
        part[key] = new_value()
    else:
        del part[key]
    return value
