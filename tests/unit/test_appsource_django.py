"""Django's URL configurations, views and REST framework."""

from pathlib import Path

import pytest

from tests.support.appsource import inputs, operations, read_app

PROJECT = {
    "site/settings.py": "ROOT_URLCONF = 'site.urls'\n",
    "site/urls.py": (
        "from django.conf.urls.i18n import i18n_patterns\nfrom django.contrib import admin\n"
        "from django.urls import include, path, re_path\nfrom shop import views\n"
        "from shop.api import router\n"
        "urlpatterns = [\n    path('admin/', admin.site.urls),\n"
        "    path('shop/', include('shop.urls', namespace='shop')),\n"
        "    path('api/', include((router.urls, 'api'))),\n"
        "    re_path(r'^old/(?P<year>[0-9]{4})/$', views.old),\n]\n"
        "urlpatterns += i18n_patterns(path('about/', views.About.as_view()))\n"
    ),
    "shop/urls.py": (
        "from django.urls import path\nfrom . import views\nfrom .views import *\n"
        "urlpatterns = [path('<int:pk>/', views.Show.as_view()),\n"
        "    path('new/', views.New.as_view()), path('find/', find), path('log-in/', log_in)]\n"
    ),
    "shop/views.py": (
        "from django.contrib.auth.decorators import login_required\n"
        "from django.views.decorators.http import require_POST\n"
        "from django.views.generic import CreateView, DetailView, TemplateView\n"
        "from .forms import ItemForm\n"
        "class About(TemplateView): ...\nclass Show(DetailView): ...\n"
        "class New(CreateView):\n    form_class = ItemForm\n"
        "def old(request, year): ...\n"
        "@login_required\ndef find(request): return request.GET.get('q')\n"
        "@require_POST\ndef log_in(request): return request.POST['user']\n"
    ),
    "shop/forms.py": (
        "from django import forms\nclass ItemForm(forms.ModelForm):\n    note = forms.CharField()\n"
        "    class Meta:\n        fields = ['title']\n"
    ),
    "shop/api.py": (
        "from rest_framework import routers, serializers, viewsets\n"
        "from rest_framework.decorators import action\n"
        "class S(serializers.ModelSerializer):\n    class Meta:\n        fields = ('name',)\n"
        "class Items(viewsets.ModelViewSet):\n    serializer_class = S\n"
        "    @action(detail=True, methods=['post'])\n"
        "    def buy(self, request, pk=None): return request.data['count']\n"
        "class Readers(viewsets.ReadOnlyModelViewSet): ...\n"
        "router = routers.DefaultRouter()\nrouter.register(r'items', Items)\n"
        "router.register('readers', Readers, basename='r')\n"
    ),
}


def test_a_whole_project_is_read(tmp_path: Path):
    found = read_app(tmp_path, PROJECT)

    assert operations(found) == {
        *("GET /admin/login/", "POST /admin/login/", "GET /shop/{pk}/", "GET /old/{year}/"),
        *("GET /shop/new/", "POST /shop/new/", "GET /shop/find/", "POST /shop/log-in/"),
        *("GET /{language}/about/", "GET /api/items/", "POST /api/items/"),
        *(f"{verb} /api/items/{{pk}}/" for verb in ("GET", "PUT", "PATCH", "DELETE")),
        *("POST /api/items/{pk}/buy/", "GET /api/readers/", "GET /api/readers/{pk}/"),
    }
    assert inputs(found, "POST", "/shop/new/") == {"note": "form", "title": "form"}
    assert inputs(found, "POST", "/api/items/") == {"name": "json"}
    assert inputs(found, "GET", "/shop/find/") == {"q": "query"}
    assert [one.path for one in found.routes if one.auth] == ["/shop/find/"]
    assert found.complete


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("def v(request):\n    if request.method == 'POST': ...", {"GET /v", "POST /v"}),
        ("@api_view(['PUT', 'GET'])\ndef v(request): ...", {"PUT /v", "GET /v"}),
        ("@require_http_methods(['DELETE'])\ndef v(request): ...", {"DELETE /v"}),
        ("class V(APIView):\n    def patch(self, r): ...\nv = V.as_view()", {"PATCH /v"}),
        ("class V(ListCreateAPIView): ...\nv = V.as_view()", {"GET /v", "POST /v"}),
        (
            "from django.contrib.auth import views\nv = views.LoginView.as_view()",
            {"GET /v", "POST /v"},
        ),
    ],
)
def test_methods_of_views(view: str, expected: set[str], tmp_path: Path):
    urls = "from django.urls import path\nfrom views import v\nurlpatterns = [path('v', v)]\n"
    found = read_app(tmp_path, {"urls.py": urls, "views.py": view})

    assert operations(found) == expected


def test_includes_in_a_circle_end(tmp_path: Path):
    urls = "from django.urls import include, path\nurlpatterns = [path('{}', include('{}.urls'))]\n"
    files = {"a/urls.py": urls.format("a/", "b"), "b/urls.py": urls.format("b/", "a")}

    found = read_app(tmp_path, files)

    assert "includes itself" in found.reason
