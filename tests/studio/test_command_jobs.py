import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from facesmith.studio.command_jobs import CommandJobs
from facesmith.studio.errors import NotFound


def test_closing_deletes_what_a_cancelled_request_left(tmp_path: Path) -> None:
    async def cancel_early() -> None:
        pool, release = ThreadPoolExecutor(1), threading.Event()
        asyncio.get_running_loop().set_default_executor(pool)
        pool.submit(release.wait)  # the deletion waits for a thread
        jobs = CommandJobs()
        upload = jobs.new_upload(tmp_path)
        removal = asyncio.create_task(jobs.remove_upload(upload.id))
        await asyncio.sleep(0.01)
        removal.cancel()
        with pytest.raises(asyncio.CancelledError):
            await removal
        assert upload.folder.exists()
        release.set()
        await jobs.close()

    asyncio.run(cancel_early())
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_arrives_during_the_deletion_is_refused(tmp_path: Path) -> None:
    async def send_late() -> None:
        jobs = CommandJobs()
        upload = jobs.new_upload(tmp_path)
        await jobs.write_part(upload.id, "some/a.png", 0, b"first")
        removal = asyncio.create_task(jobs.remove_upload(upload.id))
        await asyncio.sleep(0)
        with pytest.raises(NotFound):
            await jobs.write_part(upload.id, "some/b.png", 0, b"second")
        await removal

    asyncio.run(send_late())
    assert list(tmp_path.iterdir()) == []


def test_parts_sent_at_once_are_counted(tmp_path: Path) -> None:
    async def send() -> None:
        jobs = CommandJobs()
        upload = jobs.new_upload(tmp_path)
        await asyncio.gather(*(jobs.write_part(upload.id, f"{number}.png", 0, b"data") for number in range(40)))
        assert (upload.files, upload.bytes) == (40, 160)
        await jobs.close()

    asyncio.run(send())
