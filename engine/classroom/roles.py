"""Who may do what, where people sign in: designers everywhere, the others by course."""

from __future__ import annotations

from typing import Literal, cast

from engine.errors import BadInput
from engine.learner.events import pseudonym
from engine.settings import Settings
from engine.store import Store

Role = Literal["designer", "instructor", "learner"]
ROLES: tuple[Role, ...] = ("designer", "instructor", "learner")


def role_of(settings: Settings, store: Store, course: str, email: str) -> Role | None:
    """The role of a signed-in person in a course, or None.

    Designers are named in the settings (``designers``, commas between); other roles are given by
    course; whoever is on the class list under this address (column id) is a learner.
    """
    who = email.strip().lower()
    if who in {name.strip().lower() for name in settings.designers.split(",") if name.strip()}:
        return "designer"
    given = roles_of(store, course)
    if who in given:
        return given[who]
    mine = pseudonym(settings, course, who)
    return "learner" if any(row["pseudonym"] == mine for row in store.learners(course)) else None


def roles_of(store: Store, course: str) -> dict[str, Role]:
    """The roles given in a course, by address; designers of the settings are not among them."""
    return cast(dict[str, Role], store.roles(course))


def give_role(store: Store, course: str, email: str, role: Role | None) -> None:
    """Give a person a role in a course, or with None take it away.

    Raises:
        BadInput: not an address.
    """
    who = email.strip().lower()
    if "@" not in who or " " in who:
        raise BadInput(
            f"“{email}” is not an e-mail address.",
            code="role.email",
            next="Give the address under which the person signs in.",
            email=email,
        )
    if role:
        store.put_role(course, who, role)
    else:
        store.remove_role(course, who)
