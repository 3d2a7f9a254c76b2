import gzip
import hashlib
import io
import zipfile
from dataclasses import replace

import pytest
import torch
from support import write_idx

from palingen.gan.data import named
from palingen.gan.data.datasets import dataset_size
from palingen.gan.data.downloads import RemoteFile
from palingen.gan.data.named import IDX_FILES, NAMED
from palingen.gan.data.sources import count_classes, load_images
from palingen.runtime.errors import DataError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PALINGEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def idx_files(folder, num_classes, first_label=0):
    """Four small IDX files as bytes; an image's first row is its label, from `first_label` on."""
    contents = {}
    for file in IDX_FILES:
        labels = torch.arange(num_classes, dtype=torch.uint8) + first_label
        array = labels
        if "images" in file:
            array = torch.zeros(num_classes, 28, 28, dtype=torch.uint8)
            array[:, 0] = labels[:, None] + (100 if file.startswith("t10k") else 0)
        write_idx(folder / file, array.numpy())
        contents[file] = (folder / file).read_bytes()
        (folder / file).unlink()
    return contents


@pytest.mark.parametrize("name", ["fashion-mnist", "kmnist"])
def test_a_data_set_is_downloaded_by_name_into_the_cache_once(name, tmp_path, cache, servers, monkeypatch):
    contents = idx_files(tmp_path, 10)
    servers[0].files = {f"/{file}": content for file, content in contents.items()}
    files = [RemoteFile(f, hashlib.sha256(c).hexdigest(), (f"{servers[0].url}/{f}",)) for f, c in contents.items()]
    monkeypatch.setitem(NAMED, name, replace(NAMED[name], files=tuple(files)))
    train, test = load_images("train", name), load_images("t10k", name)
    assert train.labels.tolist() == test.labels.tolist() == list(range(10))
    assert train.pixels[3, 0].unique().tolist() == [3]
    assert test.pixels[3, 0].unique().tolist() == [103]
    assert len(servers[0].requests) == 4
    assert {path.name for path in (cache / "data" / name).glob("*.gz")} == set(IDX_FILES)


@pytest.mark.parametrize(("name", "count", "first"), [("emnist-letters", 26, 1), ("emnist-balanced", 47, 0)])
def test_emnist_is_taken_from_one_archive_and_turned_upright(name, count, first, tmp_path, servers, monkeypatch):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file, content in idx_files(tmp_path, count, first).items():
            archive.writestr(f"gzip/{name}-{file.replace('t10k', 'test')}", content)
    servers[0].files["/gzip.zip"] = buffer.getvalue()
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    monkeypatch.setattr(named, "EMNIST", RemoteFile("gzip.zip", sha256, (f"{servers[0].url}/gzip.zip",)))
    train = load_images("train", name)
    assert train.labels.tolist() == list(range(count))
    assert train.pixels[3, :, 0].unique().tolist() == [3 + first]  # the first column, which the file holds as a row
    load_images("t10k", name)
    assert len(servers[0].requests) == 1


def test_an_archive_that_is_not_emnists_is_named(tmp_path, servers, monkeypatch):
    content = gzip.compress(b"no archive")
    servers[0].files["/gzip.zip"] = content
    file = RemoteFile("gzip.zip", hashlib.sha256(content).hexdigest(), (f"{servers[0].url}/gzip.zip",))
    monkeypatch.setattr(named, "EMNIST", file)
    with pytest.raises(DataError, match=r"gzip.zip: not EMNIST's archive .*; delete it"):
        load_images("train", "emnist-letters")


def test_sizes_and_classes_are_known_before_the_download():
    assert {name: (dataset_size(name), count_classes(name)) for name in NAMED} == {
        "fashion-mnist": (60_000, 10),
        "kmnist": (60_000, 10),
        "emnist-letters": (124_800, 26),
        "emnist-balanced": (112_800, 47),
    }
    balanced = NAMED["emnist-balanced"].class_names
    assert "".join(balanced) == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"


def test_every_file_has_a_sha256_and_a_mirror():
    files = [*(file for spec in NAMED.values() for file in spec.files), named.EMNIST]
    assert len(files) == 9
    assert all(len(bytes.fromhex(file.sha256)) == 32 and file.urls for file in files)
