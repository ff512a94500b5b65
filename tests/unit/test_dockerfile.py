"""What is read of a Dockerfile, and what is sent to each builder in its place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients import blame
from clients.blame import AppFault, PlatformFault
from clients.docker.dockerfile import OWN_PLATFORM, Dockerfile, external_images, read
from clients.docker.dockerfile_parser import MAX_BYTES, parse
from clients.docker.dockerfile_writer import lacking, written
from clients.docker.frontends import CLASSIC, Builder, engine_for, language_of, official
from clients.docker.words import WordError, expand
from tests.support.cases import case_app

OLD = Builder("buildkit", (1, 2), "BuildKit of 20.10")
NEW = Builder("buildkit", (99, 0))
BY_CLASSIC = Builder("classic", CLASSIC, "the classic builder")

MULTI_STAGE = """\
# syntax=docker/dockerfile:1
ARG VERSION=20
FROM --platform=linux/amd64 node:${VERSION}-alpine AS build
RUN --mount=type=cache,target=/root/.npm npm ci \\
    && npm run build
FROM build AS test
RUN true
FROM nginx:1.27
COPY --from=build /app/dist /usr/share/nginx/html
COPY --link --from=busybox:1 /bin/sh /bin/sh
RUN --mount=type=bind,from=tools:2,source=/x,target=/y cat /y
"""


def sent(text: str, builder: Builder, **labels: str) -> list[str]:
    return written(read(text, {}), lambda image: f"X/{image}", labels, builder)[0].splitlines()


def test_every_external_image_is_replaced_and_stages_are_not():
    found = read(MULTI_STAGE, {"VERSION": "22"})
    text, notes = written(found, lambda image: f"X/{image}", {"scope": "s"}, BY_CLASSIC)

    assert found.images == ("node:22-alpine", "nginx:1.27", "busybox:1", "tools:2")
    lines = text.splitlines()
    assert "FROM X/node:22-alpine AS build" in lines
    assert "FROM X/nginx:1.27" in lines
    assert "COPY --from=build /app/dist /usr/share/nginx/html" in lines
    assert "COPY --from=X/busybox:1 /bin/sh /bin/sh" in lines
    assert "RUN --mount=type=bind,from=X/tools:2,source=/x,target=/y cat /y" in lines
    assert lines.count('LABEL scope="s"') == 2
    assert "type=cache" not in text
    assert len(notes) == 2
    assert not any("syntax" in line for line in lines)


def test_a_stage_that_nobody_needs_needs_no_image_and_keeps_the_numbers():
    text = "FROM one AS a\nRUN a\nFROM nowhere AS dev\nRUN b\nFROM three\nCOPY --from=0 /a /a\n"

    assert read(text, {}).images == ("one", "three")
    assert read(text, {}, "DEV").images == ("nowhere",)
    assert read(text, {}, "1").images == ("nowhere",)
    assert sent(text, OLD) == [
        "FROM X/one AS a", "RUN a", "FROM scratch AS dev", "FROM X/three", "COPY --from=0 /a /a",
    ]  # fmt: skip


def test_the_image_that_a_result_ends_up_on_is_found_through_its_stages():
    text = "FROM a AS x\nFROM x AS y\nCOPY --from=b / /\nFROM scratch\nCOPY --from=y / /\n"

    assert [read(text, {}, target).base for target in ("", "y", "x")] == ["scratch", "a", "a"]


def test_another_platform_is_noted_and_ones_own_is_not():
    text = "FROM --platform={} a\n"

    for own in (OWN_PLATFORM, "linux", "$TARGETPLATFORM"):
        assert written(read(text.format(own), {}), str, {}, NEW)[1] == ()
    (note,) = written(read(text.format("windows/arm"), {}), str, {}, NEW)[1]
    assert "--platform=windows/arm" in note


def test_buildkit_gets_its_options_and_an_old_one_none_that_it_does_not_know():
    assert "COPY --from=X/busybox:1 /bin/sh /bin/sh" in sent(MULTI_STAGE, OLD)
    assert "COPY --link --from=X/busybox:1 /bin/sh /bin/sh" in sent(MULTI_STAGE, NEW)
    for builder in (OLD, NEW):
        assert "RUN --mount=type=cache,target=/root/.npm npm ci \\" in sent(MULTI_STAGE, builder)


IMAGES = {
    "a default": ("ARG BASE=python:3.12\nFROM $BASE\n", "python:3.12"),
    "a chain": ("ARG V=3.11\nARG B=python:${V}-slim\nFROM ${B} AS base\nFROM base\n",
                "python:3.11-slim"),
    "a default of a default": ("ARG V\nFROM python:${V:-3.${M:-11}}-slim\n", "python:3.11-slim"),
    "quotes": ("ARG V=\"3.11\"\nFROM 'python':\"$V\"\n", "python:3.11"),
    "an alternative": ("ARG S=1\nFROM python:3.11${S:+-slim}\n", "python:3.11-slim"),
    "two at once": ("ARG A=python B=3.11\nFROM $A:$B\n", "python:3.11"),
    "lower case": ("arg a=x\nfrom --platform=$BUILDPLATFORM $a as b\nfrom B\n", "x"),
    "a byte order mark and a directive": ("\ufeff# escape=`\nFROM a:`\n1\n", "a:1"),
    "a platform": ("FROM img-$TARGETPLATFORM\n", f"img-{OWN_PLATFORM}"),
    "an argument of a stage has no say": ("ARG B=x\nFROM a\nARG B=y\nFROM $B\n", "x"),
    "a body of a here-document": ("FROM a\nCOPY <<A <<'B' /x/\nFROM c\nA\nFROM b\nB\n", "a"),
    "a body with tabs": ("FROM a\nRUN <<-EOT\n\tFROM x\n\tEOT\nUSER x\n", "a"),
    "a comment between lines": ("FROM a\nRUN x \\\n# FROM b\n  y\n", "a"),
    "a trigger for others": ("FROM a\nONBUILD COPY --from=b /x /x\n", "a"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "image"), IMAGES.values(), ids=IMAGES)
def test_the_image_is_the_one_that_the_reference_finds(text: str, image: str):
    assert external_images(text, {}) == (image,)


def test_a_base_image_is_named_through_a_chain_of_arguments():
    text = (case_app("03") / "Dockerfile").read_text()

    assert read(text, {}).images == ("python:3.11-slim",)
    assert read(text, {"PYTHON_VERSION": "3.12"}).images == ("python:3.12-slim",)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("$A-${A}x", "1-1x"), ("${N:-${A}}", "1"), ("${E-d}${E:-d}", "d"), ("${N-d}", "d"),
        ("${A:+y}${N:+n}", "y"), ("'$A'\"$A\"", "$A1"), ("\\$A", "$A"), ("$", "$"),
        ("a$-b", "a$-b"),
    ],
)  # fmt: skip
def test_a_word_is_expanded_as_a_shell_would(word: str, value: str):
    assert expand(word, {"A": "1", "E": ""}) == value


@pytest.mark.parametrize("word", ["${A", "'a", '"a', "${A#x}", "${N:?give one}", "${A:-" * 50])
def test_a_word_that_cannot_be_expanded_says_so(word: str):
    with pytest.raises(WordError):
        expand(word, {"A": "1"})


NEEDS = {
    "a here-document of a shell": ("RUN <<-EOT\n\tFROM x\n\tEOT\n", "here-documents", 23),
    "a quoted one behind options": ('COPY --chown=1 <<"EOF" /x\nFROM a\nEOF\n', "here-doc", 23),
    "no network": ("RUN --network=none make\n", "RUN --network=none", 23),
    "a repository": ("ADD https://example.invalid/x.git /x\n", "ADD of a git repository", 25),
    "a checksum": ("ADD --checksum=sha256:1 https://x.invalid/y /y\n", "ADD --checksum", 25),
    "parents": ("COPY --parents a/b /x\n", "COPY --parents", 29),
    "an option nobody has heard of": ("RUN --later=1 make\n", "RUN --later=1", 29),
}


@pytest.mark.parametrize(("text", "named", "engine"), NEEDS.values(), ids=NEEDS)
def test_what_an_old_buildkit_lacks_is_named_with_who_has_it(text: str, named: str, engine: int):
    found = read(f"FROM one\n{text}FROM one\nCOPY --from=0 / /\n", {})

    for builder in (OLD, BY_CLASSIC):
        said = lacking(found.needs, builder)
        assert named in said
        assert f"Docker Engine {engine} or newer" in said
        assert builder.engine in said
    assert lacking(found.needs, NEW) == ""
    assert found.images == ("one",)


BUILDKIT = {
    "a required secret": "RUN --mount=type=secret,id=x,required cat /run/secrets/x\n",
    "a mount without a type": "RUN --mount=source=a,target=/a cat /a\n",
    "one beside a cache": "RUN --mount=type=cache,target=/c --mount=target=/a cat /a\n",
    "over two lines": "RUN \\\n  --mount=type=bind,target=/a \\\n  cat /a\n",
    "modes": "COPY --chown=1 --chmod=755 a /a\n",
}
ANY = {
    "a shift": "RUN echo $((1<<3)) << 2\n",
    "a word in quotes": 'RUN echo "<<EOF"\n',
    "a cache, its type last": "RUN --mount=target=/c,type=cache make\n",
    "a cache over two lines": "RUN --mount=type=cache,target=/c \\\n    make\n",
    "a mount that the command has": "RUN mount --mount=type=bind\n",
    "a comment": "# RUN --mount=type=bind x <<EOF\n",
    "another instruction": "CMD cat <<EOF\n",
    "a secret that may be missing": "RUN --mount=type=secret,id=x make\n",
    "a key": "RUN --mount=type=ssh make\n",
    "a link": "COPY --link --chown=1 a /a\n",
}


@pytest.mark.parametrize("text", BUILDKIT.values(), ids=BUILDKIT)
def test_what_only_buildkit_does_is_seen(text: str):
    needs = read(f"FROM one\n{text}", {}).needs

    assert lacking(needs, BY_CLASSIC)
    assert lacking(needs, OLD) == ""


@pytest.mark.parametrize("text", ANY.values(), ids=ANY)
def test_what_any_builder_does_is_built(text: str):
    found = read(f"FROM one\n{text}", {})
    words = "\n".join(sent(f"FROM one\n{text}", BY_CLASSIC))

    assert found.needs is None
    assert not any(one in words for one in ("type=cache", "type=secret", "type=ssh", "--link"))


REFUSED = {
    "nothing": "", "no FROM": "RUN x\n", "a here-document without end": "FROM a\nRUN <<EOF\nnever",
    "an unknown instruction": "FROM a\nRUNN x\n", "FROM two": "FROM a b\n",
    "a Python file": "import os\nprint(os)\n", "an unknown stage": "FROM a AS other\n",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_no_builder_reads_is_the_apps(text: str):
    with pytest.raises(AppFault) as caught:
        read(text, {}, "wanted" if "other" in text else "")

    assert caught.value.row == blame.BUILD_FAILED.key


FOREIGN = {
    "another language": "# syntax=example.invalid/front:1\nFROM a\nINCLUDE x\n",
    "a form of newer builders": "ARG V=1\nFROM a:${V#1}\n",
    "a huge file": "FROM a\n" + "# x\n" * (MAX_BYTES // 4),
}


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN)
def test_what_only_we_do_not_read_is_the_platforms(text: str):
    with pytest.raises(PlatformFault) as caught:
        read(text, {})

    assert caught.value.row == blame.UNSUPPORTED.key


def test_a_file_that_keeps_its_parser_busy_ends_with_a_reason(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("clients.docker.dockerfile_parser._CPU_S", 1)
    monkeypatch.setattr(
        "clients.docker.dockerfile_parser._PROGRAM",
        "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass",
    )

    with pytest.raises(PlatformFault, match="too complex"):
        parse("FROM a\n")


@settings(max_examples=25, deadline=None)
@given(text=st.text(alphabet="FROM ARGscopyas=$-{}\\\n#\"'x:/0<", max_size=80))
def test_any_text_is_read_or_refused_with_a_row(text: str):
    try:
        found = read(text, {})
    except (AppFault, PlatformFault) as refused:
        assert refused.row in (blame.BUILD_FAILED.key, blame.UNSUPPORTED.key)
    else:
        assert isinstance(found, Dockerfile)
        again = read(written(found, lambda image: image, {}, NEW)[0], {})
        assert [one.base for one in again.stages if one.number in again.wanted] == [
            one.base for one in found.stages if one.number in found.wanted
        ]


@pytest.mark.parametrize(
    ("version", "language"),
    [
        ("20.10.24+dfsg1", (1, 2)), ("18.06.3-ce", CLASSIC), ("23.0.1", (1, 4)), ("25.0", (1, 6)),
        ("29.1.2", (1, 20)), ("", CLASSIC), ("dev", CLASSIC),
    ],
)  # fmt: skip
def test_an_engines_version_tells_its_language(version: str, language: tuple[int, int]):
    assert language_of(version) == language


def test_only_dockers_own_front_ends_are_run():
    assert official("docker/dockerfile:1.7-labs")
    assert official("docker.io/docker/dockerfile-upstream:master")
    assert not official("evil/dockerfile:1")
    assert not official("docker/dockerfile.evil:1")
    assert engine_for((1, 3)) == "Docker Engine 23"


CACHED = "FROM a\nWORKDIR /x\nCOPY requirements.txt ./\nRUN --mount=type=cache,target=/c pip\n"


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        (CACHED + "COPY . .\n", ("requirements.txt",)),
        ("FROM a\nCOPY . .\nRUN --mount=type=cache,target=/c pip\n", None),
        ("FROM a\nCOPY ./src/ /x\nRUN --mount=type=cache,target=/c pip\n", ("src",)),
        ("FROM a\nCOPY *.txt .\nRUN --mount=type=cache,target=/c pip\n", None),
        ("FROM a\nADD http://x.invalid/y .\nRUN --mount=type=cache,target=/c pip\n", None),
        ("FROM a\nRUN --mount=type=cache,target=/c --mount=target=/src pip\n", None),
        ("FROM a\nRUN --mount=type=cache,target=/c --mount=source=p,target=/p pip\n", ("p",)),
        ("FROM a AS b\nFROM a\nCOPY --from=b / /\nRUN --mount=type=cache,target=/c pip\n", ()),
        ("FROM a\nCOPY . .\n", ()),
    ],
)
def test_what_decides_on_a_cache_mount_is_what_was_copied_before_it(text: str, inputs: object):
    assert read(text, {}).cache_inputs() == inputs
