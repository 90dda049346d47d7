"""The feedback shows a sentence, and whether it is an error."""

from __future__ import annotations

from astra_nb.widgets.feedback import Feedback


def test_a_sentence_replaces_the_one_before_and_its_error() -> None:
    feedback = Feedback()
    feedback.say("It failed.", failed=True)
    assert (feedback.sentence, feedback.failed) == ("It failed.", True)
    feedback.say("It worked.")
    assert (feedback.sentence, feedback.failed, feedback.code) == ("It worked.", False, "")
    assert repr(feedback) == "Feedback('It worked.')"
