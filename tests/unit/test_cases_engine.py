"""What people write in Dockerfiles, and our reader does not know: refused by name."""

import pytest

from clients.docker.dockerfile import rewrite
from tests.support.cases import case_app


@pytest.mark.parametrize(("case", "named"), [("04", "here-documents"), ("06", "type=bind")])
def test_a_dockerfile_that_needs_buildkit_says_for_what(case: str, named: str):
    found = rewrite((case_app(case) / "Dockerfile").read_text(), {}, lambda image: image, {})

    assert named in found.unsupported
    assert found.images in (("python:3.11-slim",),)


BUILDKIT = {
    "a here-document of a shell": "RUN <<-EOT\n\tFROM x\n\tEOT\n",
    "two of them": "COPY <<A <<'B' /x/\nFROM a\nA\nFROM b\nB\n",
    "a quoted one behind options": 'COPY --chown=1 <<"EOF" /x\nFROM a\nEOF\n',
    "a secret": "RUN --mount=type=secret,id=x cat /run/secrets/x\n",
    "a key": "RUN --mount=type=ssh git clone x\n",
    "a mount without a type": "RUN --mount=source=a,target=/a cat /a\n",
    "one beside a cache": "RUN --mount=type=cache,target=/c --mount=target=/a cat /a\n",
    "over two lines": "RUN \\\n  --mount=type=bind,target=/a \\\n  cat /a\n",
    "modes": "COPY --chown=1 --chmod=755 a /a\n",
    "no network": "RUN --network=none make\n",
    "a repository": "ADD https://example.invalid/x.git /x\n",
}
CLASSIC = {
    "a shift": "RUN echo $((1<<3)) << 2\n",
    "a word in quotes": 'RUN echo "<<EOF"\n',
    "a cache, its type last": "RUN --mount=target=/c,type=cache make\n",
    "a cache over two lines": "RUN --mount=type=cache,target=/c \\\n    make\n",
    "a mount that the command has": "RUN mount --mount=type=bind\n",
    "a comment": "# RUN --mount=type=bind x <<EOF\n",
    "another instruction": "CMD cat <<EOF\n",
}


@pytest.mark.parametrize("text", BUILDKIT.values(), ids=BUILDKIT)
def test_what_only_buildkit_does_is_seen_and_its_text_is_no_instruction(text: str):
    found = rewrite(f"FROM one\n{text}FROM two\n", {}, lambda image: image, {})

    assert found.unsupported
    assert found.images == ("one", "two")


@pytest.mark.parametrize("text", CLASSIC.values(), ids=CLASSIC)
def test_what_the_classic_builder_does_is_built(text: str):
    found = rewrite(f"FROM one\n{text}FROM two\n", {}, lambda image: image, {})

    assert found.unsupported == ""
    assert found.images == ("one", "two")
    assert "type=cache" not in found.text


def test_a_base_image_is_named_through_a_chain_of_arguments():
    text = (case_app("03") / "Dockerfile").read_text()

    assert rewrite(text, {}, lambda image: image, {}).images == ("python:3.11-slim",)
    other = rewrite(text, {"PYTHON_VERSION": "3.12"}, lambda image: image, {})
    assert other.images == ("python:3.12-slim",)
