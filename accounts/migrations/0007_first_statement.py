import datetime as dt

from django.db import migrations
from django.utils import timezone

from audit.context import Installation, act_as
from audit.journal import change

TEXT_EN = """My electronic signature in Genba is the legally binding equivalent of my handwritten signature. What I sign, I answer for as if I had signed it on paper.

I sign only what I have read, and only with the meaning that is shown beside my name.

My user name together with my password, my signing PIN or my authenticator app is my signature. I share none of them with anybody, write none of them down where others find it, and let nobody sign in my name. I sign in nobody else's name.

When somebody else may know my password or PIN, or a device of mine is lost, I change or report it at once.

I know that signatures, and failed attempts to sign, are recorded and cannot be deleted."""

TEXT_JA = """Genba における私の電子署名は、私の手書きの署名と同等の法的拘束力を持ちます。私は、署名した内容について、紙に署名した場合と同じ責任を負います。

私は、内容を読んだものにのみ、また、私の氏名とともに表示される意味においてのみ署名します。

ユーザー名と、パスワード、署名用 PIN または認証アプリの組み合わせが、私の署名です。これらを誰とも共有せず、他人の目に触れる場所に書き留めず、誰にも私の名義で署名させません。私も他人の名義で署名しません。

パスワードや PIN を他人に知られたおそれがある場合、または端末を紛失した場合は、直ちに変更または報告します。

署名および署名の失敗は記録され、削除できないことを承知しています。"""


def install(apps, _schema_editor):
    """Revision 1, from the day before: nowhere on earth is that a day to come."""
    with act_as(Installation(), source="migrate"), change("install_signing_statement"):
        apps.get_model("accounts", "SigningStatement").objects.create(
            revision=1, text_en=TEXT_EN, text_ja=TEXT_JA, effective_from=timezone.now().date() - dt.timedelta(days=1)
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_second_components")]
    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
