"""The record of a desktop that stays is there again after its server has ended."""

from pathlib import Path

import pytest

from gloveport.sandbox.imaging.image import Picture
from gloveport.server.recording.actor import Actor
from gloveport.server.recording.event import Event
from gloveport.server.recording.recorder import Recorder

AGENT = Actor("agent", "secret key", "Claude")


def click(record: Recorder, words: str, data: bytes = b"p") -> Event:
    begun = record.begin(AGENT, "left_click", words, at=(3, 4))
    return record.end(begun, picture=Picture(data, "image/png", 2, 1), said={"code": "clicked"})


def test_events_and_pictures_are_there_again_and_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "story"
    first = Recorder(str.upper, folder)
    done = click(first, "a\nsnowman \u2603")
    first.begin(AGENT, "wait", "never ended")
    again = Recorder(str.upper, folder)
    assert [one.as_json() for one in again.lately()] == [done.as_json()]
    assert done.frame
    assert again.picture(done.frame) == Picture(b"p", "image/png", 2, 1)
    later = click(again, "b", b"q")
    assert later.number > done.number
    assert later.frame
    assert later.frame > done.frame
    assert len(Recorder(str.upper, folder).lately()) == 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder, *folder.iterdir()))
    assert b"secret key" not in (folder / "story.jsonl").read_bytes()


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"null", b"{}", b'{"who":1}', b"\xff\xfe", b"x" * 99999]
)
def test_a_damaged_line_costs_that_line(tmp_path: Path, line: bytes) -> None:
    done = click(Recorder(folder=tmp_path), "a")
    with (tmp_path / "story.jsonl").open("ab") as file:
        file.write(line + b"\n")
    record = Recorder(folder=tmp_path)
    assert [one.as_json() for one in record.lately()] == [done.as_json()]
    click(record, "b")
    assert len(Recorder(folder=tmp_path).lately()) == 2


def test_what_is_written_is_bounded(tmp_path: Path) -> None:
    record = Recorder(folder=tmp_path)
    for number in range(1200):
        click(record, str(number), bytes(40_000))
    taken = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert taken < 20 << 20
    assert [one.told for one in Recorder(folder=tmp_path).lately(3)] == ["1197", "1198", "1199"]
