"""Which ports an app's command and its own files name."""

import os
import time
from pathlib import Path

import pytest

from clients.docker.named_ports import command_ports, source_ports

LINES = {
    "PORT = 3000": (3000,),
    "const port = process.env.PORT || 3000;": (3000,),
    "app.listen(3000, () => {": (3000,),
    "server.listen({ port: 3000 })": (3000,),
    "app.run(host='0.0.0.0', port=5001)": (5001,),
    'app.run("0.0.0.0", 5001)': (5001,),
    "HTTPServer(('', 8001), Handler)": (8001,),
    'http.ListenAndServe(":8082", nil)': (8082,),
    'port = int(os.getenv("PORT", "8084"))': (8084,),
    "SocketAddr::from(([0, 0, 0, 0], 3001))": (3001,),
    "listen [::]:8083;": (8083,),
    "server.port=8085": (8085,),
    "set :port, 4567": (4567,),
    "DB_PORT=5432": (),
    "redis://localhost:6379": (),
    'smtp.connect("mail", 587)': (),
    "support = 2023": (),
    "port = 99999": (),
    "def serve(port, statuses=(200,)):": (),
}
COMMANDS = {
    "uvicorn main:app --host 0.0.0.0 --port 8000": (8000,),
    "gunicorn -w 4 -b 0.0.0.0:8001 app:app": (8001,),
    "gunicorn --workers=4 --bind=:8002 --timeout 120 app": (8002,),
    "gunicorn --bind 0.0.0.0:${PORT:-8005} app": (8005,),
    "python -m http.server 8003": (8003,),
    "python manage.py runserver 0.0.0.0:8004": (8004,),
    "php -S 0.0.0.0:8006": (8006,),
    "java -Dserver.port=8081 -jar a.jar": (8081,),
    "uvicorn --port $PORT": (),
    "wait-for-it.sh db:5432 -- node x.js": (),
    "node server.js": (),
}


@pytest.mark.parametrize(("line", "ports"), LINES.items(), ids=LINES)
def test_a_line_that_says_where_an_app_listens_is_read(tmp_path: Path, line: str, ports):
    (tmp_path / "app.py").write_text(f"# an app\n{line}\n")

    assert source_ports([tmp_path]) == ports


@pytest.mark.parametrize(("command", "ports"), COMMANDS.items(), ids=COMMANDS)
def test_a_command_that_says_where_it_listens_is_read(command: str, ports):
    """As words, and as one word for a shell."""
    assert command_ports(command.split()) == ports
    assert command_ports(["/bin/sh", "-c", command]) == ports


def test_outer_files_go_first_and_tests_and_packages_do_not_count(tmp_path: Path):
    for place, port in {"a/b/deep.js": 1001, "z.js": 1002, "tests/x.js": 1003}.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(f"app.listen({port})")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "x.js").write_text("app.listen(1004)")
    (tmp_path / "README.md").write_text("listens on 0.0.0.0:1005")
    (tmp_path / "package.json").write_text('{"scripts": {"start": "next start -p 1006"}}')

    assert source_ports([tmp_path]) == (1006, 1002, 1001)
    assert source_ports([tmp_path / "z.js", tmp_path / "gone"]) == (1002,)
    assert source_ports([]) == ()


def test_what_is_no_file_is_not_read_and_nothing_outside_is(tmp_path: Path):
    app, secret = tmp_path / "app", tmp_path / "secret.py"
    app.mkdir()
    secret.write_text("PORT = 6666")
    (app / "link.py").symlink_to(secret)
    os.mkfifo(app / "pipe.py")
    (app / "odd.py").write_bytes(b"\xff\xfe\x00 PORT = 4000 \x00\n")

    assert source_ports([app]) == (4000,)


@pytest.mark.parametrize("line", ["port" * 50_000, "listen(" * 50_000, "PORT=" + "1" * 200_000])
def test_hostile_files_cost_no_time(tmp_path: Path, line: str):
    for number in range(20):
        (tmp_path / f"{number}.py").write_text(f"{line}\n" + "run 1 port\n" * 5_000)

    began = time.process_time()
    assert source_ports([tmp_path]) == ()
    assert time.process_time() - began < 2
