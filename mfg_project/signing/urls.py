from django.urls import path

from mfg_project.signing import batch, views

app_name = "signing"

urlpatterns = [
    path("signatures/", views.waiting, name="list"),
    path("signatures/mine/", views.mine, name="mine"),
    path("signatures/mine.csv", views.mine_csv, name="mine-csv"),
    path("signatures/open/", views.unfinished, name="open"),
    path("signatures/batch/", batch.sign_together, name="batch"),
]
