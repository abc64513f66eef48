from pathlib import Path

import pytest

from facesmith.errors import FacesmithError
from facesmith.machine import machine_cores, usable_cores, worker_count

ALL = usable_cores(Path("/nothing"))


@pytest.mark.parametrize(
    ("limit", "cores"), [("100000 100000", 1), ("40000 100000", 1), ("max 100000", ALL), ("", ALL)]
)
def test_cpu_quota_of_a_container_limits_the_cores(tmp_path: Path, limit: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(limit)
    assert usable_cores(tmp_path) == cores


@pytest.mark.parametrize(("quota", "cores"), [("100000", 1), ("50000", 1), ("-1", ALL)])
def test_cpu_quota_of_cgroup_version_1_limits_the_cores(tmp_path: Path, quota: str, cores: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota + "\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert usable_cores(tmp_path) == cores


def test_without_a_quota_all_cores_are_usable(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == ALL >= 1


def test_threads_and_workers_are_bounded_by_the_machine() -> None:
    assert worker_count(None) == worker_count(0) == usable_cores()
    assert worker_count(1) == 1
    assert worker_count(2**40) == 2 * machine_cores()
    with pytest.raises(FacesmithError, match="-1"):
        worker_count(-1)
