from django.urls import path

from mfg_project.trail import integrity, review_views, views

app_name = "trail"

urlpatterns = [
    path("audit/", views.trail, name="list"),
    path("audit.csv", views.trail_csv, name="csv"),
    path("audit.json", views.trail_json, name="json"),
    path("audit.pdf", views.trail_pdf, name="pdf"),
    path("audit/<str:table>/<str:key>/bundle/", views.record_bundle, name="bundle"),
    path("audit/integrity/", integrity.integrity, name="integrity"),
    path("audit/integrity/verify/", integrity.verify_now, name="verify"),
    path("audit/checkpoint/", integrity.checkpoint, name="checkpoint"),
    path("audit/checkpoint.txt", integrity.checkpoint_note, name="checkpoint-note"),
    path("audit/checkpoint/send/", integrity.send_checkpoint, name="checkpoint-send"),
    path("audit/timestamps/<int:pk>.tsr", integrity.timestamp_token, name="timestamp"),
    path("audit/timestamps/<int:pk>.txt", integrity.timestamp_note, name="timestamp-note"),
    path("audit/reviews/", review_views.reviews, name="reviews"),
    path("audit/reviews/new/", review_views.new_review, name="review-new"),
    path("audit/reviews/sign/", review_views.sign, name="review-sign"),
    path("audit/reviews/<uuid:pk>/", review_views.review, name="review"),
    path("audit/<str:table>/<str:key>/", views.record_trail, name="record"),
]
