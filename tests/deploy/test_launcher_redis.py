import shutil
import stat

import pytest
import redis as client
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.local import redis

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


def test_without_redis_server_a_python_one_answers(state, supervisor, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    url, kind = redis.start(supervisor, state)

    with client.Redis.from_url(url) as connection:
        assert (kind, connection.ping()) == ("fakeredis", True)
        # what Celery and the channel layer live on
        assert connection.lpush("queue", "order") == 1
        assert connection.brpop("queue", timeout=1) == (b"queue", b"order")
        assert connection.eval("return redis.call('incr', KEYS[1])", 1, "count") == 1


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_redis_server_answers_only_who_knows_the_password(state, supervisor):
    url, kind = redis.start(supervisor, state)

    with client.Redis.from_url(url) as connection:
        assert (kind, connection.ping()) == ("redis-server", True)
        port = connection.connection_pool.connection_kwargs["port"]
    with (
        client.Redis(port=port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(client.AuthenticationError),
    ):
        stranger.ping()
    assert stat.S_IMODE((state.path / "redis.conf").stat().st_mode) == 0o600
