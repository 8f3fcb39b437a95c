import pytest
from django.urls import NoReverseMatch, reverse

from accounts.models import User
from equipment.models import LineStateInterval
from mfg_project.demo.people import NotADemo
from mfg_project.demo.problems import ALARM, cause_problem
from tests.demo import urls

pytestmark = pytest.mark.django_db
URL = "/demo/problem/"


@pytest.fixture
def demo_mode(settings, demo):
    settings.DEMO = True
    settings.ROOT_URLCONF = urls.__name__
    return demo


@pytest.fixture
def operator(client, demo_mode):
    client.force_login(User.objects.get(username="operator"))
    return client


def stops() -> list[LineStateInterval]:
    return list(LineStateInterval.objects.filter(state="stopped"))


def test_the_line_stops_as_if_its_machine_had_said_so(demo):
    stop = cause_problem(demo.lines["LINE-1"].pk)

    assert (stop.state, stop.source, stop.comment, stop.reason) == ("stopped", "machine", ALARM, None)
    assert stop.reported_by.username == "simulator"


def test_a_line_that_stands_already_stays_as_it_is(demo):
    first = cause_problem(demo.lines["LINE-1"].pk)

    assert cause_problem(demo.lines["LINE-1"].pk) == first


def test_the_button_stops_its_line(operator, demo_mode):
    answer = operator.post(URL, {"line": demo_mode.lines["LINE-2"].pk}, headers={"HX-Request": "true"})

    assert answer.status_code == 204
    assert [stop.line for stop in stops()] == [demo_mode.lines["LINE-2"]]
    assert operator.post(URL, {"line": demo_mode.lines["LINE-2"].pk}).status_code == 302


@pytest.mark.parametrize("line", ["", "no-line", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_line_is_not_found(operator, line):
    assert operator.post(URL, {"line": line}).status_code == 404


def test_only_who_may_set_states_may_cause_one(client, demo_mode):
    line = demo_mode.lines["LINE-1"].pk
    assert client.post(URL, {"line": line}).status_code == 302
    client.force_login(User.objects.get(username="auditor"))

    assert client.post(URL, {"line": line}).status_code == 403
    assert not stops()


def test_it_is_a_post(operator):
    assert operator.get(URL).status_code == 405


def test_outside_the_demo_there_is_no_such_address(client, demo, settings):
    with pytest.raises(NoReverseMatch):
        reverse("demo:cause-problem")
    settings.ROOT_URLCONF = urls.__name__
    client.force_login(User.objects.get(username="operator"))

    assert client.post(URL, {"line": demo.lines["LINE-1"].pk}).status_code == 404
    settings.PRODUCTION = True
    with pytest.raises(NotADemo):
        cause_problem(demo.lines["LINE-1"].pk)
    assert not stops()
