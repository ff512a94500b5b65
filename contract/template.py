"""What an app was asked to be, as a person declares it."""

from contract.base import Authored


class Requirement(Authored):
    """One requirement that an app's template declares.

    Attributes:
        id: names it in reports.
        text: what the judges compare the app with.
    """

    id: str
    text: str


class Endpoint(Authored):
    """One HTTP operation that an app's template declares.

    Attributes:
        method: `GET`, `POST`, ...
        path: parameters in braces, `/notes/{id}`.
        description: what it is for.
        auth: whether it needs a login.
    """

    method: str
    path: str
    description: str = ""
    auth: bool = False


class TemplateSpec(Authored):
    """What an app was asked to be, the same for every model: `<templates_dir>/<slug>.yaml`.

    Attributes:
        slug: as `apps.templates` names it.
        name: for people.
        requirements: what an app has to do.
        endpoints: HTTP operations that an app must have.
    """

    slug: str
    name: str = ""
    requirements: tuple[Requirement, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
