"""What this machine has: what each backend would give, and what decides how fast and how safe its servers are."""

from __future__ import annotations

from swe_db.config import Config
from swe_db.servers.survey.backends import Ladder, Rung, survey_backends
from swe_db.servers.survey.docker import survey_docker
from swe_db.servers.survey.facts import Fact
from swe_db.servers.survey.places import survey_places
from swe_db.servers.survey.programs import survey_programs
from swe_db.servers.survey.system import survey_system

__all__ = ["Fact", "Ladder", "Rung", "survey_backends", "survey_machine"]


def survey_machine(config: Config) -> dict[str, tuple[Fact, ...]]:
    """Tell what there is beside the backends, by what it is about.

    Args:
        config: The settings.
    """
    return {
        "Docker": tuple(survey_docker(config)),
        "Programs": tuple(survey_programs()),
        "Memory and disk": tuple(survey_places()),
        "System": tuple(survey_system(config)),
    }
