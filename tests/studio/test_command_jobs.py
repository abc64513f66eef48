import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from facesmith.studio.command_jobs import CommandJobs, write_part
from facesmith.studio.errors import NotFound, Problem


def test_closing_deletes_uploads_left_by_cancelled_requests(tmp_path: Path) -> None:
    async def cancel_early() -> None:
        pool, release = ThreadPoolExecutor(1), threading.Event()
        asyncio.get_running_loop().set_default_executor(pool)
        pool.submit(release.wait)  # the deletion waits for a thread
        try:
            jobs = CommandJobs()
            upload = jobs.new_upload(tmp_path)
            removal = asyncio.create_task(jobs.remove_upload(upload.id))
            await asyncio.sleep(0.01)
            removal.cancel()
            with pytest.raises(asyncio.CancelledError):
                await removal
            assert upload.folder.exists()
            with pytest.raises(NotFound):
                jobs.upload(upload.id)
        finally:
            release.set()
        await jobs.close()

    asyncio.run(cancel_early())
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_arrives_during_the_deletion_is_refused(tmp_path: Path) -> None:
    async def send_late() -> None:
        jobs = CommandJobs()
        upload = jobs.new_upload(tmp_path)
        write_part(upload, "some/a.png", 0, b"first")
        removal = asyncio.create_task(jobs.remove_upload(upload.id))
        await asyncio.sleep(0)
        with pytest.raises(NotFound):
            write_part(upload, "some/b.png", 0, b"second")
        await removal

    asyncio.run(send_late())
    assert list(tmp_path.iterdir()) == []


def test_the_same_part_sent_twice_at_once_is_written_once(tmp_path: Path) -> None:
    upload = CommandJobs().new_upload(tmp_path)

    def send(number: int) -> bool:
        try:
            write_part(upload, f"{number // 2}.png", 0, bytes(100_000))
        except Problem:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(200))) == 100
    assert (upload.files, upload.bytes) == (100, 100 * 100_000)
