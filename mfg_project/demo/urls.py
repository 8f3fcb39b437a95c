from django.urls import path

from mfg_project.demo import views

app_name = "demo"

urlpatterns = [path("problem/", views.cause_problem_view, name="cause-problem")]
