import pytest, resource, time, os, threading
from decimal import Decimal
from django.utils import timezone
from tests import factories
from tests.trail.world import *
from tests.audit.sealed import seal_everything
from production.models import QuantityReport
def rss():
    with open('/proc/self/statm') as f: return int(f.read().split()[1])*4//1024
@pytest.mark.django_db(transaction=True)
def test_big(signed_in, plant, monkeypatch):
    monkeypatch.setattr("audit.sealing.BATCH", 50000)
    order=factories.work_order(plant,status="in_progress",quantity="100000")
    job=factories.first_job(order)
    from audit.context import uuid7, current_act
    t=time.time()
    with change("arrange_test"):
        QuantityReport.objects.bulk_create([QuantityReport(job_order=job, production_line=plant.line, good=Decimal(1), reported_at=timezone.now(), reported_by=current_act().actor, source="person", comment=f"count {n}") for n in range(10000)])
    print("made", time.time()-t); seal_everything(); print("sealed", time.time()-t)
    a=signed_in("auditor")
    peak=[0]; stop=[False]
    def watch():
        while not stop[0]:
            peak[0]=max(peak[0],rss()); time.sleep(.05)
    before=rss(); th=threading.Thread(target=watch); th.start(); t=time.time()
    r=a.get(BUNDLE.format("work_orders",order.pk)); n=0
    for p in r: n+=len(p)
    stop[0]=True; th.join()
    print("bundle", n, "bytes", round(time.time()-t,1),"s; web process before",before,"peak",peak[0],"MB; largest child",resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss//1024,"MB")
    from tests.trail.world import taken
