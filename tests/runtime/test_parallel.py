import pytest

from palingen.runtime.errors import ConfigError, PalingenError
from palingen.runtime.parallel import ParallelConfig, _joblib_backend, map_unordered


def square(number: int) -> int:
    return number * number


def test_every_run_is_computed_once_in_whatever_order(tmp_path):
    assert sorted(map_unordered(square, [3, 1, 2], tmp_path, ParallelConfig(jobs=2))) == [1, 4, 9]


def test_a_dask_cluster_on_this_machine_has_a_process_with_one_thread_for_each_job():
    distributed = pytest.importorskip("distributed")
    with _joblib_backend(ParallelConfig(backend="dask", jobs=3)):
        threads = distributed.default_client().nthreads()
    assert list(threads.values()) == [1, 1, 1]


def test_a_number_of_jobs_below_one_is_refused():
    with pytest.raises(ConfigError, match="jobs=0: must be at least 1"):
        ParallelConfig(jobs=0)


def test_a_backend_that_is_not_installed_is_named_with_the_extra_that_brings_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(PalingenError, match=r"backend='ray': needs the package 'ray'.*palingen\[cluster\]"):
        list(map_unordered(square, [1], tmp_path, ParallelConfig(backend="ray")))
