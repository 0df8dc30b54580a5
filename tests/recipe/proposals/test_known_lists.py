from __future__ import annotations

from mergec.recipe.proposals.families import Family, Reading, families
from mergec.recipe.proposals.fit import Fit
from mergec.recipe.proposals.known_lists import KnownLists
from tests.recipe.proposals.named_models import kind


def family(name: str) -> Family:
    return families({name: kind(2)}, Reading.SEGMENTS)[0]


def fit(source: Family, target: Family) -> Fit:
    return Fit(source, target, (0,), 0, 0.0, is_telling=False)


def test_what_is_learned_first_holds() -> None:
    lists = KnownLists()
    lists.learn([fit(family("enc.0.a"), family("x.0.a")), fit(family("enc.0.b"), family("y.0.b"))])
    assert lists.hold(fit(family("enc.0.c"), family("x.0.c")))
    assert not lists.hold(fit(family("enc.0.c"), family("y.0.c")))


def test_lists_of_one_name_are_the_same_unless_another_is_known() -> None:
    lists = KnownLists()
    assert lists.hold(fit(family("enc.0.a"), family("enc.0.b")))
    assert not lists.hold(fit(family("enc.0.a"), family("dec.0.a")))
    lists.learn([fit(family("enc.0.a"), family("dec.0.a"))])
    assert not lists.hold(fit(family("enc.0.a"), family("enc.0.b")))


def test_outside_of_lists_nothing_holds() -> None:
    assert not KnownLists().hold(fit(family("head.w"), family("head.w")))


def test_what_may_stay_in_its_list_does() -> None:
    lists = KnownLists()
    source, stays, leaves = family("enc.0.a"), family("enc.0.b"), family("dec.0.a")
    elsewhere = fit(family("top.0.z"), family("other.0.z"))
    inside, outside = fit(source, stays), fit(source, leaves)
    assert lists.kept([outside, inside, elsewhere]) == [inside, elsewhere]
    assert lists.kept([outside]) == [outside]
