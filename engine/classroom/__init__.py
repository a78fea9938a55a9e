"""How a class stands, and who may see it: figures, the class view, roles.

``CourseKnowledge`` keeps what screens ask for again and again, of the class and of one learner.
"""

from engine.classroom.analytics import (
    AtRisk,
    RiskRules,
    Tiles,
    at_risk,
    by_learner,
    heat_map,
    items,
    ladder,
    table_of,
    tiles,
)
from engine.classroom.knowledge import CourseKnowledge
from engine.classroom.roles import ROLES, Role, give_role, role_of, roles_of
from engine.classroom.view import ClassView, class_view

__all__ = [
    "ROLES",
    "AtRisk",
    "ClassView",
    "CourseKnowledge",
    "Role",
    "RiskRules",
    "Tiles",
    "at_risk",
    "by_learner",
    "class_view",
    "give_role",
    "heat_map",
    "items",
    "ladder",
    "role_of",
    "roles_of",
    "table_of",
    "tiles",
]
