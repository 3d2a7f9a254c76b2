import pytest

from palingen.runtime import memory
from palingen.runtime.errors import ConfigError
from palingen.runtime.memory import Need, available_memory, require_memory


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_this_machine_says_how_much_memory_there_is():
    assert 1e8 < available_memory() < 1e14


def test_the_machine_counts_available_memory(tmp_path):
    write(tmp_path / "proc", meminfo="MemTotal:  16 kB\nMemAvailable:  5 kB\n")
    assert list(memory._machine_memory(tmp_path)) == [5 * 1024]


def test_without_meminfo_the_whole_memory_counts(tmp_path):
    (total,) = memory._machine_memory(tmp_path)
    assert total > 1e8


@pytest.mark.parametrize(
    ("entry", "group", "limit", "usage"),
    [
        ("0::/job", "job", "memory__max", "memory__current"),
        ("4:memory:/job", "memory/job", "memory__limit_in_bytes", "memory__usage_in_bytes"),
    ],
)
def test_a_control_group_leaves_its_limit_less_what_is_used_but_for_the_cache(tmp_path, entry, group, limit, usage):
    write(tmp_path / "proc/self", cgroup=f"7:cpu:/other\n{entry}\n")
    write(tmp_path / "sys/fs/cgroup" / group, **{limit: "1000", usage: "300", "memory__stat": "inactive_file 100"})
    assert list(memory._cgroup_memory(tmp_path)) == [800]


def test_a_control_group_without_limit_and_a_system_without_groups_say_nothing(tmp_path):
    assert list(memory._cgroup_memory(tmp_path)) == []
    write(tmp_path / "proc/self", cgroup="0::/\n")
    write(tmp_path / "sys/fs/cgroup", memory__max="max", memory__current="300", memory__stat="inactive_file 100")
    assert list(memory._cgroup_memory(tmp_path)) == []


def test_a_refusal_names_the_task_the_estimate_the_largest_part_what_there_is_and_the_field(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda device=None: 4e9)
    require_memory("the training", Need("the weights", 3e9, "hidden_size"), Need("a batch", 1e9, "batch_size"))
    needs = "the training needs about 5.0 GB of memory, 3.5 GB of it for a batch"
    with pytest.raises(ConfigError, match=f"^{needs}, and 4.0 GB are available; lower batch_size$"):
        require_memory("the training", Need("the weights", 1.5e9, "hidden_size"), Need("a batch", 3.5e9, "batch_size"))


def test_nothing_is_refused_where_the_system_does_not_say(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda device=None: None)
    require_memory("the training", Need("the weights", 1e30, "hidden_size"))
