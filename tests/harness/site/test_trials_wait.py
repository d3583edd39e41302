"""A trial asks a system only when whoever works at it has done what the scenario asked for."""

from types import SimpleNamespace

import pytest

from scenarios.steps import imaging_odd, imaging_tls, imaging_web_trials


@pytest.fixture
def order():
    return []


@pytest.fixture
def world(order, monkeypatch):
    """A world that tells when its persons are done, and sites that know one examination."""
    planned = SimpleNamespace(device="ct", exam=None)
    here = SimpleNamespace(
        known=lambda _: planned, ours=lambda _: True, exams={"a": planned}, title=lambda _: "PACS"
    )
    for module in (imaging_odd, imaging_web_trials):
        monkeypatch.setattr(module, "site", lambda _: here)
    monkeypatch.setattr(imaging_web_trials, "web_of", lambda _: None)
    return SimpleNamespace(
        after_persons=lambda: order.append("persons"),
        trace=SimpleNamespace(add=lambda *_, **__: None),
        here=here,
    )


@pytest.mark.parametrize(
    ("module", "step", "name"),
    [
        (imaging_odd, imaging_odd.trial, "两种查询"),
        (imaging_web_trials, imaging_web_trials.web_trial, "分页"),
    ],
)
def test_a_trial_runs_behind_what_persons_do(world, order, monkeypatch, module, step, name):
    kind = module.KINDS[name]
    watched = {name: type(kind)(*kind_parts(kind), lambda _: order.append("asked") or "")}
    monkeypatch.setattr(module, "KINDS", watched)

    step(world, "a", name)

    assert order == ["persons", "asked"]


def kind_parts(kind):
    """What a kind has before what it runs."""
    return [getattr(kind, name) for name in type(kind).__dataclass_fields__][:-1]


def test_a_call_over_tls_is_behind_them_too(world, order, monkeypatch):
    class Peer:
        def __init__(self, *_):
            self.untrusted = "x"

        def __enter__(self):
            order.append("asked")
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(imaging_tls, "RawPeer", Peer)
    monkeypatch.setattr(imaging_tls, "Trial", lambda *_: SimpleNamespace(request=lambda: None))
    world.state, world.guard = {}, None
    spec = SimpleNamespace(connection=lambda *_, **__: None)
    world.bench = SimpleNamespace(
        specs={imaging_tls.LINK: spec}, switch=SimpleNamespace(watcher=None)
    )

    imaging_tls._called(world, world.here, None)

    assert order == ["persons", "asked"]
