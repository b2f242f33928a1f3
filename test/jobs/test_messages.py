"""Messages between processes."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.processes.messages import Message
from test import strategies


@given(strategies.messages)
def test_a_message_survives_its_frames(message):
    assert Message.from_frames(message.frames()) == message


@given(st.lists(st.binary(max_size=50), max_size=4))
def test_arbitrary_frames_are_a_message_or_refused(frames):
    with contextlib.suppress(ValueError):
        Message.from_frames(frames)


def test_a_number_that_json_does_not_have_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        Message("ready", {"score": float("nan")}).frames()
