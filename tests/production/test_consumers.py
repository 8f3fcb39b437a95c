"""The live connection: who is let in, what it is told, and that it is told only of what is saved."""

from contextlib import asynccontextmanager

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from accounts.models import User
from accounts.services.users import update_user
from production import consumers
from production.consumers import FORBIDDEN, TRY_AGAIN_LATER, FloorConsumer
from production.services.job_orders import report_quantity
from production.services.kpi import refresh_kpis
from production.services.work_orders import hold_work_order
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@asynccontextmanager
async def socket_of(user):
    socket = WebsocketCommunicator(FloorConsumer.as_asgi(), "/ws/floor/")
    socket.scope["user"] = user
    opened, code = await socket.connect()
    try:
        yield socket, opened, code
    finally:
        await socket.disconnect()


async def heard(socket) -> list[tuple[str, str]]:
    """Everything that comes before it stays silent, ticks left out."""
    messages = []
    while not await socket.receive_nothing(timeout=0.3):
        message = await socket.receive_json_from()
        messages.append((message["event"], message["id"]))
    return [message for message in messages if message[0] != "tick"]


@pytest.mark.parametrize("stranger", [AnonymousUser(), None])
def test_a_stranger_is_turned_away(stranger):
    async def scenario():
        async with socket_of(stranger) as (_socket, opened, code):
            return opened, code

    assert async_to_sync(scenario)() == (False, FORBIDDEN)


def test_a_user_without_any_role_is_turned_away(db):
    with factories.arranging():
        nobody = User.objects.create_user("nobody", printed_name="Nobody")

    async def scenario():
        async with socket_of(nobody) as (_socket, opened, code):
            return opened, code

    assert async_to_sync(scenario)() == (False, FORBIDDEN)


def test_a_count_is_told_with_the_ids_of_its_line_and_order(plant, user_of):
    order = factories.work_order(plant, status="in_progress")
    job, operator = factories.first_job(order), user_of("operator")

    async def scenario():
        async with socket_of(operator) as (socket, opened, _code):
            await heard(socket)
            await sync_to_async(report_quantity)(job_order_id=job.pk, good=1)
            return opened, await heard(socket)

    opened, messages = async_to_sync(scenario)()

    assert opened is True
    assert sorted(messages) == [("line", str(plant.line.pk)), ("order", str(order.pk))]


def test_the_first_message_is_a_tick_with_the_time_of_the_server(user_of):
    operator = user_of("operator")

    async def scenario():
        async with socket_of(operator) as (socket, _opened, _code):
            return await socket.receive_json_from()

    tick = async_to_sync(scenario)()

    assert tick["event"] == "tick"
    assert tick["at"].endswith("+00:00")


def test_what_is_rolled_back_is_not_told(plant, user_of):
    order = factories.work_order(plant, status="released")
    operator = user_of("operator")

    def hold_and_roll_back():
        with transaction.atomic():
            hold_work_order(work_order_id=order.pk, reason="Material missing")
            transaction.set_rollback(True)

    async def scenario():
        async with socket_of(operator) as (socket, _opened, _code):
            await heard(socket)
            await sync_to_async(hold_and_roll_back)()
            silence = await heard(socket)
            await sync_to_async(hold_work_order)(work_order_id=order.pk, reason="Material missing")
            return silence, await heard(socket)

    assert async_to_sync(scenario)() == ([], [("order", str(order.pk))])


def test_fresh_key_figures_are_told_once_they_are_saved(user_of):
    operator = user_of("operator")

    def refresh_and_roll_back():
        with transaction.atomic():
            refresh_kpis()
            transaction.set_rollback(True)

    async def scenario():
        async with socket_of(operator) as (socket, _opened, _code):
            await heard(socket)
            await sync_to_async(refresh_and_roll_back)()
            silence = await heard(socket)
            await sync_to_async(refresh_kpis)()
            return silence, await heard(socket)

    assert async_to_sync(scenario)() == ([], [("kpi", "")])


def test_what_a_browser_sends_changes_nothing(plant, user_of):
    operator = user_of("operator")

    async def scenario():
        async with socket_of(operator) as (socket, _opened, _code):
            await heard(socket)
            await socket.send_json_to({"type": "floor.event", "event": "line", "id": str(plant.line.pk)})
            return await heard(socket)

    assert async_to_sync(scenario)() == []


def test_without_redis_the_page_is_asked_to_knock_again(user_of, settings, monkeypatch):
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": ["redis://127.0.0.1:1/0"]}}
    }
    said = []
    monkeypatch.setattr(consumers.log, "warning", lambda event, **_facts: said.append(event))
    operator = user_of("operator")

    async def scenario():
        async with socket_of(operator) as (_socket, opened, code):
            return opened, code

    assert async_to_sync(scenario)() == (False, TRY_AGAIN_LATER)
    assert said == ["live_connection_lost"]


def test_deactivating_an_account_closes_what_it_listens_on(user_of, as_admin):
    operator, other = user_of("operator"), user_of("supervisor")

    async def scenario():
        async with socket_of(operator) as (socket, _opened, _code), socket_of(other) as (stays, _o, _c):
            await heard(socket), await heard(stays)
            await sync_to_async(update_user)(user_id=operator.pk, is_active=False, reason="Left the plant")
            return await socket.receive_output(timeout=5), await stays.receive_nothing(timeout=0.3)

    closed, silent = async_to_sync(scenario)()

    assert (closed["type"], closed["code"]) == ("websocket.close", FORBIDDEN)
    assert silent


def test_who_was_deactivated_while_knocking_is_turned_away(user_of):
    operator = user_of("operator")
    with factories.arranging():
        User.objects.filter(pk=operator.pk).update(is_active=False)

    async def scenario():
        async with socket_of(operator) as (_socket, opened, code):
            return opened, code

    assert async_to_sync(scenario)() == (False, FORBIDDEN)
