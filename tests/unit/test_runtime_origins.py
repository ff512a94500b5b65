"""Where what a page asks for leads, and under which origin it is opened."""

from pathlib import Path

import pytest

from analyzers.runtime.live.origins import expected_origins, origins_of
from analyzers.runtime.source.listing import list_source
from contract.target import Further, Target

API = Target(
    service="api", base_url="http://127.0.0.1:40001", published=(5000,), written_for=(8000,)
)
WEB = Target(
    service="web",
    base_url="http://127.0.0.1:40002",
    role="frontend",
    published=(3000,),
    written_for=(80,),
)


def test_every_name_of_a_port_leads_to_its_service():
    origins = origins_of([API, WEB])

    for name in ("localhost", "127.0.0.1", "[::1]", "0.0.0.0"):
        assert origins.routes[f"{name}:5000"] == "127.0.0.1:40001"
        assert origins.routes[f"{name}:8000"] == "127.0.0.1:40001"
        assert origins.routes[f"{name}:3000"] == "127.0.0.1:40002"
    assert origins.routes["127.0.0.1:40001"] == "127.0.0.1:40001"
    assert "localhost:40001" not in origins.routes
    assert origins.opened == {"api": "http://localhost:5000", "web": "http://localhost:3000"}
    assert origins.page_url("web", "http://127.0.0.1:40002/a?b") == "http://localhost:3000/a?b"
    assert {"http://localhost", "http://localhost:3000"} <= set(origins.allowed)


def test_what_is_published_goes_before_what_is_listened_on_inside():
    """Both listen on 3000 inside; a browser finds the one that is published there."""
    api = API.model_copy(update={"published": (8080,), "written_for": (3000,)})

    origins = origins_of([api, WEB])

    assert origins.routes["localhost:3000"] == "127.0.0.1:40002"
    assert origins.opened["api"] == "http://localhost:8080"


def test_a_service_whose_every_port_is_anothers_is_opened_where_it_is():
    one = WEB.model_copy(update={"published": ()})
    two = one.model_copy(update={"service": "admin", "base_url": "http://127.0.0.1:40003"})

    origins = origins_of([one, two])

    assert origins.opened == {"web": "http://localhost", "admin": "http://127.0.0.1:40003"}
    assert origins.opened_notes() == ("web opened as http://localhost",)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("src/api.js", "fetch('http://localhost:5001/api/notes')"),
        ("src/api.ts", "const API = `http://${location.hostname}:5001/api`"),
        ("src/api.jsx", 'axios.create({baseURL: location.hostname + ":5001"})'),
        (".env", "VITE_API_URL=http://127.0.0.1:5001"),
        ("index.html", "<script>new WebSocket('ws://localhost:5001/ws')</script>"),
    ],
)
def test_a_port_that_only_the_front_end_names_is_the_back_ends(
    file: str, text: str, tmp_path: Path
):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    (tmp_path / "db.py").write_text("connect('http://localhost:9200')")

    origins = origins_of([API, WEB], list_source(tmp_path))

    assert origins.routes["localhost:5001"] == "127.0.0.1:40001"
    said = f"localhost:5001, which {file} names, was answered by api (the compose file maps 5000)"
    assert origins.notes == (said,)
    assert "localhost:9200" not in origins.routes


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("web/api.js", "fetch('http://localhost:8000/api/notes')"),
        ("docker-compose.yml", "      VITE_API_URL: http://localhost:8000"),
        ("web/Dockerfile", "ARG REACT_APP_API=http://localhost:8000/api"),
    ],
)
def test_a_page_that_calls_the_port_inside_gets_it_beside_the_one_that_is_mapped(
    file: str, text: str, tmp_path: Path
):
    (tmp_path / "web").mkdir()
    (tmp_path / file).write_text(text)

    origins = origins_of([API, WEB], list_source(tmp_path))

    assert origins.routes["localhost:8000"] == origins.routes["localhost:5000"]
    said = f"localhost:8000, which {file} names, was answered by api (the compose file maps 5000)"
    assert origins.notes == (said,)


def test_what_a_build_is_told_of_other_things_names_no_port_of_a_page(tmp_path: Path):
    (tmp_path / "docker-compose.yml").write_text("test: curl http://localhost:9000/health")

    assert origins_of([API, WEB], list_source(tmp_path)).notes == ()


def test_a_web_socket_on_a_port_of_its_own_is_reached_there(tmp_path: Path):
    (tmp_path / "a.js").write_text("new WebSocket('ws://localhost:5002'); f('ws://localhost:9001')")
    socket = Further(base_url="http://127.0.0.1:40007", published=(5002,), written_for=(9001,))
    api = API.model_copy(update={"further": (socket,)})

    origins = origins_of([api, WEB], list_source(tmp_path))

    for name in ("localhost:5002", "localhost:9001", "127.0.0.1:40007"):
        assert origins.routes[name] == "127.0.0.1:40007"
    assert origins.routes["localhost:5000"] == "127.0.0.1:40001"
    assert origins.opened["api"] == "http://localhost:5000"
    behind = origins.behind("ws://localhost:5002/x", [api, WEB])
    assert behind is not None
    assert (behind.service, behind.base_url) == ("api", "http://127.0.0.1:40007")


def test_of_two_back_ends_nobody_knows_which_is_meant(tmp_path: Path):
    (tmp_path / "a.js").write_text("fetch('http://localhost:5001/')")
    other = API.model_copy(update={"service": "b", "base_url": "http://127.0.0.1:40009"})

    origins = origins_of([API, other, WEB], list_source(tmp_path))

    assert "localhost:5001" not in origins.routes


def test_the_real_address_of_another_service_is_never_taken_over(tmp_path: Path):
    (tmp_path / "a.js").write_text("fetch('http://127.0.0.1:40002/')")

    origins = origins_of([API, WEB], list_source(tmp_path))

    assert origins.routes["127.0.0.1:40002"] == "127.0.0.1:40002"
    assert origins.notes == ()


def test_what_is_published_is_certain_and_else_any_named_origin_counts(tmp_path: Path):
    (tmp_path / "main.py").write_text('CORS(app, origins=["http://localhost:5173"])')
    source = list_source(tmp_path)

    assert expected_origins(WEB, source) == ("http://localhost:3000", "http://127.0.0.1:3000")
    unknown = WEB.model_copy(update={"published": ()})
    assert expected_origins(unknown, source) == (
        *("http://localhost", "http://127.0.0.1"),
        *("http://localhost:5173", "http://127.0.0.1:5173"),
    )


def test_a_service_on_the_apps_own_network_is_reached_by_its_name_there():
    api = API.model_copy(update={"base_url": "http://app-api:8000"})

    origins = origins_of([api])

    assert origins.routes["localhost:5000"] == "app-api:8000"
    assert origins.routes["app-api:8000"] == "app-api:8000"
