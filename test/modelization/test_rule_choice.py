from math import comb

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from modelization.decision.held_out import HeldOut
from modelization.decision.rule_choice import _chance, choose_rule
from test.modelization.made_up_reports import held_out_of


def said(right: int, faces: int = 200, strangers: float = -5.0) -> HeldOut:
    """Of ``faces`` faces of two people, the first ``right`` are named rightly and the others for the other person."""
    people = np.zeros(faces, np.int64)
    logits = np.tile(np.array([5.0, -5.0], np.float32), (faces, 1))
    logits[right:] = logits[right:, ::-1]
    return held_out_of(logits, np.full(faces, strangers), people, np.ones(faces, bool), np.array([faces, 1]))


def chosen(**found: HeldOut) -> str:
    return choose_rule(found, dict.fromkeys(found, 0.9))


def test_the_network_decides_where_nothing_is_shown_to_be_better() -> None:
    assert chosen(network=said(190), cosine=said(190), softmax=said(193)) == "network"


def test_a_plainer_rule_that_is_clearly_better_takes_its_place() -> None:
    assert chosen(network=said(150), cosine=said(170), softmax=said(190)) == "softmax"


def test_a_plainer_rule_that_names_more_strangers_does_not() -> None:
    assert chosen(network=said(150), cosine=said(190, strangers=5.0)) == "network"


def test_where_no_network_was_trained_the_learned_rule_decides() -> None:
    assert chosen(learned=said(3)) == "learned"


def test_two_faces_show_nothing() -> None:
    assert chosen(network=said(0, faces=2), cosine=said(2, faces=2)) == "network"


@given(st.integers(0, 40), st.integers(0, 40))
def test_chance_is_the_tail_of_fair_coins(gained: int, lost: int) -> None:
    rule = np.arange(gained + lost) < gained
    tail = sum(comb(gained + lost, heads) for heads in range(gained, gained + lost + 1))
    assert _chance(rule, ~rule) == tail / 2 ** (gained + lost)
