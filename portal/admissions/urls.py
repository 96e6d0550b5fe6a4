"""Addresses of applications."""

from django.urls import path

from portal.admissions.views import applying as views
from portal.admissions.views import following, joining, owning
from portal.admissions.views import teams as team_views
from portal.admissions.views import waves as wave_views

app_name = "admissions"
urlpatterns = [
    path("apply/<slug:slug>/", views.apply, name="apply"),
    path("apply/<slug:slug>/draft/", views.draft, name="draft"),
    path("apply/<slug:slug>/again/", views.again, name="again"),
    path("apply/<slug:slug>/<slug:reference>/", following.application, name="application"),
    path("apply/<slug:slug>/<slug:reference>/files/<slug:code>/", following.file, name="file"),
    path("apply/<slug:slug>/<slug:reference>/answer/", following.answer, name="answer"),
    path("apply/<slug:slug>/<slug:reference>/appeal/", following.appeal, name="appeal"),
    path("apply/<slug:slug>/<slug:reference>/message/", owning.message, name="message"),
    path("apply/<slug:slug>/<slug:reference>/correct/", owning.correct, name="correct"),
    path("apply/<slug:slug>/<slug:reference>/export/", owning.export, name="export"),
    path("apply/<slug:slug>/<slug:reference>/delete/", owning.delete, name="delete"),
    path("apply/<slug:slug>/<slug:reference>/withdraw/", following.withdraw, name="withdraw"),
    path("apply/<slug:slug>/<slug:reference>/waves/<uuid:pk>/", wave_views.proof, name="wave_proof"),
    path("apply/<slug:slug>/<slug:reference>/team/", team_views.team, name="team"),
    path("apply/<slug:slug>/<slug:reference>/team/<int:pk>/send/", team_views.send_again, name="team_send"),
    path("apply/<slug:slug>/<slug:reference>/team/<int:pk>/revoke/", team_views.revoke, name="team_revoke"),
    path("apply/<slug:slug>/<slug:reference>/team/<int:pk>/remove/", team_views.remove, name="team_remove"),
    path("join/<slug:token>/", joining.join, name="join"),
    path("invited/<slug:token>/", joining.invited, name="invited"),
    path("teams/", joining.my_teams, name="teams"),
    path("teams/<int:pk>/leave/", joining.leave, name="leave_team"),
]
